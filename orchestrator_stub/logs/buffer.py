"""The output of one run as it comes: kept on disk whole, in order, with followers that wake up at each write."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from array import array
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orchestrator_stub.logs.bell import Bell
from orchestrator_stub.logs.streams import Reader, Stream, Streams

HEAD: Final = 2048
"""Bytes of a stream that RunOutput carries (FINDINGS-docker 3)."""
LIMIT: Final = 1_000_000_000
"""Bytes kept of a stream; released servers keep as much (fact sheet 10.3). What comes after is dropped."""
_BATCH = 64  # writes that a follower reads at once, so that a long log is never whole in memory
_INVALID = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One write of the program."""

    stream: Stream
    data: bytes


def lossy_text(data: bytes) -> str:
    """Text of a program's bytes: each invalid byte becomes one U+FFFD, as Go does it (FINDINGS-docker 3)."""
    return _INVALID.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


@dataclass(slots=True)
class Place:
    """Where a reader is: how many writes he has seen, and his offset in each file."""

    writes: int = 0
    offsets: dict[Stream, int] = field(default_factory=lambda: {1: 0, 2: 0})


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known of the log of a run that is over, beside its files."""

    writes: bytes
    """Length and stream of each write, packed."""
    is_complete: bool
    """The program came to its own end."""
    killed_at: int
    """As of the log."""
    streams: tuple[bytes, bytes] | None = None
    """What was written, while there are no files."""


class LogBuffer:
    """One run's output. `write` may be called from any thread, all else from the event loop's."""

    def __init__(
        self,
        folder: Path | Callable[[], Path],
        loop: asyncio.AbstractEventLoop,
        ended: Ended | None = None,
    ) -> None:
        """Write `stdout` and `stderr` below `folder`, which exists, or makes a folder once one is needed.

        `ended`: nothing more comes, and both files are there unless it has what was written.
        """
        self.killed_at = 0
        """When the program was killed, unix nanoseconds; 0 for one that ended by itself, or has not ended."""
        self._loop = loop
        self._lock = threading.Lock()
        self._sizes: dict[Stream, int] = {1: 0, 2: 0}
        self._writes = array("Q")  # length * 2 + (stream - 1) of each write: 8 bytes however long the log
        self._closed = False
        self._complete = False
        self._wake_is_due = False
        self._bell = Bell()
        self._streams = Streams(folder, is_over=ended is not None)
        if ended is not None:
            self._take_over(ended)

    def _take_over(self, ended: Ended) -> None:
        self._writes.frombytes(ended.writes)
        for packed in self._writes:
            self._sizes[2 if packed & 1 else 1] += packed >> 1
        self._streams.take_over(ended.streams)
        self.killed_at = ended.killed_at
        self._closed, self._complete = True, ended.is_complete

    @property
    def ended(self) -> Ended:
        """What is known of a finished log beside its files, if it has any."""
        with self._lock:
            return Ended(self._writes.tobytes(), self._complete, self.killed_at, self._streams.few())

    def write(self, stream: Stream, data: bytes) -> None:
        """Append one write of the program (thread-safe). After `close` and beyond `LIMIT` nothing is kept."""
        with self._lock:
            kept = data[: LIMIT - self._sizes[stream]]
            if self._closed or not kept:
                return
            self._streams.append(stream, kept)
            self._sizes[stream] += len(kept)
            self._writes.append(len(kept) * 2 + stream - 1)
            if self._wake_is_due:
                return
            self._wake_is_due = True
        self._call_wake()

    def close(self) -> None:
        """The program came to its end; nothing more will come, and followers end."""
        self._end(complete=True)

    def give_up(self, killed_at: int = 0) -> None:
        """The run is over and the program did not end by itself: it was killed then (unix nanoseconds), or never
        started (0). After `close` this does nothing."""
        if not self._closed:
            self.killed_at = killed_at
        self._end(complete=False)

    def _end(self, *, complete: bool) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._complete = complete
            self._streams.close()
        self._call_wake()

    @property
    def stdout_path(self) -> Path:
        """The file of stdout, beside that of stderr; both are made if they were not. Raises OSError."""
        with self._lock:
            return self._streams.path(1)

    @property
    def stderr_path(self) -> Path:
        """The file of stderr. Raises OSError."""
        with self._lock:
            return self._streams.path(2)

    def delete(self) -> None:
        """Remove the files; who follows goes on."""
        self._streams.delete()

    def piece(self, stream: Stream, since: int, most: int) -> bytes:
        """At most so many bytes of a stream from byte `since` on. Raises OSError when the log is deleted."""
        with Reader(self._streams) as reader:
            return reader.read(stream, since, most)

    @property
    def closed(self) -> bool:
        """True once the run is over."""
        return self._closed

    @property
    def readable(self) -> bool:
        """True once there is something to read: a byte, or the fact that the program ended without one.

        Nodes of 1.8+ make the log's file then (FINDINGS-docker 8, an execution that never started has none).
        """
        return self._complete or any(self._sizes.values())

    def size(self, stream: Stream) -> int:
        """Bytes written to a stream so far."""
        return self._sizes[stream]

    def head(self, stream: Stream, *, first_write_only: bool = False) -> tuple[str, bool]:
        """RunOutput of a stream: the first 2,048 bytes (or only the first write: wasm) and whether more came.

        A reader of the first write does not notice that more came (golden 12, `executions-big`).
        """
        length = self._first_write(stream) if first_write_only else self._sizes[stream]
        return lossy_text(self.piece(stream, 0, min(length, HEAD))), length > HEAD

    def end(self) -> Place:
        """The place behind all that was written so far."""
        with self._lock:
            return Place(len(self._writes), dict(self._sizes))

    def snapshot(self) -> list[Chunk]:
        """All that was written so far, in order, at once."""
        return list(self.backlog())

    def backlog(self, place: Place | None = None) -> Iterator[Chunk]:
        """All that was written from a place (default: the first byte) on so far, in order, never whole in memory."""
        place, end = place or Place(), self.end().writes
        with Reader(self._streams) as reader:
            while place.writes < end:
                yield from self._read_writes(reader, place, at_most=min(_BATCH, end - place.writes))

    async def follow(self, place: Place | None = None) -> AsyncGenerator[Chunk, None]:
        """Chunks from a place (default: the first byte) on, then as they come, until the run is over.

        The files are opened at the first step, so that a follower sees the end of a log that is deleted meanwhile.
        """
        place = place or Place()
        with Reader(self._streams) as reader:
            while True:
                was_closed = self._closed
                chunks = self._read_writes(reader, place, at_most=_BATCH)
                for chunk in chunks:
                    yield chunk
                if chunks:
                    continue
                if was_closed:
                    return
                await self._bell.heard()

    async def until_readable(self) -> None:
        """Until there is something to read; for ever when the program never started."""
        await self._until(lambda: self.readable)

    async def until_closed(self) -> None:
        """Until the run is over."""
        await self._until(lambda: self._closed)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            await self._bell.heard()

    def _first_write(self, stream: Stream) -> int:
        with self._lock:
            return next((packed >> 1 for packed in self._writes if packed & 1 == stream - 1), 0)

    def _read_writes(self, reader: Reader, place: Place, at_most: int) -> list[Chunk]:
        with self._lock:
            writes = self._writes[place.writes : place.writes + at_most]
        chunks: list[Chunk] = []
        for packed in writes:
            stream: Stream = 2 if packed & 1 else 1
            data = reader.read(stream, place.offsets[stream], packed >> 1)
            chunks.append(Chunk(stream, data))
            place.offsets[stream] += len(data)
        place.writes += len(writes)
        return chunks

    def _call_wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody follows any more
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        with self._lock:
            self._wake_is_due = False
        self._bell.ring()
