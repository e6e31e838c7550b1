"""The server's side of TLS from two files: what `--tls-cert` and `--tls-key` name, or what was made for this start."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from orchestrator_stub.domain.errors import SettingsError

_BEGIN_KEY = "PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class Secured:
    """A server's side of TLS, and what clients need to know of it."""

    context: ssl.SSLContext
    ca_file: Path | None
    """What clients are told to trust; None where they have to know it already."""
    note: str
    """Where the certificate comes from, in words, for people."""


def given(certificate: Path, key: Path) -> Secured:
    """Serve with the user's files, in PEM. Clients are told to trust `certificate` where it holds its own root.

    :raises SettingsError: a file cannot be read, holds something else, is encrypted, or the two do not belong together.
    """
    roots = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    chain = _text("--tls-cert", certificate)
    _text("--tls-key", key)
    try:
        roots.load_verify_locations(cadata=chain)
    except (ssl.SSLError, ValueError):
        raise SettingsError(f"--tls-cert {certificate} holds no certificate in PEM form") from None
    trusts_itself = any(each.get("subject") == each.get("issuer") for each in roots.get_ca_certs())
    file, context = certificate.absolute(), server_context(certificate, key)
    if trusts_itself:
        return Secured(context, file, "given by --tls-cert")
    return Secured(context, None, f"certificate {file}; who trusts its CA trusts the stub")


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context for a server, with the protocol versions of Go's (TLS 1.2 and 1.3), but HTTP/1.1 alone.

    :raises SettingsError: the files cannot be used; the text names the flag.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])

    def no_passphrase() -> str:
        # Without this OpenSSL would ask on the terminal.
        raise SettingsError(f"--tls-key {key} is encrypted: give it without a passphrase")

    try:
        context.load_cert_chain(certificate, key, no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(f"--tls-key {key} is not the key of --tls-cert {certificate}") from None
        if _BEGIN_KEY not in _text("--tls-key", key):
            raise SettingsError(f"--tls-key {key} holds no private key in PEM form") from None
        why = (error.reason or "unknown reason").replace("_", " ").lower()
        raise SettingsError(f"--tls-cert {certificate} and --tls-key {key} cannot be used: {why}") from None
    return context


def _text(flag: str, file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError as error:
        raise SettingsError(f"{flag} {file} cannot be read: {error.strerror or error}") from None
