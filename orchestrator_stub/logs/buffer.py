"""The output of one run as it comes: kept on disk whole, in order, with followers that wake up at each write."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Stream = Literal[1, 2]
"""1 = stdout, 2 = stderr, as in the log frames."""

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


class LogBuffer:
    """One run's output. `write` may be called from any thread, all else from the event loop's."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        """Write `stdout` and `stderr` below `folder`, which exists."""
        self.stdout_path = folder / "stdout"
        self.stderr_path = folder / "stderr"
        self._loop = loop
        self._lock = threading.Lock()
        self._fds: dict[Stream, int] = {1: _create(self.stdout_path), 2: _create(self.stderr_path)}
        self._sizes: dict[Stream, int] = {1: 0, 2: 0}
        self._writes = array("Q")  # length * 2 + (stream - 1) of each write: 8 bytes however long the log
        self._closed = False
        self._wake_is_due = False
        self._news = asyncio.Event()

    def write(self, stream: Stream, data: bytes) -> None:
        """Append one write of the program (thread-safe). After `close` and beyond `LIMIT` nothing is kept."""
        with self._lock:
            kept = data[: LIMIT - self._sizes[stream]]
            if self._closed or not kept:
                return
            _write_all(self._fds[stream], kept)
            self._sizes[stream] += len(kept)
            self._writes.append(len(kept) * 2 + stream - 1)
            if self._wake_is_due:
                return
            self._wake_is_due = True
        self._call_wake()

    def close(self) -> None:
        """Nothing more will come; followers end."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for fd in self._fds.values():
                os.close(fd)
        self._call_wake()

    @property
    def closed(self) -> bool:
        """True once the run is over."""
        return self._closed

    def size(self, stream: Stream) -> int:
        """Bytes written to a stream so far."""
        return self._sizes[stream]

    def head(self, stream: Stream, *, first_write_only: bool = False) -> tuple[str, bool]:
        """RunOutput of a stream: the first 2,048 bytes (or only the first write: wasm) and whether more came.

        A reader of the first write does not notice that more came (golden 12, `executions-big`).
        """
        length = self._first_write(stream) if first_write_only else self._sizes[stream]
        with self._path(stream).open("rb") as file:
            data = file.read(min(length, HEAD))
        return lossy_text(data), length > HEAD

    def snapshot(self) -> list[Chunk]:
        """All that was written so far, in order."""
        return self._read_writes(_Place())

    async def follow(self, *, from_now: bool = False) -> AsyncIterator[Chunk]:
        """Chunks from the first byte (or from now), then as they come, until the run is over."""
        place = _Place()
        if from_now:
            with self._lock:
                place = _Place(len(self._writes), dict(self._sizes))
        while True:
            news, was_closed = self._news, self._closed
            chunks = self._read_writes(place, at_most=_BATCH)
            for chunk in chunks:
                yield chunk
            if chunks:
                continue
            if was_closed:
                return
            await news.wait()

    def _first_write(self, stream: Stream) -> int:
        with self._lock:
            return next((packed >> 1 for packed in self._writes if packed & 1 == stream - 1), 0)

    def _read_writes(self, place: _Place, at_most: int | None = None) -> list[Chunk]:
        with self._lock:
            end = len(self._writes) if at_most is None else place.writes + at_most
            writes = self._writes[place.writes : end]
        chunks: list[Chunk] = []
        with self.stdout_path.open("rb") as stdout, self.stderr_path.open("rb") as stderr:
            stdout.seek(place.offsets[1])
            stderr.seek(place.offsets[2])
            for packed in writes:
                stream: Stream = 2 if packed & 1 else 1
                data = (stderr if packed & 1 else stdout).read(packed >> 1)
                chunks.append(Chunk(stream, data))
                place.offsets[stream] += len(data)
        place.writes += len(writes)
        return chunks

    def _path(self, stream: Stream) -> Path:
        return self.stdout_path if stream == 1 else self.stderr_path

    def _call_wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody follows any more
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        with self._lock:
            self._wake_is_due = False
            news, self._news = self._news, asyncio.Event()
        news.set()


class _Place:
    """Where a reader is: number of writes seen and the offset in each file."""

    __slots__ = ("offsets", "writes")

    def __init__(self, writes: int = 0, offsets: dict[Stream, int] | None = None) -> None:
        self.writes = writes
        self.offsets: dict[Stream, int] = offsets or {1: 0, 2: 0}


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
