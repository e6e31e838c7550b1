"""One log socket as an ASGI conversation: websockets' protocol without IO speaks, our own `Ear` listens.

Imported at the first handshake, since most stubs never see one.
"""

from __future__ import annotations

import asyncio
import urllib.parse
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState
from websockets.exceptions import InvalidHandshake, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from orchestrator_stub.api.asgi import TRANSPORT, Message
from orchestrator_stub.api.ear import Ear
from orchestrator_stub.api.reply import phrase_of

_LEFT_WITHOUT_CODE, _LEFT_WITHOUT_CLOSE = 1005, 1006


def opened(url: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[ServerProtocol, Request] | None:
    """websockets' protocol after the request; None when it is no valid handshake."""
    protocol = ServerProtocol()
    lines = [b"GET " + url + b" HTTP/1.1", *(name + b": " + value for name, value in headers), b"", b""]
    try:
        protocol.receive_data(b"\r\n".join(lines))
        request = next(iter(protocol.events_received()), None)
        if not isinstance(request, Request):
            return None
        protocol.process_request(request)
    except (InvalidHandshake, ProtocolError, ValueError):
        return None
    return protocol, request


class LogSocket(asyncio.Protocol):
    """One websocket connection as an ASGI conversation."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        handshake: tuple[ServerProtocol, Request],
    ) -> None:
        self._app = config.loaded_app
        self._root_path = config.root_path
        self._server_state = server_state
        self._app_state = app_state
        self._protocol, self._request = handshake
        self._events: deque[Message] = deque([{"type": "websocket.connect"}])
        self._news = asyncio.Event()
        self._news.set()
        self._writable = asyncio.Event()
        self._writable.set()
        self._accepted = False
        self._ear: Ear | None = Ear()
        self._goodbye: bytes | None = None
        """What the client's Close said."""
        self._refusal: tuple[int, list[tuple[bytes, bytes]]] | None = None

    def begin(self, transport: asyncio.Transport, url: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """Take over a connection whose request was read."""
        self._transport = transport
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # it only ever calls shutdown()
        task = asyncio.get_running_loop().create_task(self._run(self._scope(url, headers)))
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def _scope(self, url: bytes, headers: list[tuple[bytes, bytes]]) -> Message:
        parsed = httptools.parse_url(url)
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport),
            "root_path": self._root_path,
            "path": urllib.parse.unquote(parsed.path.decode("ascii", "replace")),
            "raw_path": parsed.path,
            "query_string": parsed.query or b"",
            "headers": headers,
            "subprotocols": [],
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}, TRANSPORT: self._transport},
        }

    async def _run(self, scope: Message) -> None:
        app: Callable[..., Awaitable[None]] = self._app
        try:
            await app(scope, self._receive, self._send)
        finally:
            if not self._transport.is_closing():
                self._transport.close()

    async def _receive(self) -> Message:
        while not self._events:
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    async def _send(self, message: Message) -> None:
        if self._transport.is_closing():
            return
        kind = message["type"]
        if kind == "websocket.accept":
            self._protocol.send_response(self._protocol.accept(self._request))
            self._accepted = True
            if message.get("deaf"):
                self._ear = self._goodbye = None
            self._answer_close()
        elif kind == "websocket.send":
            if self._protocol.state is State.OPEN:
                self._protocol.send_text(message["text"].encode())
        elif kind == "websocket.close":
            self._close(message)
        elif kind == "websocket.http.response.start":
            self._refusal = message["status"], list(message["headers"])
            return
        else:
            self._answer_plainly(message.get("body", b""))
        self._flush()
        await self._writable.wait()

    def _close(self, message: Message) -> None:
        if not self._accepted:
            self._refusal = 403, []
            self._answer_plainly(b"")
        elif self._protocol.state is State.OPEN:
            self._protocol.send_close(message.get("code", 1000), message.get("reason") or "")

    def _answer_plainly(self, body: bytes) -> None:
        status, headers = self._refusal or (403, [])
        lines = [f"HTTP/1.1 {status} {phrase_of(status)}".encode()]
        lines += [name + b": " + value for name, value in headers]
        lines += [b"content-length: " + str(len(body)).encode(), b"connection: close", b"", body]
        self._transport.write(b"\r\n".join(lines))
        self._transport.close()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client: only its leaving matters."""
        closed = self._ear.hear(data) if self._ear is not None else None
        if closed is None:
            return
        self._ear, self._goodbye = None, closed
        self._answer_close()
        self._flush()
        self._left(int.from_bytes(closed[:2]) or _LEFT_WITHOUT_CODE)

    def _answer_close(self) -> None:
        """Say to a client that goes what it said itself."""
        if self._goodbye is not None and self._accepted and self._protocol.state is State.OPEN:
            self._protocol.send_frame(Frame(Opcode.CLOSE, self._goodbye))
            self._protocol.state = State.CLOSING

    def eof_received(self) -> None:
        """The client will send nothing more; the transport closes."""
        self._left(_LEFT_WITHOUT_CLOSE)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why does not matter
        """The connection is gone."""
        self._server_state.connections.discard(self)
        self._writable.set()
        self._left(_LEFT_WITHOUT_CLOSE)

    def pause_writing(self) -> None:
        """The client reads too slowly: senders wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The client caught up."""
        self._writable.set()

    def shutdown(self) -> None:
        """The server ends."""
        if self._accepted and self._protocol.state is State.OPEN:
            self._protocol.send_close(1001)
            self._flush()
        if self._transport.get_write_buffer_size():  # the client does not read: there is nobody to wait for
            self._transport.abort()
        self._transport.close()

    def _left(self, code: int) -> None:
        self._events.append({"type": "websocket.disconnect", "code": code})
        self._news.set()
