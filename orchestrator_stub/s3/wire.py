"""One HTTP/1.1 connection, either side of it: events in, events out, never more than a piece in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import h11

PIECE = 64 * 1024
"""Bytes read at a time."""

Event = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class _Announced:
    """Bytes that h11 only counts."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


class Wire:
    """h11 over a pair of streams; sending waits until the other side takes what it gets."""

    def __init__(
        self, role: type[h11.CLIENT | h11.SERVER], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """`role`: this side's."""
        self.http = h11.Connection(role)
        self._reader, self._writer = reader, writer

    @property
    def is_over(self) -> bool:
        """Whether the other side has ended the connection."""
        return self._reader.at_eof() or self._writer.is_closing()

    async def event(self) -> Event:
        """The next thing that the other side says; its end is an event, too.

        :raises h11.RemoteProtocolError: no HTTP, or an end in the middle of it
        :raises OSError: the connection broke
        """
        while True:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self.http.receive_data(await self._reader.read(PIECE))

    async def send(self, event: h11.Event) -> None:
        """Say something. Raises OSError when the connection broke."""
        data = self.http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def take(self, size: int) -> AsyncIterator[bytes]:
        """The body of an answer, of which only the head was taken as an event, and with it the exchange.

        Past h11, which copies every piece several times: twice as fast.

        :param size: bytes, as the head says
        :raises OSError: the connection broke
        """
        piece, _ = self.http.trailing_data
        while size:
            piece = piece or await self._reader.read(min(size, PIECE))
            if not piece:
                raise ConnectionError("the answer is not complete")
            size -= len(piece)
            yield piece
            piece = b""
        self.http = h11.Connection(h11.CLIENT)

    async def say(self, size: int, pieces: AsyncIterator[bytes], patience: float) -> None:
        """The body of an answer whose head was sent, again past h11.

        :param size: bytes, as the head says
        :param patience: seconds that the other side may take for a piece
        :raises TimeoutError: it takes longer
        :raises OSError: the connection broke
        """
        self.http.send_with_data_passthrough(h11.Data(data=_Announced(size)))  # type: ignore[arg-type]  # as for sendfile
        async for piece in pieces:
            self._writer.write(piece)
            if self._writer.transport.get_write_buffer_size():  # it does not keep up
                async with asyncio.timeout(patience):
                    await self._writer.drain()
        await self.send(h11.EndOfMessage())

    def next_exchange(self) -> bool:
        """Get ready for the next exchange; False when there can be none on this connection."""
        if self.http.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}:
            return True
        if self.http.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            return False
        self.http.start_next_cycle()
        return True

    async def say_goodbye(self, seconds: float) -> None:
        """Nothing more is said; what the other side still sends is thrown away, lest it miss what was said last.

        :param seconds: at most
        """
        with contextlib.suppress(OSError, TimeoutError):  # it is over either way
            async with asyncio.timeout(seconds):
                self._writer.write_eof()
                while await self._reader.read(PIECE):
                    pass

    def close(self) -> None:
        """End it, after what was sent."""
        self._writer.close()

    def abort(self) -> None:
        """Break it."""
        self._writer.transport.abort()
