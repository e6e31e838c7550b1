"""Certificates made at start: who trusts them, who must not, and what lies on the disk."""

from __future__ import annotations

import os
import ssl
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from orchestrator_stub.certificates.made import LIFETIME, NOTES, OTHER_HOST, made
from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.settings.flags import TLS_FAULTS

NAMES = ("localhost", "127.0.0.1", "::1", "stub.internal")


@pytest.mark.parametrize("name", NAMES)
def test_a_strict_client_that_trusts_the_ca_accepts_every_name(tmp_path, meet, name):
    """`--tls auto` could not be used by a name that it was started for, or by clients newer than ours."""
    client = meet(made(tmp_path, NAMES), name)
    assert client.version() == "TLSv1.3"
    assert meet(made_again(tmp_path), name, version=ssl.TLSVersion.TLSv1_2).version() == "TLSv1.2"


def made_again(tmp_path):
    """A second start in a folder of its own."""
    folder = tmp_path / "again"
    folder.mkdir()
    return made(folder, NAMES)


def test_another_name_and_another_start_are_refused(tmp_path, meet):
    """Whoever trusts one stub's CA would trust every stub, and every name."""
    first, second = made(tmp_path, NAMES), made_again(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        meet(first, "stub.elsewhere")
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(first, "localhost", ca_file=second.ca_file)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("expired", "certificate has expired"),
        ("wrong-host", "Hostname mismatch"),
        ("unknown-ca", "unable to get local issuer certificate"),
    ],
)
def test_a_fault_is_the_only_thing_that_is_wrong(tmp_path, meet, fault, says):
    """A rehearsal would show another error than the real cluster."""
    secured = made(tmp_path, NAMES, fault)
    with pytest.raises(ssl.SSLCertVerificationError, match=says):
        meet(secured, "localhost")
    if fault == "wrong-host":
        assert meet(secured, OTHER_HOST)


def test_an_expired_one_ended_yesterday(tmp_path):
    """A client whose clock is a day slow would see nothing wrong, or the note would lie."""
    now = datetime.now(UTC).replace(microsecond=0)
    made(tmp_path, NAMES, "expired", now=now)
    read = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    assert read.not_valid_after_utc == now - timedelta(days=1)
    assert read.not_valid_before_utc < read.not_valid_after_utc


def test_a_good_one_outlives_a_long_session(tmp_path):
    """A stub that was left running would break for no visible reason."""
    now = datetime.now(UTC).replace(microsecond=0)
    made(tmp_path, NAMES, now=now)
    for file in ("server.pem", "ca.pem"):
        read = x509.load_pem_x509_certificate((tmp_path / file).read_bytes())
        assert (read.not_valid_before_utc < now, read.not_valid_after_utc) == (True, now + LIFETIME)


def test_every_fault_that_a_flag_names_can_be_made():
    """`--tls auto:FAULT` would end in a traceback."""
    assert set(NOTES) == set(TLS_FAULTS)


def test_only_the_servers_key_is_written_and_only_for_its_owner(tmp_path):
    """Another user of the machine could pose as the stub, and with the authority's key as anything."""
    before = os.umask(0)
    try:
        made(tmp_path, NAMES)
    finally:
        os.umask(before)
    keys = [file for file in tmp_path.iterdir() if "PRIVATE KEY" in file.read_text()]
    assert [(file.name, stat.S_IMODE(file.stat().st_mode)) for file in keys] == [("server.key", 0o600)]
    signs = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes()).public_key()
    served = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes()).public_key()
    assert signs != served, "the written key must not be the authority's"


@pytest.mark.parametrize("name", ["bücher.example", ""])
def test_a_name_that_cannot_stand_in_a_certificate_is_one_sentence(tmp_path, name):
    """The user would see a traceback of a library."""
    with pytest.raises(SettingsError, match="--allow-host .* give the name in ASCII"):
        made(tmp_path, ("localhost", name))
