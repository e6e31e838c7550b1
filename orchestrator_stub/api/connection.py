"""One connection of a client, served as the released servers' net/http serves it (fact sheet 2.1).

Requests on a connection are answered one after the other. Who sends nothing, half a request, or does not read its
answer is let go in the servers' own times; whatever is no HTTP gets net/http's own words.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from orchestrator_stub.api.asgi import REPLY, TRANSPORT, Message
from orchestrator_stub.api.body import BodyFaultError, ChunkedBody, PlainBody
from orchestrator_stub.api.head import LARGEST_HEAD, TOO_LARGE, BadHeadError, Head, check_begun, end_of_head, read_head
from orchestrator_stub.api.reply import READ_OVER, Reply

ENOUGH = 64 * 1024
"""Bytes that wait for the application, or for their turn, before no more are read."""
_LOG_PATH = re.compile(rb"/api/v1/orchestrator/jobs/[^/]+/logs")


@dataclass(frozen=True, slots=True)
class Patience:
    """Real seconds that a server waits for a client (fact sheet 2.1: ReadHeaderTimeout, ReadTimeout, WriteTimeout)."""

    head: float = 5.0
    """From the connection, or the first byte of a later request, to the end of the headers."""
    request: float = 20.0
    """From there to the end of the body; also how long a connection may rest between requests."""
    answer: float = 45.0
    """From the end of the headers until the client has read the answer."""
    goodbye: float = 0.5
    """For what a client still sends when it was told that nobody will read it; otherwise it may miss the answer."""


class Connection(asyncio.Protocol):
    """What uvicorn makes for each connection."""

    patience = Patience()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._buffer = bytearray()
        self._searched = self._checked = 0
        self._reply: Reply | None = None
        self._read_over = 0
        self._body: PlainBody | ChunkedBody | None = None
        self._last_method = ""
        self._is_deaf = self._is_leaving = self._ended = self._is_paused = False
        self._writable: asyncio.Event | None = None
        self._head_began = self._head_read = 0.0
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    # The transport's side.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as all stream users
        """A client is there."""
        self._transport = transport
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # it only ever calls shutdown()
        self._ends = {
            "server": get_local_addr(transport),
            "client": get_remote_addr(transport),
            "scheme": "https" if is_ssl(transport) else "http",
        }
        self._head_began = self._loop.time()
        self._wake_at(self._head_began + self.patience.head)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why does not matter
        """The client is gone."""
        self._server_state.connections.discard(self)
        self._is_deaf = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._reply is not None:
            self._reply.lose()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        if self._is_deaf:
            return
        self._buffer += data
        self._advance()

    def eof_received(self) -> bool:
        """The client sends nothing more; it may still listen. Truth keeps the connection open for an answer."""
        self._ended = True
        if self._is_deaf and self._reply is None:
            return False
        if self._reply is None:
            self._end_of_input()
            return False
        if self._body is not None:
            self._reply.fail("unexpected EOF")
        self._reply.leave()
        return self._ends["scheme"] == "http"

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._writable = self._writable or asyncio.Event()
        self._writable.clear()
        self._wake_at(self._head_read + self.patience.answer)

    def resume_writing(self) -> None:
        """The client caught up."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def shutdown(self) -> None:
        """The server ends: what is being answered may finish."""
        if self._reply is None:
            self._transport.close()
        else:
            self._reply.leave()

    # The conversation's side (see `reply.Line`).

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        """Until the client has read enough."""
        if self._writable is not None:
            await self._writable.wait()

    def read_on(self) -> None:
        """More of the body is wanted."""
        self._resume_reading()

    def answered(self, reply: Reply) -> None:
        """Go on with what the connection holds, or end it."""
        self._reply = None
        if self._transport.is_closing():
            return
        if not reply.keep_alive:
            self._say_goodbye(linger=self._body is not None and not self._ended)
            return
        self._resume_reading()
        self._wake_at(self._loop.time() + self.patience.request)
        if self._buffer or self._ended:
            self._advance()

    # Reading.

    def _advance(self) -> None:
        try:
            while not self._is_deaf and self._step():
                pass
        except BadHeadError as refused:
            self._refuse(refused)
            return
        if self._ended and self._reply is None and not self._is_deaf:
            self._end_of_input()
        elif self._reply is not None and len(self._buffer) + self._reply.unread > ENOUGH:
            self._pause_reading()

    def _step(self) -> bool:
        """Take one head or one part of a body; whether there may be more to take."""
        if self._body is not None:
            return self._take_body(self._body)
        if self._reply is not None:
            return False
        return self._take_head()

    def _take_head(self) -> bool:
        if self._last_method == "POST":  # old clients end a body with a line end too many
            extra = len(self._buffer[:4]) - len(self._buffer[:4].lstrip(b"\r\n"))
            del self._buffer[:extra]
        if not self._buffer:
            return False
        end = end_of_head(self._buffer, max(0, self._searched - 2))
        if end > LARGEST_HEAD or (end < 0 and len(self._buffer) > LARGEST_HEAD):
            raise TOO_LARGE
        if end < 0:
            self._wait_for_head()
            return False
        head = read_head(bytes(self._buffer[:end]))
        del self._buffer[:end]
        self._searched = self._checked = 0
        self._last_method = head.method
        self._begin(head)
        return True

    def _wait_for_head(self) -> None:
        if not self._searched and self._head_read:
            self._head_began = self._loop.time()
        self._wake_at(self._head_began + self.patience.head)
        self._searched = len(self._buffer)
        if len(self._buffer) <= ENOUGH and self._buffer.rfind(b"\n", self._checked) >= 0:  # a line is complete
            check_begun(bytes(self._buffer))
            self._checked = len(self._buffer)

    def _begin(self, head: Head) -> None:
        self._head_read = self._loop.time()
        if _wants_socket(head) and self._become_socket(head):
            return
        reply = Reply(self, head, self._server_state.default_headers)
        if head.length is None or head.length:
            self._body = reply.body = ChunkedBody() if head.length is None else PlainBody(head.length)
            self._read_over = 0
            self._wake_at(self._head_read + self.patience.request)
        self._reply = reply
        task = self._loop.create_task(reply.run(self._config.loaded_app, self._scope(head, reply)))
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def _scope(self, head: Head, reply: Reply) -> Message:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": f"1.{head.minor}",
            "method": head.method,
            "path": head.path,
            "raw_path": head.raw_path,
            "query_string": head.query,
            "root_path": self._config.root_path,
            "headers": head.headers,
            "state": self._app_state.copy(),
            "extensions": {TRANSPORT: self._transport, REPLY: reply},
            **self._ends,
        }

    def _take_body(self, body: PlainBody | ChunkedBody) -> bool:
        reply = self._reply
        try:
            data, is_end = body.take(self._buffer)
        except BodyFaultError as fault:
            self._is_deaf = True
            if reply is not None:
                reply.fail(str(fault))
            else:
                self._say_goodbye(linger=True)
            return False
        if reply is None:
            self._read_over += len(data)
            if self._read_over > READ_OVER:
                self._say_goodbye(linger=True)
        elif data:
            reply.take(data)
        if is_end:
            self._body = None
            if reply is not None:
                reply.complete()
        return is_end

    def _become_socket(self, head: Head) -> bool:
        """Hand the connection to a log socket; False when the handshake is not a proper one."""
        from orchestrator_stub.api.socket import LogSocket, opened

        target = head.raw_path + (b"?" + head.query if head.query else b"")
        handshake = opened(target, head.headers)
        if handshake is None:
            return False
        self._server_state.connections.discard(self)
        self._is_deaf = True
        if self._alarm is not None:
            self._alarm.cancel()
        socket = LogSocket(self._config, self._server_state, self._app_state, handshake)
        self._transport.set_protocol(socket)
        socket.begin(self._transport, target, head.headers)
        if self._buffer:
            socket.data_received(bytes(self._buffer))
        return True

    def _pause_reading(self) -> None:
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    # Ending.

    def _end_of_input(self) -> None:
        """The client sends nothing more, and nothing is being answered."""
        if self._buffer:
            self._refuse(BadHeadError())
        else:
            self._transport.close()

    def _refuse(self, refused: BadHeadError) -> None:
        self.write(refused.answer)
        self._say_goodbye(linger=True)

    def _say_goodbye(self, *, linger: bool) -> None:
        """End the connection; `linger`: read over for a moment what still comes, so that the answer is not lost."""
        self._is_deaf = self._is_leaving = True
        self._buffer.clear()
        if not linger or self._ended or not self._transport.can_write_eof():
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:  # the client has gone already
            self._transport.abort()
            return
        self._resume_reading()
        self._wake_at(self._loop.time() + self.patience.goodbye)

    def _wake_at(self, deadline: float) -> None:
        """Look at the connection then; one alarm is kept, and put off when it rings too early."""
        self._deadline = deadline
        if self._alarm is not None:
            if self._alarm.when() <= deadline:
                return
            self._alarm.cancel()
        self._alarm = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now = self._loop.time()
        if now < self._deadline:
            self._wake_at(self._deadline)
        elif self._is_leaving:
            self._transport.abort()
        elif self._writable is not None or (self._reply is None and self._transport.get_write_buffer_size()):
            self._give_up_reader(now)
        elif self._reply is None:
            self._end_idle()
        elif self._body is not None:
            self._is_deaf = True
            self._reply.fail(self._timeout())

    def _give_up_reader(self, now: float) -> None:
        """The last answer was not read to its end."""
        if now < self._head_read + self.patience.answer:
            self._wake_at(self._head_read + self.patience.answer)
        else:
            self._transport.abort()

    def _end_idle(self) -> None:
        """A request did not come, or stopped half-way."""
        try:
            check_begun(bytes(self._buffer), whole=True)
        except BadHeadError as refused:
            self._refuse(refused)
        else:
            self._transport.close()

    def _timeout(self) -> str:
        """net/http's word for a body that stopped half-way."""
        here, there = (_shown(self._ends[end]) for end in ("server", "client"))
        return f"read tcp {here}->{there}: i/o timeout"


def _wants_socket(head: Head) -> bool:
    """Whether a request asks for a log socket, spelled as the released servers want it."""
    if head.method != "GET" or _LOG_PATH.fullmatch(head.raw_path) is None:
        return False
    found = dict(head.headers)
    tokens = {token.strip().lower() for token in found.get(b"connection", b"").split(b",")}
    return b"upgrade" in tokens and found.get(b"upgrade") == b"websocket"


def _shown(address: Any) -> str:
    host, port = address or ("", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
