"""Every kind of TLS through both shells, against a real server with certificates of an authority nobody knows.

Then against the stub with each `--tls`, by the connection that it shows: what works here works on a real cluster, and
what is broken there on purpose reads as it will read there.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_bacalhau.client.config import ClientConfig, parse_connection
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
    with pytest.raises(Unreachable, match="is not valid today; have it renewed"):
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


SENTENCES = {
    "expired": "is not valid today; have it renewed on the server, or set this machine's clock.",
    "wrong-host": "is for another name; set the connection's host to the name that it is for.",
    "unknown-ca": "is not trusted; set ca_cert in the connection's extra to the CA that signed it.",
}
BROKEN = tuple(SENTENCES)
DOCKER = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "busybox", "Parameters": ["echo", "hello"]}}}


@pytest.fixture(scope="module")
def serving():
    """serving(*flags) -> the variables that a stub in a process of its own prints; one for all tests that ask alike."""
    processes, printed = [], {}

    def start(*flags):
        if flags not in printed:
            command = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--s3", "off", *flags]
            quiet = ["--docker-runner", "scripted"]
            process = subprocess.Popen([*command, *quiet], stdout=subprocess.PIPE, text=True)
            processes.append(process)
            lines = [next(line for line in process.stdout if line.startswith("export ")), process.stdout.readline()]
            words = shlex.split(" ".join(lines))
            printed[flags] = dict(word.split("=", 1) for word in words if word != "export")
        return printed[flags]

    yield start
    for process in processes:
        process.terminate()
        process.wait(5)
        process.stdout.close()


def shown(variables):
    """The client's configuration for the connection that the stub shows, as the hook reads it."""
    given = json.loads(variables["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    assert given.pop("conn_type") == "bacalhau"
    parsed = parse_connection(**given)
    assert parsed.warnings == ()
    return parsed.config


@pytest.fixture(params=["auto", "files"])
def good(request, serving, certificates, tmp_path_factory):
    """The variables of a stub whose certificate is right: its own, or files that the user gave."""
    if request.param == "auto":
        return serving("--tls", "auto")
    certificate, key = certificates.issue("stub")
    chain = Path(certificate).with_name("stub-chain.pem")
    chain.write_text(Path(certificate).read_text() + Path(certificates.ca).read_text())
    return serving("--tls-cert", str(chain), "--tls-key", key)


def test_the_connection_that_the_stub_shows_works(connect, good):
    """Whoever copies the banner would be stopped by his own stub, at the API or at the logs."""
    client = connect(shown(good))
    job_id = client("submit_job", {"Type": "batch", "Count": 1, "Tasks": [DOCKER]}).job_id
    assert client("get_job", job_id).id == job_id
    assert client("stream_logs", job_id) == []
    assert client("version").release == "1.9.3"


@pytest.mark.parametrize("fault", BROKEN)
def test_a_certificate_that_is_broken_on_purpose_is_refused_for_that(connect, serving, fault):
    """The rehearsal would pass, or fail for a reason that no real cluster gives."""
    variables = serving("--tls", f"auto:{fault}")
    sentence = f"the certificate of https://127.0.0.1:{variables['BACALHAU_API_PORT']} {SENTENCES[fault]}"
    client = connect(shown(variables))
    for call in (("get_job", "j-1"), ("stream_logs", "j-1")):
        with pytest.raises(Unreachable, match=sentence) as caught:
            client(*call)
        assert not caught.value.maybe_applied


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_broken_is_only_the_certificate(connect, serving, fault):
    """A rehearsal would show two faults at once."""
    given = json.loads(serving("--tls", f"auto:{fault}")["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    config = ClientConfig(f"https://{given['host']}:{given['port']}", verify=False)
    assert connect(config)("version").release == "1.9.3"


def test_http_to_the_stub_says_what_a_real_server_says(connect, serving):
    """The commonest mistake of a move, the forgotten schema, could not be rehearsed."""
    given = json.loads(serving("--tls", "auto")["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    client = connect(ClientConfig(f"http://{given['host']}:{given['port']}"))
    with pytest.raises(BrokenContract, match="speaks TLS; set the connection's schema to https"):
        client("get_job", "j-1")
    with pytest.raises(BrokenContract, match="speaks TLS; set the connection's schema to https"):
        client("submit_job", {"Name": "x" * 100_000})


@pytest.mark.airflow
@pytest.mark.parametrize("tls", ["auto", *(f"auto:{fault}" for fault in BROKEN)])
def test_the_test_button_says_what_to_change(serving, monkeypatch, tls):
    """A person at the form would not learn what is wrong with the certificate."""
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook

    variables = serving("--tls", tls)
    monkeypatch.setenv("AIRFLOW_CONN_BACALHAU_DEFAULT", variables["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    good, text = BacalhauHook().test_connection()
    base_url = f"https://127.0.0.1:{variables['BACALHAU_API_PORT']}"
    if tls == "auto":
        assert good
        assert text.startswith(f"Bacalhau 1.9.3 at {base_url}: no credential needed, may read and submit. 3 nodes")
    else:
        assert not good
        assert text.endswith(f"the certificate of {base_url} {SENTENCES[tls.partition(':')[2]]}")
