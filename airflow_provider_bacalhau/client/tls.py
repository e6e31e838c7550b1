"""What the shells open connections with: options of httpx and websockets, and the TLS context in both.

Beside the shells the only module here that does IO, because certificates may be files. The shells call it lazily, aio
in a thread (28 ms).
"""

from __future__ import annotations

import logging
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from airflow_provider_bacalhau.client import classify, redaction
from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.errors import ConfigError

_PEM = "-----BEGIN "

_LOG = logging.getLogger("airflow_provider_bacalhau.websockets")
_LOG.setLevel(logging.INFO)  # at DEBUG websockets writes the handshake with its Authorization header


def http_options(config: ClientConfig) -> dict[str, Any]:
    """Keyword arguments for both clients of httpx. Proxies of the environment are not asked for this machine.

    :raises ConfigError: a certificate or key cannot be read.
    """
    return {
        "verify": ssl_context(config),
        "timeout": httpx.Timeout(config.read_timeout, connect=config.connect_timeout),
        "trust_env": not config.loopback,
        "follow_redirects": False,
    }


def socket_options(headers: Mapping[str, str], config: ClientConfig) -> dict[str, Any]:
    """Keyword arguments for both `connect` of websockets.

    No pings: a server never answers one, so they would end a healthy stream (FINDINGS 1 row 11.2). No header of the
    library, no limit on a frame's size, and a short wait for the close that a busy node does not answer.

    :raises ConfigError: a certificate or key cannot be read.
    """
    return {
        "ssl": ssl_context(config) if config.secure else None,
        "additional_headers": dict(headers),
        "user_agent_header": None,
        "ping_interval": None,
        "max_size": None,
        "compression": None,
        "open_timeout": config.connect_timeout,
        "close_timeout": 1.0,
        "logger": _LOG,
        "proxy": None if config.loopback else True,
    }


@contextmanager
def http_errors(name: str, config: ClientConfig, request_id: str) -> Iterator[None]:
    """Turns the exceptions of httpx into ours."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        found = classify.unreachable(name, error, config, request_id)
        raise found from redaction.presentable(error, config)


@contextmanager
def socket_errors(name: str, config: ClientConfig, request_id: str) -> Iterator[None]:
    """Turns the exceptions of websockets into ours: the server's own refusal of a handshake where it sent one.

    The regular close (1000) ends the block silently; a TimeoutError that is not the handshake's passes.
    """
    from websockets.exceptions import ConnectionClosedOK, InvalidStatus, WebSocketException

    try:
        yield
    except ConnectionClosedOK:
        return
    except InvalidStatus as error:
        response = error.response
        named = {key.lower(): value for key, value in response.headers.raw_items()}
        headers = redaction.hide_headers(named, config)
        body = redaction.hide_body(response.status_code, bytes(response.body or b""), config)
        answer = classify.Answer(response.status_code, headers, body, config.base_url, request_id)
        raise classify.refusal(name, answer) from error
    except (OSError, WebSocketException) as error:
        if isinstance(error, TimeoutError) and "opening handshake" not in str(error):
            raise
        found = classify.unreachable(name, error, config, request_id)
        raise found from redaction.presentable(error, config)


def ssl_context(config: ClientConfig) -> ssl.SSLContext:
    """The context for a config: its own CA or the public ones and the system's, its client certificate, its `verify`.

    :raises ConfigError: a certificate or key cannot be read; the text names the field.
    """
    if config.secure and config.verify and not config.ca_cert:
        context = httpx.create_ssl_context()
        context.load_default_certs()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not config.secure:
        return context  # never used; loading certificates for http would only cost time
    if not config.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif config.ca_cert:
        _trust(context, config.ca_cert)
    if config.client_cert:
        _identify(context, config.client_cert, config.client_key)
    return context


def results_context(config: ClientConfig) -> ssl.SSLContext:
    """The context for result URLs, which lead to other hosts than the orchestrator: the public CAs and the system's,
    and the connection's `ca_cert` beside them. Its `verify: false` and its client certificate are the orchestrator's.

    :raises ConfigError: the `ca_cert` cannot be read.
    """
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if config.ca_cert:
        _trust(context, config.ca_cert)
    return context


def _trust(context: ssl.SSLContext, ca_cert: str) -> None:
    try:
        if _PEM in ca_cert:
            context.load_verify_locations(cadata=_pem(ca_cert))
        else:
            context.load_verify_locations(cafile=str(Path(ca_cert).expanduser()))
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(f"The connection's ca_cert cannot be read as certificates ({_why(error)}).") from None


def _identify(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    try:
        if _PEM not in cert and _PEM not in (key or ""):
            context.load_cert_chain(Path(cert).expanduser(), key and Path(key).expanduser(), _no_passphrase)
            return
        both = "\n".join(_pem(one) if _PEM in one else Path(one).expanduser().read_text() for one in (cert, key) if one)
        with _private_file(both) as path:
            context.load_cert_chain(path, None, _no_passphrase)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"The connection's client_cert and client_key cannot be used together ({_why(error)})."
        ) from None  # its text would quote a field that is no path, such as a key without its first line


def _no_passphrase() -> str:
    """Answers OpenSSL, which would ask on the terminal otherwise."""
    raise ConfigError("The connection's client_key is encrypted: give it without a passphrase.")


def _pem(value: str) -> str:
    """PEM text with real line ends, also when they were pasted into JSON as backslash and n."""
    return value.replace("\\n", "\n") if "\n" not in value.strip() else value


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__


@contextmanager
def _private_file(text: str) -> Iterator[str]:
    """A path to `text` for OpenSSL, which takes keys from files only: memory on Linux, else a file of mode 0600."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("bacalhau-client-key"), "w") as memory:
            memory.write(text)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
        return
    descriptor, path = tempfile.mkstemp(prefix="bacalhau-", suffix=".pem")  # created with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        yield path
    finally:
        Path(path).unlink(missing_ok=True)
