"""From a call to the parts of a request, and from an answer to a value or a typed error. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from pydantic import ValidationError

from airflow_provider_bacalhau.client.call import Call
from airflow_provider_bacalhau.client.classify import Answer, refusal, server_text
from airflow_provider_bacalhau.client.config import ApiKey, Auth, BasicAuth, ClientConfig
from airflow_provider_bacalhau.client.redaction import hide_body, hide_headers
from airflow_provider_bacalhau.errors import ApiError, BrokenContract, ConfigError, NotFound
from airflow_provider_bacalhau.models.base import fold, part, text
from airflow_provider_bacalhau.models.capabilities import Capabilities
from airflow_provider_bacalhau.models.responses import LogFrame

T = TypeVar("T")

VERSION_HEADER = "x-bacalhau-git-version"
MAX_BODY = 10_000_000
"""Bytes a server takes in one request (FINDINGS 1 row 2.1)."""
CLOCK_COARSENESS = 2.0
"""Seconds by which two clocks may seem to differ although they do not."""


@dataclass(frozen=True, slots=True)
class RequestParts:
    """What goes over the wire. `content` is complete, so that it is sent with Content-Length and never chunked."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    request_id: str = ""


def request_parts(call: Call[Any], config: ClientConfig, request_id: str) -> RequestParts:
    """The request of a call. `X-Bacalhau-Git-Version` is never sent: it changes history and can be refused (2.4).

    :raises ConfigError: the body is no JSON or larger than a server takes.
    """
    content = None if call.body is None else _content(call)
    headers = {
        "accept": "application/json",
        "user-agent": config.user_agent,
        **{name.lower(): value for name, value in config.headers.items()},
        **_authorization(config.auth),
        "x-request-id": request_id,
    }
    if content is not None:
        headers["content-type"] = "application/json"
    return RequestParts(call.method, _url(config.base_url, call), headers, content, request_id)


def socket_parts(call: Call[Any], config: ClientConfig, request_id: str) -> RequestParts:
    """The handshake request of a log socket: `ws` or `wss` and the same headers, so that the credential goes along."""
    parts = request_parts(call, config, request_id)
    headers = {name: value for name, value in parts.headers.items() if name != "accept"}
    return RequestParts("GET", "ws" + parts.url.removeprefix("http"), headers, None, request_id)


def http_answer(response: Any, config: ClientConfig, request_id: str) -> Answer:
    """What an httpx `Response` holds, as a value, without what it says back of our credential."""
    status = response.status_code
    headers, body = hide_headers(response.headers, config), hide_body(status, response.content, config)
    return Answer(status, headers, body, config.base_url, request_id)


def read_answer(call: Call[T], answer: Answer, capabilities: Capabilities) -> T:
    """The value of an answer.

    :param capabilities: used when the answer itself does not announce the server's version.
    :raises ApiError: a refusal, or an answer that is not what the call promises.
    """
    if answer.status != 200:
        error = refusal(call.name, answer)
        if call.recover is None:
            raise error
        return call.recover(error)
    try:
        return call.parse(json.loads(answer.body), announced(answer.headers) or capabilities)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise BrokenContract(
            f"Could not {call.name}: {answer.server} answered with {_what_came(answer, error)}; "
            "check that the connection's host and path lead to a Bacalhau orchestrator and nothing cuts its answers.",
            status=answer.status,
            request_id=answer.request_id,
        ) from error


def announced(headers: Mapping[str, str]) -> Capabilities | None:
    """Capabilities by the version header of an answer; None when it has none, as 1.1.0 and early refusals (2.1)."""
    version = headers.get(VERSION_HEADER)
    return Capabilities.from_version(version) if version else None


class Learnt(NamedTuple):
    """What is known of a server beside its answers: capabilities, its clock at the last answer, by how many seconds
    that clock is ahead of ours, and the id of the request that it answered last."""

    facts: Capabilities | None = None
    date: float | None = None
    ahead: float = 0.0
    request_id: str = ""


def learn(headers: Mapping[str, str], known: Learnt, now: float) -> Learnt:
    """What is known after one more answer, which came at `now` by our clock; silence changes nothing.

    A difference below 2 s says nothing: the Date header has whole seconds, and the answer took its time.
    """
    date = server_date(headers)
    facts = announced(headers) or known.facts
    if date is None:
        return known._replace(facts=facts)
    return Learnt(facts, date, date - now if abs(date - now) >= CLOCK_COARSENESS else 0.0)


def server_date(headers: Mapping[str, str]) -> float | None:
    """The server's clock, in seconds since 1970, by the Date header of an answer."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None


def read_frame(call: Call[Any], message: str | bytes, config: ClientConfig) -> LogFrame:
    """One message of a log socket, without what it says back of our credential.

    :raises NotFound: there is no such job. :raises ApiError: the server's error frame; it ends the stream.
    :raises BrokenContract: not a frame.
    """
    try:
        raw = message.encode() if isinstance(message, str) else message
        wire = fold(json.loads(hide_body(0, raw, config)))
        reason = text(wire.get("error"))
        value = part(wire, "value")
        frame = LogFrame(int(value.get("type", 0)), text(value.get("line")))
    except (ValueError, TypeError) as error:
        raise BrokenContract(f"Could not {call.name}: {config.base_url} sent what is no log frame.") from error
    if not reason:
        return frame
    kind = NotFound if "job not found" in reason.lower() else ApiError
    raise kind(f"Could not {call.name}: {server_text(reason)}.")


def _content(call: Call[Any]) -> bytes:
    try:
        content = json.dumps(call.body, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"Could not {call.name}: it holds a value that is no JSON ({error}).") from None
    if len(content) > MAX_BODY:
        raise ConfigError(
            f"Could not {call.name}: it has {len(content):,} bytes and a server takes {MAX_BODY:,}; "
            "put data into S3 or another input instead of the spec."
        )
    return content


def _url(base_url: str, call: Call[Any]) -> str:
    return base_url + call.path + (f"?{urlencode(call.query, quote_via=quote)}" if call.query else "")


def _authorization(auth: Auth | None) -> dict[str, str]:
    if auth is None:
        return {}
    if isinstance(auth, BasicAuth):
        pair = base64.b64encode(f"{auth.login}:{auth.password}".encode()).decode()
        return {"authorization": f"Basic {pair}"}
    return {"authorization": f"Bearer {auth.key if isinstance(auth, ApiKey) else auth.token}"}


def _what_came(answer: Answer, error: Exception) -> str:
    start = answer.body.lstrip()[:64]
    if not start:
        return "an empty body"
    if start.startswith(b"<"):
        return "a page of HTML"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"JSON that does not fit ({'.'.join(map(str, first['loc']))}: {first['msg']})"
    if isinstance(error, json.JSONDecodeError):
        whole = answer.body.rstrip().endswith((b"}", b"]"))
        return "what is no JSON" if whole or start[:1] not in b"{[" else "JSON that is cut off"
    return f"JSON that does not fit ({server_text(str(error))})"
