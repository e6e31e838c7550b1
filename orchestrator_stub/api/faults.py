"""Faults carried out: what a client sees of a broken network, proxy or replica (design 5).

An application that returns without a word ends the connection without a byte; all else is done on the transport.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestrator_stub.api.app import LARGEST_BODY
from orchestrator_stub.api.asgi import EFFECT, REPLY, TRANSPORT, ASGIApp, Message, Receive, Send
from orchestrator_stub.api.exchange import Effect
from orchestrator_stub.domain.fault import (
    CloseFrame,
    Deed,
    Delay,
    DropReply,
    DropRequest,
    Facts,
    Garbage,
    Hang,
    Reset,
    Stale,
    Status,
    Truncate,
)
from orchestrator_stub.engine.faults import Standing
from orchestrator_stub.engine.orchestrator import Orchestrator

_FRAMES_ONLY = (DropReply, Truncate, Garbage, CloseFrame)
"""What goes wrong with a log socket after its handshake."""


@dataclass(frozen=True, slots=True)
class Affair:
    """A request that a fault befalls, and the application that would have had it."""

    app: ASGIApp
    scope: Message
    receive: Receive
    send: Send
    standing: Standing
    luck: Callable[[int], bytes]

    @property
    def do(self) -> Deed:
        """What goes wrong."""
        return self.standing.fault.do

    @property
    def effect(self) -> Effect:
        """What the journal will say."""
        effect: Effect = self.scope[EFFECT]
        return effect

    @property
    def transport(self) -> Any:
        """The connection."""
        return self.scope["extensions"][TRANSPORT]


def facts_of(scope: Message) -> Facts:
    """What faults look at."""
    return Facts(scope["method"], scope["path"], scope["headers"], is_socket=scope["type"] == "websocket")


async def befall(affair: Affair, orchestrator: Orchestrator, note: Callable[[], None]) -> None:
    """Carry a fault out. `note`: writes the journal's entry before the end of something long."""
    is_socket, do = affair.scope["type"] == "websocket", affair.do
    if is_socket and isinstance(do, _FRAMES_ONLY):
        await affair.app(affair.scope, affair.receive, _Frames(affair).send)
        return
    affair.standing.hit()
    match do:
        case DropRequest():
            return
        case Reset():
            _reset(affair.transport)
        case Hang():
            note()
            await _hang(affair)
        case Status():
            await _answer(affair, do, "websocket.http" if is_socket else "http")
        case Delay():
            await _delay(affair, do)
        case Stale():
            await _stale(affair, orchestrator)
        case Truncate():
            await affair.app(affair.scope, affair.receive, _cut(affair.send, do.bytes))
        case DropReply() | Garbage():
            await affair.app(affair.scope, affair.receive, _nowhere)
            affair.effect.status = 0
            if isinstance(do, Garbage) and not affair.transport.is_closing():
                affair.transport.write(affair.luck(do.bytes))


def _reset(transport: Any) -> None:
    """End a connection so that its client is told that it broke (RST), and not that all was said (FIN)."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


# Instead of the effect.


async def _answer(affair: Affair, do: Status, kind: str) -> None:
    """`kind`: how ASGI calls an answer here, `http`, or `websocket.http` to a handshake."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in do.headers.items()]
    affair.effect.status = do.status
    await affair.send({"type": f"{kind}.response.start", "status": do.status, "headers": headers})
    await affair.send({"type": f"{kind}.response.body", "body": do.body.encode("utf-8", "replace")})


async def _hang(affair: Affair) -> None:
    """Until the fault is taken away or the client goes."""
    is_socket = affair.scope["type"] == "websocket"
    left = _disconnected(affair.receive) if is_socket else affair.scope["extensions"][REPLY].until_left()
    waits = [asyncio.ensure_future(affair.standing.hold()), asyncio.ensure_future(left)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


# From earlier.


async def _stale(affair: Affair, orchestrator: Orchestrator) -> None:
    replica = affair.standing.replica
    if replica is not None:
        affair.effect.past = lambda: orchestrator.known_to(replica)
    try:
        await affair.app(affair.scope, affair.receive, affair.send)
    finally:
        affair.standing.done()


# Before the effect, or between it and its answer.


async def _delay(affair: Affair, do: Delay) -> None:
    """Hold all of a request, or its answer, so that it is carried out whether or not its client is still there."""
    parts = await _whole(affair) if affair.scope["type"] == "http" else []
    if parts and _is_broken_off(parts[-1]):
        return
    if do.after == "request" and not await affair.standing.hold(do.seconds):
        return

    async def replay() -> Message:
        return parts.pop(0) if parts else await affair.receive()

    late = _late(affair, do.seconds) if do.after == "effect" else affair.send
    await affair.app(affair.scope, replay, late)


def _late(affair: Affair, seconds: float) -> Send:
    """All of an answer, but not before its time; nothing when the fault is dropped meanwhile."""
    held: list[bool] = []

    async def late(message: Message) -> None:
        if not held:
            held.append(await affair.standing.hold(seconds))
        if held[0]:
            await affair.send(message)

    return late


async def _whole(affair: Affair) -> list[Message]:
    """What the client sends, as far as anybody would read it."""
    lengths = [value for name, value in affair.scope["headers"] if name in (b"content-length", b"transfer-encoding")]
    announced = int(lengths[0]) if lengths and lengths[0].isdigit() else 0
    if not lengths or announced > LARGEST_BODY:
        return []
    parts: list[Message] = []
    size, more = 0, True
    while more and size <= LARGEST_BODY:
        parts.append(await affair.receive())
        size += len(parts[-1].get("body", b""))
        more = parts[-1].get("more_body", False)
    return parts


def _is_broken_off(message: Message) -> bool:
    """The client left before it had said everything: there is nothing to carry out."""
    return message["type"] == "http.disconnect" and not message.get("reason")


# After the effect.


async def _nowhere(_: Message) -> None:
    pass


def _cut(send: Send, most: int) -> Send:
    """All of the head, but only so many bytes of the body; then nothing more is said."""

    async def cut(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": message.get("body", b"")[:most], "more_body": True}
        await send(message)

    return cut


class _Frames:
    """The frames of a log socket, which come to a bad end."""

    def __init__(self, affair: Affair) -> None:
        self._affair = affair
        self._bytes = affair.do.bytes if isinstance(affair.do, Truncate) else 0
        """How many may still be sent."""
        self._frames = 0
        self._is_over = False

    async def send(self, message: Message) -> None:
        """Pass on what comes before the end."""
        is_frame = message["type"] == "websocket.send"
        if self._is_over or (is_frame and self._ends_in(message["text"])):
            return
        await self._affair.send(message)
        self._frames += is_frame
        if is_frame or message["type"] == "websocket.accept":
            await self._perhaps_end()

    def _ends_in(self, text: str) -> bool:
        """Whether it ends before or within this frame."""
        do = self._affair.do
        if isinstance(do, Garbage):
            self._end(self._affair.luck(do.bytes))
        elif isinstance(do, Truncate):
            from websockets.frames import Frame, Opcode

            frame = Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
            if len(frame) > self._bytes:
                self._end(frame[: self._bytes])
            else:
                self._bytes -= len(frame)
        return self._is_over

    async def _perhaps_end(self) -> None:
        do = self._affair.do
        if isinstance(do, CloseFrame) and self._frames == do.after:
            await self._affair.send({"type": "websocket.close", "code": do.code})
            self._end(b"")
        elif isinstance(do, DropReply) or (isinstance(do, Truncate) and not self._bytes):
            self._end(b"")

    def _end(self, last: bytes) -> None:
        self._is_over = True
        self._affair.standing.hit()
        transport = self._affair.transport
        if not transport.is_closing():
            transport.write(last)
            transport.close()
