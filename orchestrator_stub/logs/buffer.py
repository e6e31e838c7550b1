"""The output of one run as it comes: kept on disk whole, in order, with followers that wake up at each write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Stream = Literal[1, 2]
"""1 = stdout, 2 = stderr, as in the log frames."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One write of the program."""

    stream: Stream
    data: bytes


class LogBuffer:
    """One run's output. `write` may be called from any thread, all else from the event loop's."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        """Write `stdout` and `stderr` below `folder`, which exists."""
        raise NotImplementedError

    stdout_path: Path
    stderr_path: Path

    def write(self, stream: Stream, data: bytes) -> None:
        """Append one write of the program (thread-safe)."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing more will come; followers end."""
        raise NotImplementedError

    @property
    def closed(self) -> bool:
        """True once the run is over."""
        raise NotImplementedError

    def head(self, stream: Stream, *, first_write_only: bool = False) -> tuple[str, bool]:
        """RunOutput of a stream: the first 2,048 bytes (or only the first write: wasm) and whether more came."""
        raise NotImplementedError

    def snapshot(self) -> list[Chunk]:
        """All that was written so far, in order."""
        raise NotImplementedError

    def follow(self, *, from_now: bool = False) -> AsyncIterator[Chunk]:
        """Chunks from the first byte (or from now), then as they come, until the run is over."""
        raise NotImplementedError
