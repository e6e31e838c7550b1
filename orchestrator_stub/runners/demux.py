"""A container's two streams in one, as container engines send them: taken apart (pure)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from orchestrator_stub.logs.streams import Stream

_HEAD = struct.Struct(">BxxxI")
_STREAMS: dict[int, Stream] = {1: 1, 2: 2}


class Demultiplexer:
    """Takes the engine's bytes in any pieces; gives what the program wrote, as it comes.

    Before each piece stands a head of 8 bytes: the stream (1 stdout, 2 stderr), three that say nothing, and the
    length (big endian), as the engine's API documents it for `attach`.
    """

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._head = b""
        self._stream: Stream | None = None
        self._left = 0

    def feed(self, data: bytes) -> Iterator[tuple[Stream, bytes]]:
        """Stream and bytes of each piece in `data`; what is of neither stream is left out."""
        view = memoryview(data)
        while view:
            if not self._left:
                missing = _HEAD.size - len(self._head)
                self._head += bytes(view[:missing])
                view = view[missing:]
                if len(self._head) < _HEAD.size:
                    return
                number, self._left = _HEAD.unpack(self._head)
                self._head, self._stream = b"", _STREAMS.get(number)
                continue
            piece = bytes(view[: self._left])
            view = view[self._left :]
            self._left -= len(piece)
            if self._stream is not None:
                yield self._stream, piece
