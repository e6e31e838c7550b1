"""Where the bytes of a run's two streams are: in files, or in memory while they are few."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, Literal, Self

Stream = Literal[1, 2]
"""1 = stdout, 2 = stderr, as in the log frames."""

FEW: Final = 4096
"""Bytes that may stay in memory: runs on the clock are many, and most of them say little."""
_NAMES: dict[Stream, str] = {1: "stdout", 2: "stderr"}


class Streams:
    """Both streams of one run. Not for several threads at once, but that readers may read meanwhile."""

    def __init__(self, folder: Path | Callable[[], Path], *, is_over: bool = False) -> None:
        """`folder`: exists and gets the files, or makes a folder once one is needed. `is_over`: the files are there."""
        self.memory: dict[Stream, bytearray] | None = None
        """What there is while there are no files."""
        self._fds: dict[Stream, int] = {}
        self._is_closed = False
        if callable(folder):
            self._make_folder = folder
            self.memory = {1: bytearray(), 2: bytearray()}
            return
        self._folder = folder
        if not is_over:
            self._create()

    def append(self, stream: Stream, data: bytes) -> None:
        """Add bytes; not after `close`. Raises OSError."""
        if self.memory is not None and sum(map(len, self.memory.values())) + len(data) > FEW:
            self._spill(self.memory)
        if self.memory is not None:
            self.memory[stream] += data
        else:
            _write_all(self._fds[stream], data)

    def path(self, stream: Stream) -> Path:
        """The stream's file; it is made if it was not. Raises OSError."""
        if self.memory is not None:
            self._spill(self.memory)
            if self._is_closed:
                self.close()
        return self._folder / _NAMES[stream]

    def few(self) -> tuple[bytes, bytes] | None:
        """Both streams, None once there are files."""
        return None if self.memory is None else (bytes(self.memory[1]), bytes(self.memory[2]))

    def take_over(self, few: tuple[bytes, bytes] | None) -> None:
        """Both are over. `few`: what was written, where there are no files for it."""
        if few is not None and self.memory is not None:
            self.memory = {1: bytearray(few[0]), 2: bytearray(few[1])}
        self.close()

    def close(self) -> None:
        """Nothing more comes."""
        self._is_closed = True
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()

    def delete(self) -> None:
        """Remove the files; who reads already goes on."""
        if self.memory is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _create(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        for stream, name in _NAMES.items():
            self._fds[stream] = os.open(self._folder / name, flags, 0o644)

    def _spill(self, memory: dict[Stream, bytearray]) -> None:
        self._folder = self._make_folder()
        self._create()
        for stream, data in memory.items():
            _write_all(self._fds[stream], data)
        self.memory = None


class Reader:
    """Reads both streams; files that are there are opened at once, and so outlive their deletion."""

    def __init__(self, streams: Streams) -> None:
        """Raises OSError."""
        self._streams = streams
        self._files: dict[Stream, BinaryIO] = {}
        self._at: dict[Stream, int] = {1: 0, 2: 0}
        if streams.memory is None:
            self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def read(self, stream: Stream, offset: int, length: int) -> bytes:
        """So many bytes from there on, or what there is of them. Raises OSError."""
        memory = self._streams.memory
        if memory is not None:
            return bytes(memory[stream][offset : offset + length])
        if not self._files:
            self._open()
        file = self._files[stream]
        if self._at[stream] != offset:
            file.seek(offset)
        data = file.read(length)
        self._at[stream] = offset + len(data)
        return data

    def _open(self) -> None:
        for stream in _NAMES:
            self._files[stream] = self._streams.path(stream).open("rb")


def _write_all(fd: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
