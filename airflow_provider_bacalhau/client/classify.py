"""What an error answer or a broken connection means. Pure.

The status alone tells little: conflicts and ambiguous ids are 500, 1.7.0 refuses credentials with 500, and 1.1.0
says "not found" with 500. So the body's Code and Message decide first (fact sheet 8, FINDINGS 1, FINDINGS-1.1.0 3).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.client.redaction import hide
from airflow_provider_bacalhau.errors import (
    ApiError,
    AuthError,
    BrokenContract,
    Conflict,
    NotFound,
    Rejected,
    ServerFault,
    Unreachable,
)
from airflow_provider_bacalhau.models.base import fold, mapping, text

_NEVER_SENT = ("ConnectionRefusedError", "gaierror")
"""Errors of a connection that never was; by name, because their modules do IO."""


_AUTH_TEXTS = (  # 1.7.0 sends these with status 500 (FINDINGS 1 row 8.3)
    "missing authorization header",
    "authentication failed",
    "unsupported authentication method",
    "does not have the required capability",
)
_NOT_FOUND_CODES = ("NotFound", "BoltDBBucketNotFound")
_NOT_FOUND_TEXTS = ("job not found", "bucket not found", "nodeinfo not found")  # 1.1.0 sends these with status 500
_CONFLICT_CODES = ("ConflictJobState", "ConflictJobRevision", "ConflictNodeState", "ResourceInUse")
_CONFLICT_TEXTS = (
    "no changes detected",
    "cannot stop job",
    "cannot rerun job",
    "is in terminal state",
    "already exists",
)
_REJECTED_CODES = (
    "BadRequest",
    "ValidationError",
    "MultipleJobsFound",
    "MultipleExecutionsFound",
    "MultipleNodesFound",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: header names in lower case, and whose it is."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    server: str = "the server"
    """Base URL, for error sentences."""
    request_id: str = ""


def refusal(name: str, answer: Answer) -> ApiError:
    """The typed error of an answer that is not 200.

    :param name: what was tried, e.g. "stop job j-1".
    """
    body = _json_object(answer.body)
    if body is None:
        return _foreign_refusal(name, answer)
    said = server_text(text(body.get("message")))
    if "error" in body:  # 1.1.0 and the version check: the detail is here, "message" is only the status' name
        said = server_text(text(body["error"])).removeprefix("code=400, message=")
    facts = {
        "status": answer.status,
        "code": text(body.get("code")),
        "component": text(body.get("component")),
        "hint": text(body.get("hint")),
        "request_id": answer.request_id,
        "details": {str(key): text(value) for key, value in mapping(body.get("details")).items()},
    }
    return _by_meaning(name, answer, said or f"status {answer.status}", facts)


def unreachable(name: str, error: BaseException, config: ClientConfig, request_id: str = "") -> ApiError:
    """The typed error of an exception of the HTTP or websocket library: no answer came.

    `maybe_applied` is False only where the request certainly did not leave.
    """
    chain = list(_chain(error))
    words = " | ".join(f"{type(one).__name__}: {one}" for one in chain)
    for marks, sent, sentence in _BREAKS:
        if any(mark in words for mark in marks):
            host = urlsplit(config.base_url).hostname or ""
            cause = sentence.format(
                base=config.base_url, host=host, connect=config.connect_timeout, read=config.read_timeout
            )
            if "does not decode" in cause:
                return BrokenContract(f"Could not {name}: {cause}.", request_id=request_id)
            return Unreachable(f"Could not {name}: {cause}.", maybe_applied=sent, request_id=request_id)
    tls = "" if config.secure else " (if the server expects TLS, set the connection's schema to https)"
    why = server_text(hide(str(chain[-1]), config) or type(chain[-1]).__name__)
    return Unreachable(
        f"Could not {name}: the connection to {config.base_url} broke before a whole answer came, {why}{tls}.",
        maybe_applied=not any(type(one).__name__ in _NEVER_SENT for one in chain),
        request_id=request_id,
    )


def server_text(value: str) -> str:
    """A server's text on one line, of bearable length, without a full stop at the end."""
    line = " ".join(value.split()).rstrip(". ")
    return line if len(line) <= 600 else line[:600] + "..."


_BREAKS: tuple[tuple[tuple[str, ...], bool, str], ...] = (
    (
        ("certificate has expired", "certificate is not yet valid"),
        False,
        "the certificate of {base} is not valid today; have it renewed on the server, or set this machine's clock",
    ),
    (
        ("Hostname mismatch", "IP address mismatch"),
        False,
        "the certificate of {base} is for another name; set the connection's host to the name that it is for",
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED",),
        False,
        "the certificate of {base} is not trusted; set ca_cert in the connection's extra to the CA that signed it",
    ),
    (
        ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"),
        False,
        "{base} does not speak TLS; set the connection's schema to http",
    ),
    (
        ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "HANDSHAKE_FAILURE"),
        False,
        "{base} refused the client certificate or wants one; set client_cert and client_key in the connection's extra",
    ),
    (
        ("gaierror",),
        False,
        "the name {host} cannot be resolved; check the connection's host",
    ),
    (
        ("ConnectionRefusedError",),
        False,
        "nothing listens at {base}; check the connection's host and port and that the orchestrator runs",
    ),
    (
        ("ConnectTimeout", "timed out during opening handshake"),
        False,
        "{base} accepted no connection within {connect:g} s; check the connection's host, its port and the firewall",
    ),
    (("PoolTimeout",), False, "all connections to {base} were busy for {read:g} s; ask for less at the same time"),
    (("ProxyError",), False, "the proxy on the way to {base} failed; check HTTP_PROXY, HTTPS_PROXY and NO_PROXY"),
    (
        ("ReadTimeout", "WriteTimeout"),
        True,
        (
            "{base} took the connection but did not answer within {read:g} s; look at the orchestrator's load, "
            "or raise read_timeout in the connection's extra"
        ),
    ),
    (("DecodingError",), True, "the answer of {base} does not decode; look for a proxy that changes its content"),
    (
        ("ConnectError", "NetworkUnreachable", "No route to host"),
        False,
        "no connection to {base}; check the connection's host and port and the network",
    ),
)


def _by_meaning(name: str, answer: Answer, said: str, facts: dict[str, Any]) -> ApiError:
    low, code, status = said.lower(), facts["code"], answer.status
    outdated = status == 403 and "client version" in low
    forbidden = code == "Forbidden" or "required capability" in low or (status == 403 and not outdated)
    reason = facts["details"].get("reason", said)
    if forbidden:
        return AuthError(
            f"Could not {name}: {answer.server} does not allow it to this user ({server_text(reason)}); "
            "use a credential with that capability in the connection.",
            **facts,
        )
    if status == 401 or code == "Unauthorized" or any(mark in low for mark in _AUTH_TEXTS):
        return AuthError(
            f"Could not {name}: {answer.server} did not accept the credential ({server_text(reason)}); "
            "check the connection's login and password, API key or token.",
            **facts,
        )
    if status == 429 or code in ("TooManyRequests", "ResourceExhausted"):
        return _fault(name, answer, said, facts)
    if code in _CONFLICT_CODES or status == 409 or any(mark in low for mark in _CONFLICT_TEXTS):
        return Conflict(f"Could not {name}: {said}.", **facts)
    if status == 404 and facts["component"] in ("APIServer", ""):
        return NotFound(
            f"Could not {name}: {answer.server} has no such route ({said}); check the path in the connection's host "
            "and the server's release.",
            **facts,
        )
    if status == 404 or code in _NOT_FOUND_CODES or low.startswith(_NOT_FOUND_TEXTS):
        return NotFound(f"Could not {name}: {said}; check the id, the namespace and the connection.", **facts)
    if code in _REJECTED_CODES or 400 <= status < 500:
        return Rejected(f"Could not {name}: {answer.server} refused it: {said}.", **facts)
    return _fault(name, answer, said, facts)


def _foreign_refusal(name: str, answer: Answer) -> ApiError:
    """An answer without a JSON object: a timeout of the server (503 text), a proxy, or another service."""
    said = server_text(answer.body[:200].decode("utf-8", "replace"))
    said = "a page of HTML" if said.startswith("<") else said or "an empty body"
    facts: dict[str, Any] = {"status": answer.status, "request_id": answer.request_id}
    if 300 <= answer.status < 400:
        target = server_text(answer.headers.get("location", "elsewhere"))
        return BrokenContract(
            f"Could not {name}: {answer.server} redirects to {target}, which is not followed because the credential "
            "would go along; set the connection's host and schema to where the orchestrator is.",
            **facts,
        )
    if "HTTP request to an HTTPS server" in said or "plain HTTP request was sent to HTTPS port" in said:
        return BrokenContract(
            f"Could not {name}: {answer.server} speaks TLS; set the connection's schema to https.", **facts
        )
    if answer.status in (401, 403, 407):
        return AuthError(
            f"Could not {name}: {answer.server} did not accept the credential (status {answer.status}, {said}); "
            "check the connection's login and password, API key or token.",
            **facts,
        )
    if answer.status == 429 or answer.status >= 500:
        return _fault(name, answer, said, facts)
    return BrokenContract(
        f"Could not {name}: {answer.server} answered with status {answer.status} and {said}, which no Bacalhau server "
        "sends; check the connection's host, port and path.",
        **facts,
    )


def _fault(name: str, answer: Answer, said: str, facts: dict[str, Any]) -> ServerFault:
    try:
        retry_after = float(answer.headers.get("retry-after", ""))
    except ValueError:
        retry_after = None  # absent, or a date, which no Bacalhau server sends
    return ServerFault(
        f"Could not {name}: {answer.server} failed with status {answer.status} ({said}); the reason stands in the "
        f"orchestrator's log at request {answer.request_id or '?'}.",
        retry_after=retry_after,
        **facts,
    )


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(body)
    except ValueError:
        return None
    return fold(data) if isinstance(data, dict) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it stands for, the first cause last; not what merely was being handled at the time.

    httpcore raises its errors `from None`, so what they replace is their context.
    """
    yield error
    behind = error.__cause__ or (error.__context__ if error.__suppress_context__ else None)
    for one in (*(error.exceptions if isinstance(error, BaseExceptionGroup) else ()), behind):
        if one is not None:
            yield from _chain(one)
