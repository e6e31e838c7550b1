"""One request's conversation with the application, and its answer as Go's net/http frames it."""

from __future__ import annotations

import asyncio
import logging
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

from orchestrator_stub.api.asgi import ASGIApp, Message
from orchestrator_stub.api.body import Body
from orchestrator_stub.api.head import Head

READ_OVER = 256 * 1024
"""Bytes of a body that nobody read which are read over to keep a connection; for more it is closed (net/http)."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_GO_PHRASES = {
    413: "Request Entity Too Large",
    414: "Request URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}
_KNOWN = frozenset(map(int, HTTPStatus))
_LOG = logging.getLogger(__name__)


@lru_cache(maxsize=64)
def _status_line(status: int) -> bytes:
    return f"{status} {phrase_of(status)}\r\n".encode()


def phrase_of(status: int) -> str:
    """What stands behind a status; net/http has words for those that it does not know, too."""
    known = _GO_PHRASES.get(status)
    if known is None:
        known = HTTPStatus(status).phrase if status in _KNOWN else f"status code {status}"
    return known


class Line(Protocol):
    """What a conversation needs of its connection."""

    def write(self, data: bytes) -> None:
        """Send bytes, unless the connection is lost."""
        ...

    async def drained(self) -> None:
        """Until the client has read enough to be sent more."""
        ...

    def read_on(self) -> None:
        """More of the body is wanted."""
        ...

    def answered(self, reply: Reply) -> None:
        """The conversation is over."""
        ...


class Reply:
    """ASGI's receive and send for one request."""

    def __init__(self, line: Line, head: Head, default_headers: list[tuple[bytes, bytes]]) -> None:
        self.keep_alive = head.keep_alive
        self.is_over = False
        self.body: Body | None = None
        """What is still to come of the body; None when all of it is here."""
        self._line = line
        self._head = head
        self._default_headers = default_headers
        self._to_continue = head.expects_continue
        self._arrived = bytearray()
        self._fault = ""
        self._has_left = self._is_lost = self._end_told = False
        self._news = asyncio.Event()
        self._began: list[bytes] | None = None
        self._chunked = False
        self._left_to_send = -1

    # What the connection tells.

    @property
    def unread(self) -> int:
        """Bytes of the body that the application has not taken yet."""
        return len(self._arrived)

    @property
    def closes_early(self) -> bool:
        """True when more of the body is to come than anybody would read over, or nobody knows how much."""
        if self.body is None:
            return False
        return self._to_continue or self.body.announced is None or self.body.announced >= READ_OVER

    def take(self, data: bytes) -> None:
        """More of the body is here."""
        self._arrived += data
        self._news.set()

    def complete(self) -> None:
        """All of the body is here."""
        self.body = None
        self._news.set()

    def fail(self, reason: str) -> None:
        """The rest of the body will never come, but an answer may still be heard."""
        self._fault = reason
        self.keep_alive = False
        self._news.set()

    def leave(self) -> None:
        """The client says that it will send nothing more, or the server ends."""
        self._has_left = True
        self.keep_alive = False
        self._news.set()

    def lose(self) -> None:
        """The connection is gone."""
        self._is_lost = True
        self.leave()

    @property
    def has_left(self) -> bool:
        """True once the client is gone, or sends nothing more, which nobody does who waits for an answer."""
        return self._has_left

    async def until_left(self) -> None:
        """Until the client has left; what it sends meanwhile is not kept."""
        while not self._has_left:
            self._arrived.clear()
            self._news.clear()
            self._line.read_on()
            await self._news.wait()

    # What the application does.

    async def run(self, app: ASGIApp, scope: Message) -> None:
        """Let the application answer; whatever it leaves undone ends the connection."""
        try:
            await app(scope, self.receive, self.send)
        except Exception:  # a failure of ours is told to the log, never to the client
            _LOG.exception("%s %s failed", self._head.method, self._head.path)
            if self._began is None and not self.is_over:
                headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
                await self.send({"type": "http.response.start", "status": 500, "headers": headers})
                await self.send({"type": "http.response.body", "body": b"Internal Server Error"})
        finally:
            if not self.is_over:
                self.keep_alive = False
                self._end()

    async def receive(self) -> Message:
        """The next part of the body, or that the client is gone; `reason` says why a body ended early."""
        if self._to_continue and self.body is not None and not self._is_lost:
            self._to_continue = False
            self._line.write(_CONTINUE)
        while not (self._has_news or self._has_left or self._fault or self.is_over):
            self._news.clear()
            self._line.read_on()
            await self._news.wait()
        if self._is_lost or self.is_over or not self._has_news:
            return {"type": "http.disconnect", "reason": self._fault}
        data, self._arrived = bytes(self._arrived), bytearray()
        self._end_told = self.body is None
        return {"type": "http.request", "body": data, "more_body": not self._end_told}

    @property
    def _has_news(self) -> bool:
        """True when there is more of the body, or its end, that the application was not told of."""
        return bool(self._arrived) or (self.body is None and not self._end_told)

    async def send(self, message: Message) -> None:
        """Status and headers are held back until the first part of the body, so that both go out at once."""
        await self._line.drained()
        if self._is_lost or self.is_over:
            return
        if message["type"] == "http.response.start":
            self._began = [self._start(message)]
            return
        if self._began is None:
            raise RuntimeError(f"{message['type']} before the answer began")
        body, more = message.get("body", b""), message.get("more_body", False)
        self._line.write(self._framed(body, more=more))
        if not more:
            if self._left_to_send > 0:
                self.keep_alive = False
            self._end()

    def _start(self, message: Message) -> bytes:
        if self.closes_early:
            self.keep_alive = False
        status: int = message["status"]
        parts = [b"HTTP/1.%d " % self._head.minor, _status_line(status)]
        self._left_to_send = 0 if self._head.method == "HEAD" or status in (204, 304) else -1
        for name, value in (*self._default_headers, *message.get("headers", ())):
            lower = name.lower()
            if lower == b"connection":
                self.keep_alive &= value.lower() != b"close"
                continue
            if lower == b"content-length" and self._left_to_send < 0:
                self._left_to_send = int(value)
            parts += (lower, b": ", value, b"\r\n")
        head = b"".join(parts)
        if head.count(b"\n") != (len(parts) - 2) // 4 + 1 or head.count(b"\r") != head.count(b"\n"):
            raise RuntimeError("a header with a line end")
        return head

    def _framed(self, body: bytes, *, more: bool) -> bytes:
        """The bytes on the wire for one part of the body, with the head before the first one."""
        head = b""
        if self._began:
            head = self._rest_of_head(self._began[0], body, more=more)
            self._began = []
        if self._head.method == "HEAD" or not self._left_to_send:
            return head
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return head + chunk + (b"" if more else b"0\r\n\r\n")
        if self._left_to_send > 0:
            body = body[: self._left_to_send]
            self._left_to_send -= len(body)
        return head + body

    def _rest_of_head(self, head: bytes, body: bytes, *, more: bool) -> bytes:
        framing = b""
        if self._left_to_send < 0:
            if not more:
                self._left_to_send = len(body)
                framing = b"content-length: %d\r\n" % len(body)
            elif self._head.minor:
                self._chunked = True
                framing = b"transfer-encoding: chunked\r\n"
            else:
                self.keep_alive = False
        if not self.keep_alive:
            framing += b"connection: close\r\n" if self._head.minor else b""
        elif not self._head.minor:
            framing += b"connection: keep-alive\r\n"
        return head + framing + b"\r\n"

    def _end(self) -> None:
        self.is_over = True
        self._news.set()
        self._line.answered(self)
