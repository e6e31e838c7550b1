"""Every kind of TLS through both shells, against a real server with certificates of an authority nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.errors import BrokenContract, ConfigError, Unreachable

JOB = '{"Job":{"ID":"j-1","State":{"StateType":"Running"}}}'


@pytest.fixture
def secure(serve, reply, certificates):
    """secure(**certificate) -> base url of a TLS server that knows job j-1."""

    def start(**how):
        base_url, _ = serve(lambda handler: reply(handler, 200, JOB), certificates.server_context(**how))
        return base_url

    return start


def ask(connect, base_url, **config):
    """Read a job with a config."""
    return connect(ClientConfig(base_url, **config))("get_job", "j-1").id


@pytest.mark.parametrize("as_text", [False, True], ids=["path", "text"])
def test_an_own_authority_is_trusted(connect, secure, certificates, as_text):
    """A cluster with its own CA could not be used."""
    ca = Path(certificates.ca).read_text() if as_text else certificates.ca
    assert ask(connect, secure(), ca_cert=ca) == "j-1"


def test_pem_text_with_escaped_line_ends_is_read(connect, secure, certificates):
    """PEM pasted into JSON twice has backslash and n where line ends should be."""
    text = Path(certificates.ca).read_text().strip().replace("\n", "\\n")
    assert ask(connect, secure(), ca_cert=text) == "j-1"


def test_an_unknown_authority_is_refused(connect, secure):
    """Anybody's certificate would be believed."""
    with pytest.raises(Unreachable, match="not trusted.*set ca_cert") as caught:
        ask(connect, secure())
    assert not caught.value.maybe_applied


def test_a_certificate_for_another_name_is_refused(connect, secure, certificates):
    """The certificate of any host of the same authority would be believed."""
    with pytest.raises(Unreachable, match="is for another name"):
        ask(connect, secure(hosts=("other.example",)), ca_cert=certificates.ca)


def test_an_expired_certificate_is_refused(connect, secure, certificates):
    """A stolen old key would be enough."""
    with pytest.raises(Unreachable, match="not trusted"):
        ask(connect, secure(days=-1), ca_cert=certificates.ca)


def test_verification_can_be_switched_off(connect, secure):
    """A test cluster with a self-signed certificate could not be used at all."""
    assert ask(connect, secure(hosts=("other.example",)), verify=False) == "j-1"


@pytest.mark.parametrize("form", ["paths", "text", "one-file", "one-text", "mixed"])
def test_a_client_certificate_is_shown(connect, secure, certificates, tmp_path, form):
    """A gateway that wants client certificates could not be passed."""
    cert, key = certificates.issue("client", client=True)
    cert_text, key_text = Path(cert).read_text(), Path(key).read_text()
    both = tmp_path / "both.pem"
    both.write_text(cert_text + key_text)
    given = {
        "paths": {"client_cert": cert, "client_key": key},
        "text": {"client_cert": cert_text, "client_key": key_text},
        "one-file": {"client_cert": str(both)},
        "one-text": {"client_cert": cert_text + key_text},
        "mixed": {"client_cert": cert, "client_key": key_text},
    }[form]
    assert ask(connect, secure(ask_client=True), ca_cert=certificates.ca, **given) == "j-1"


def test_a_missing_client_certificate_is_named(connect, secure, certificates):
    """The user would read an alert of OpenSSL."""
    with pytest.raises(Unreachable, match="set client_cert and client_key|broke before"):
        ask(connect, secure(ask_client=True), ca_cert=certificates.ca)


def test_https_against_a_plain_server(connect, serve, reply):
    """A wrong schema would look like a broken server."""
    base_url, _ = serve(lambda handler: reply(handler, 200, JOB))
    with pytest.raises(Unreachable, match="does not speak TLS; set the connection's schema to http"):
        ask(connect, base_url.replace("http:", "https:"))


def test_http_against_a_tls_server(connect, secure):
    """A wrong schema would look like a broken server: this one hangs up without a word."""
    with pytest.raises(Unreachable, match="schema to https"):
        ask(connect, secure().replace("https:", "http:"))


def test_http_against_a_go_server_with_tls(connect, serve, reply):
    """A real orchestrator answers 400 in plain text."""
    text = "Client sent an HTTP request to an HTTPS server.\n"
    base_url, _ = serve(lambda handler: reply(handler, 400, text, Content_Type="text/plain"))
    with pytest.raises(BrokenContract, match="speaks TLS; set the connection's schema to https"):
        ask(connect, base_url)


def test_a_certificate_that_cannot_be_read_is_a_wrong_connection(connect):
    """It would look like a broken server and be tried again."""
    with pytest.raises(ConfigError, match="ca_cert cannot be read"):
        ask(connect, "https://127.0.0.1:1", ca_cert="/no/such/file.pem")
