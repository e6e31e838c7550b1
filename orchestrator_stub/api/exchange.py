"""A request and its answer as the handlers see them, and the headers that the released servers put on answers."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator_stub.api.asgi import EFFECT, Message
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.release import Release
from orchestrator_stub.wire.gojson import decode_text
from orchestrator_stub.wire.node import ARCHITECTURE, OS
from orchestrator_stub.wire.parameters import Parameter, bind, parse_query
from orchestrator_stub.wire.unmarshal import BindError, Struct, bind_text, unmarshal

if TYPE_CHECKING:
    from orchestrator_stub.engine.journal import Submission
    from orchestrator_stub.engine.orchestrator import Orchestrator

JSON_TYPE = "application/json"
TOO_LARGE = "code=413, message=Request Entity Too Large"
"""The fault of a body without announced length that is longer than the limit."""
_PATH_SAFE = "$&+,/:;=@-_.~"
_IGNORED_TYPES = ("application/xml", "text/xml", "application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: `body` or `text` as they are, else `fields` as JSON."""

    fields: Any = None
    status: int = 200
    text: str | None = None
    body: bytes | None = None
    content_type: str = JSON_TYPE
    """"" = no such header."""
    escape_html: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    own_headers: bool = True
    """False: without `X-Bacalhau-*`, because the real server fails before it gets to them (fact sheet 2.1)."""


class Effect:
    """What a request did, for the journal, and how it is to be answered where a fault says so.

    Each request has one, and hardly any sets more than two of these.
    """

    headers: Mapping[bytes, bytes] = MappingProxyType({})
    status = 0
    """Of the answer that was made."""
    request_id = b""
    jobs: tuple[str, ...] = ()
    """Jobs that it made, by id."""
    submission: Submission | None = None
    runner = ""
    fault = ""
    """Which fault befell it."""
    past: Callable[[], Orchestrator] | None = None
    """Gives the orchestrator of earlier whose answer this is to be."""
    is_noted = False


class Request:
    """One request; the query is only parsed when a handler asks for it."""

    __slots__ = (
        "_query",
        "_raw_query",
        "body",
        "effect",
        "fault",
        "full_path",
        "headers",
        "method",
        "path",
        "peer",
        "raw_path",
        "release",
    )

    def __init__(self, scope: Message, release: Release) -> None:
        self.method: str = scope.get("method", "GET")
        self.path = routed_path(scope)
        self.raw_path: bytes = scope.get("raw_path") or self.path.encode()
        self.full_path: str = scope["path"]
        """Decoded, whatever the router makes of it."""
        self.peer: str = (scope.get("client") or ("",))[0]
        self.release = release
        self.body = b""
        self.fault = ""
        """Why the rest of the body is missing, in net/http's words."""
        self.headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            self.headers.setdefault(name, value)
        self.effect: Effect = scope.get(EFFECT) or Effect()
        self.effect.headers = self.headers
        self._raw_query: bytes = scope.get("query_string", b"")
        self._query: dict[str, list[str]] | None = None

    def header(self, name: str) -> str:
        """A header's value as text, "" when there is none."""
        return decode_text(self.headers.get(name.lower().encode(), b""))

    @property
    def target(self) -> bytes:
        """Path and query as they were sent."""
        return self.raw_path + (self._raw_query and b"?" + self._raw_query)

    @property
    def has_query(self) -> bool:
        """True when the address has parameters."""
        return bool(self._raw_query)

    @property
    def query(self) -> dict[str, list[str]]:
        """Parameters with all their values."""
        if self._query is None:
            self._query = parse_query(self._raw_query)
        return self._query

    @property
    def length(self) -> int | None:
        """Bytes of the body as announced; None for a chunked one."""
        if b"transfer-encoding" in self.headers:
            return None
        text = self.headers.get(b"content-length", b"0")
        return int(text) if text.isdigit() else 0

    def bound(self, parameters: Sequence[Parameter], schema: Struct | None = None) -> dict[str, Any]:
        """Query parameters, then the body over them.

        :raises OrchestratorError: 400 with the server's words for what it cannot read.
        """
        try:
            fields = bind(self.query, parameters) if parameters and self._raw_query else {}
            if schema is None or not (self.body or self.fault) or not self._is_json():
                return fields
            if self.fault:
                raise BindError(self.fault if self.fault == TOO_LARGE else bind_text(self.fault))
            return unmarshal(self.body, schema, fields)
        except BindError as wrong:
            raise OrchestratorError(400, str(wrong)) from wrong

    def _is_json(self) -> bool:
        """Whether the body is read as JSON; types that servers read otherwise give no fields (FINDINGS 1 row 2.5)."""
        given = self.header("content-type")
        if self.release.media_type_exact:
            exact = given.partition(";")[0].strip()
            is_json, is_other = exact == JSON_TYPE, exact in _IGNORED_TYPES
        else:
            is_json, is_other = given.startswith(JSON_TYPE), given.startswith(_IGNORED_TYPES)
        if not is_json and not is_other:
            raise OrchestratorError(400, "code=415, message=Unsupported Media Type")
        return is_json


def routed_path(scope: Message) -> str:
    """The path as the server's router sees it: decoded, but raw when it holds escapes that need not be there.

    So `%20` in a name is a blank and `%2F` stays `%2F` (FINDINGS 1 row 4.7).
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    if b"%" in raw:
        decoded = urllib.parse.unquote_to_bytes(raw)
        if urllib.parse.quote_from_bytes(decoded, safe=_PATH_SAFE).encode() == raw:
            raw = decoded
    return raw.decode("utf-8", "replace")


Handler = Callable[[Request], Answer]


def own_headers(release: Release) -> list[tuple[bytes, bytes]]:
    """The headers that tell what serves (fact sheet 2.2)."""
    date, _, time = release.build_date.removesuffix("Z").partition("T")
    values = {
        "x-bacalhau-git-version": release.git_version,
        "x-bacalhau-git-commit": release.git_commit,
        "x-bacalhau-build-date": f"{date} {time} +0000 UTC",
        "x-bacalhau-build-os": OS,
        "x-bacalhau-arch": ARCHITECTURE,
    }
    return [(name.encode(), value.encode()) for name, value in values.items()]
