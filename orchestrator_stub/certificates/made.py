"""An authority and a server's certificate, made for one start; imported only then, because `cryptography` is large.

The authority's key never leaves memory; the server's is a file of mode 0600 in the stub's own folder and goes with it.
A certificate may be wrong in one way on purpose, so that the move to a real cluster can be rehearsed.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from orchestrator_stub.certificates.given import Secured, server_context
from orchestrator_stub.domain.errors import SettingsError

OTHER_HOST = "another-host.example"
"""The only name in a certificate with the fault `wrong-host`."""
NOTES = {
    "": "CA made at start",
    "expired": "CA made at start; on purpose the server's certificate ended yesterday",
    "wrong-host": f"CA made at start; on purpose the server's certificate is for {OTHER_HOST} only",
    "unknown-ca": "CA made at start; on purpose another one signed the server's certificate",
}
"""Fault (`settings.flags.TLS_FAULTS`) -> what people read about the certificate."""
BACKDATED = timedelta(hours=1)
"""Clients whose clock is a little slow trust it, too."""
LIFETIME = timedelta(days=365)


def made(folder: Path, names: Sequence[str], fault: str = "", *, now: datetime | None = None) -> Secured:
    """Write `ca.pem`, `server.pem` and `server.key` into `folder`, and serve with them.

    :param names: host names and addresses that clients may use.
    :param fault: one of `NOTES`.
    :param now: default this machine's time, because clients check against theirs, whatever clock the stub has.
    :raises SettingsError: a name cannot stand in a certificate.
    """
    note, now = NOTES[fault], now or datetime.now(UTC)
    shown = signer = _Authority("bacalhau stub CA", now)
    if fault == "unknown-ca":
        signer = _Authority("another CA", now)
    if fault == "wrong-host":
        names = (OTHER_HOST,)
    since, until = now - BACKDATED, now + LIFETIME
    if fault == "expired":
        since, until = now - timedelta(days=30), now - timedelta(days=1)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = signer.sign(key.public_key(), names, since, until)
    ca_file, certificate_file, key_file = (folder / name for name in ("ca.pem", "server.pem", "server.key"))
    _write(ca_file, shown.certificate.public_bytes(Encoding.PEM), 0o644)
    _write(certificate_file, certificate.public_bytes(Encoding.PEM), 0o644)
    _write(key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    return Secured(server_context(certificate_file, key_file), ca_file, note)


class _Authority:
    """A certificate that may sign others, with its key."""

    def __init__(self, name: str, now: datetime) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        builder = self._begin(self._key.public_key(), self._name, now - BACKDATED, now + LIFETIME)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = self._finish(builder.add_extension(_usage(signs=True), critical=True))

    def sign(
        self, key: ec.EllipticCurvePublicKey, names: Sequence[str], since: datetime, until: datetime
    ) -> x509.Certificate:
        """A server's certificate for these names."""
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier)
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        builder = self._begin(key, _named("bacalhau stub"), since, until)
        builder = builder.add_extension(alternatives, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return self._finish(builder.add_extension(authority, critical=False))

    def _begin(
        self, key: ec.EllipticCurvePublicKey, subject: x509.Name, since: datetime, until: datetime
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
        identifier = x509.SubjectKeyIdentifier.from_public_key(key)
        return builder.not_valid_before(since).not_valid_after(until).add_extension(identifier, critical=False)

    def _finish(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.sign(self._key, hashes.SHA256())


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    """An authority signs certificates, a server handshakes; strict clients want it said."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    bare = name.strip("[]")
    try:
        return x509.IPAddress(ipaddress.ip_address(bare))
    except ValueError:
        pass  # not an address, so a name
    if bare and bare.isascii():
        return x509.DNSName(bare)
    raise SettingsError(f"--allow-host {name!r} cannot stand in a certificate: give the name in ASCII")


def _write(file: Path, content: bytes, mode: int) -> None:
    """A new file that nobody could read in between, whatever the umask is."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
        opened.write(content)
