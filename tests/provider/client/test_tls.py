"""Options and the TLS context of both shells; what they do is proved against real servers in tests/contract."""

from __future__ import annotations

import logging
import ssl
import stat
import threading

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from airflow_provider_bacalhau.client import tls
from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.errors import ConfigError, NotFound, Unreachable

HTTPS = "https://bac.example"


def key_text(passphrase=None):
    """PEM text of a fresh key."""
    locked = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked).decode()


def test_the_public_authorities_are_trusted_by_default():
    """A server with an ordinary certificate could not be used, or any certificate would be believed."""
    context = tls.ssl_context(ClientConfig(HTTPS))
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 50


def test_nothing_is_loaded_for_plain_http():
    """A stub on the laptop would pay for certificates with each task."""
    context = tls.ssl_context(ClientConfig("http://127.0.0.1:1234"))
    assert context.cert_store_stats()["x509"] == 0
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_verify_off_believes_everybody():
    """The switch would have no effect, or be on without being asked for."""
    context = tls.ssl_context(ClientConfig(HTTPS, verify=False))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"ca_cert": "/no/such.pem"}, "ca_cert cannot be read as certificates \\(no such file\\)"),
        ({"ca_cert": "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n"}, "ca_cert cannot be read"),
        ({"client_cert": "/no/such.pem"}, "client_cert and client_key cannot be used together \\(no such file\\)"),
        ({"client_cert": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}, "client_cert and client_key"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_named(fields, named):
    """The user would read an error number of OpenSSL."""
    with pytest.raises(ConfigError, match=named):
        tls.ssl_context(ClientConfig(HTTPS, **fields))


def test_an_encrypted_key_does_not_ask_on_the_terminal(tmp_path):
    """A worker would hang at OpenSSL's passphrase prompt."""
    path = tmp_path / "locked.pem"
    path.write_text(key_text(b"secret"))
    with pytest.raises(ConfigError, match="without a passphrase|cannot be used together"):
        tls.ssl_context(ClientConfig(HTTPS, client_cert=str(path)))


def test_no_error_shows_a_key():
    """A log would hold the private key."""
    text = key_text()
    with pytest.raises(ConfigError) as caught:
        tls.ssl_context(ClientConfig(HTTPS, client_cert=text, client_key=text))
    assert text[40:80] not in f"{caught.value} {caught.value.__cause__!r}"


def test_key_text_stays_in_memory_where_it_can():
    """A private key would lie in a temporary folder."""
    with tls._private_file("secret") as path:
        assert path.startswith("/proc/self/fd/")
        with open(path) as file:
            assert file.read() == "secret"


def test_key_text_is_a_private_file_elsewhere_and_gone_afterwards(monkeypatch, tmp_path):
    """Other users of a Mac could read the key, or it would stay after a crash of OpenSSL."""
    monkeypatch.delattr("os.memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(RuntimeError), tls._private_file("secret") as path:
        (found,) = tmp_path.iterdir()
        assert str(found) == path
        assert stat.S_IMODE(found.stat().st_mode) == 0o600
        assert found.read_text() == "secret"
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_http_options(config):
    """Timeouts of the connection would have no effect, or a redirect be followed with the credential."""
    options = tls.http_options(ClientConfig("http://bac.example", connect_timeout=2.0, read_timeout=60.0))
    assert (options["timeout"].connect, options["timeout"].read) == (2.0, 60.0)
    assert options["follow_redirects"] is False
    assert options["trust_env"] is True
    assert tls.http_options(config)["trust_env"] is False


def test_socket_options(config):
    """A ping would end a healthy stream after 40 s (FINDINGS 1 row 11.2); a large frame would break it."""
    options = tls.socket_options({"authorization": "x"}, config)
    assert options["ping_interval"] is None
    assert options["max_size"] is None
    assert options["additional_headers"] == {"authorization": "x"}
    assert options["ssl"] is None
    assert options["proxy"] is None
    assert tls.socket_options({}, ClientConfig(HTTPS))["ssl"] is not None


def test_silence_passes_through_and_a_slow_handshake_does_not(config):
    """The caller's own deadline would look like a broken server, or a dead server like a silent log."""
    with pytest.raises(TimeoutError), tls.socket_errors("read the log", config, "r"):
        raise TimeoutError
    with pytest.raises(Unreachable), tls.socket_errors("read the log", config, "r"):
        raise TimeoutError("timed out during opening handshake")


def test_errors_of_ours_pass_through(config):
    """An error frame would be translated twice."""
    with pytest.raises(NotFound), tls.socket_errors("read the log", config, "r"):
        raise NotFound("job not found")


def test_contexts_can_be_built_in_any_thread():
    """The async shell builds it beside its loop."""
    made = []
    thread = threading.Thread(target=lambda: made.append(tls.ssl_context(ClientConfig(HTTPS))))
    thread.start()
    thread.join()
    assert made


@pytest.mark.parametrize(
    "fields",
    [{"client_cert": "/nowhere.pem", "client_key": "MIIEvQIBADANBgkq" * 20}, {"ca_cert": "MIIEvQIBADANBgkq" * 20}],
)
def test_a_field_that_is_no_path_is_not_quoted(fields):
    """A key that lost its first line would stand in the traceback, as the name of a file that is not there."""
    with pytest.raises(ConfigError) as caught:
        tls.ssl_context(ClientConfig(HTTPS, **fields))
    assert "MIIE" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_handshake_is_not_logged():
    """At DEBUG websockets logs every header that it sends, the credential among them."""
    options = tls.socket_options({"authorization": "Bearer x"}, ClientConfig("http://127.0.0.1"))
    assert not options["logger"].isEnabledFor(logging.DEBUG)
