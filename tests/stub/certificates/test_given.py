"""The user's own certificate and key: what is served, and what each wrong file gets."""

from __future__ import annotations

import ssl

import pytest

from orchestrator_stub.certificates.given import given
from orchestrator_stub.domain.errors import SettingsError


def test_a_certificate_that_signs_itself_is_what_clients_are_told_to_trust(issue, meet):
    """The connection that the banner shows would not work with the usual self-signed certificate."""
    certificate, key = issue("own")
    secured = given(certificate, key)
    assert secured.ca_file == certificate
    assert meet(secured, "localhost", strict=False).version() == "TLSv1.3"


def test_a_certificate_of_another_authority_is_not(issue):
    """A connection would trust the one certificate alone and break with each renewal, or at once."""
    certificate, key = issue("signed", signed_by_itself=False)
    secured = given(certificate, key)
    assert secured.ca_file is None
    assert str(certificate) in secured.note


def test_a_chain_with_its_root_is(issue):
    """Clients could not be told what to trust although it lies in the file."""
    certificate, key = issue("signed", signed_by_itself=False)
    root, _ = issue("root")
    certificate.write_text(certificate.read_text() + root.read_text())
    assert given(certificate, key).ca_file == certificate


def test_a_path_is_shown_in_full(issue, monkeypatch, tmp_path):
    """A client in another folder would not find the file."""
    certificate, key = issue("own")
    monkeypatch.chdir(tmp_path)
    assert given(certificate.relative_to(tmp_path), key).ca_file == certificate


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_before_1_2_is_refused(issue, meet):
    """An old client would work here and fail on every real server."""
    secured = given(*issue("own"))
    assert secured.context.minimum_version is ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="(?i)protocol"):
        meet(secured, "localhost", strict=False, version=ssl.TLSVersion.TLSv1_1)


def test_a_client_that_prefers_http_2_is_told_http_1_1(issue, meet):
    """Clients that offer both could send frames of HTTP/2, which nobody here reads."""
    client = meet(given(*issue("own")), "localhost", strict=False, offers=["h2", "http/1.1"])
    assert client.selected_alpn_protocol() == "http/1.1"


def test_each_wrong_file_is_named_with_what_is_wrong(issue, tmp_path):
    """The user would read OpenSSL's words, or be asked for a passphrase on the terminal."""
    certificate, key = issue("one")
    _, other = issue("two")
    _, locked = issue("locked", passphrase=b"secret")
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    broken = tmp_path / "broken.key"
    broken.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    for files, sentence in [
        ((tmp_path / "none.pem", key), "--tls-cert .*none.pem cannot be read: No such file"),
        ((certificate, tmp_path / "none.key"), "--tls-key .*none.key cannot be read: No such file"),
        ((tmp_path, key), "--tls-cert .* cannot be read: Is a directory"),
        ((text, key), "--tls-cert .*notes.txt holds no certificate in PEM form"),
        ((key, key), "--tls-cert .*one.key holds no certificate in PEM form"),
        ((certificate, text), "--tls-key .*notes.txt holds no private key in PEM form"),
        ((certificate, certificate), "--tls-key .*one.pem holds no private key in PEM form"),
        ((certificate, other), "--tls-key .*two.key is not the key of --tls-cert .*one.pem"),
        ((certificate, locked), "--tls-key .*locked.key is encrypted: give it without a passphrase"),
        ((certificate, broken), "--tls-cert .* and --tls-key .*broken.key cannot be used"),
    ]:
        with pytest.raises(SettingsError, match=sentence):
            given(*files)
