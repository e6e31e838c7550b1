"""Bodies as Go's net/http reads them off a connection: of a known length, or in chunks. Pure state, fed with bytes."""

from __future__ import annotations

from typing import Protocol

LARGEST_LINE = 4096
"""Bytes of a line between chunks; also the most that one may have without its end."""
LARGEST_EXCESS = 16 * 1024
"""Bytes that may go into lines between chunks beyond what their data is worth."""
_HEX = frozenset(b"0123456789abcdefABCDEF")


class BodyFaultError(Exception):
    """The rest of a body cannot be read; the text is net/http's."""


class Body(Protocol):
    """What is still to come of a body."""

    announced: int | None
    """Bytes that are still to come; None when nobody can know."""

    def take(self, buffer: bytearray) -> tuple[bytes, bool]:
        """Remove from the buffer's front what belongs to the body; gives its data and whether that was the end.

        :raises BodyFaultError: what is there cannot be read.
        """
        ...


class PlainBody:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self.announced: int | None = length

    def take(self, buffer: bytearray) -> tuple[bytes, bool]:
        """See `Body`."""
        left = self.announced or 0
        data = bytes(buffer[:left])
        del buffer[:left]
        self.announced = left - len(data)
        return data, not self.announced


class ChunkedBody:
    """A body in chunks; extensions and trailers are read over."""

    announced: int | None = None

    def __init__(self) -> None:
        self._left = 0
        self._in_data = self._in_trailer = False
        self._excess = 0

    def take(self, buffer: bytearray) -> tuple[bytes, bool]:
        """See `Body`."""
        parts: list[bytes] = []
        while True:
            if self._in_trailer:
                return b"".join(parts), _end_of_trailer(buffer)
            if self._in_data:
                if not self._data(buffer, parts):
                    return b"".join(parts), False
                continue
            line = _line(buffer)
            if line is None:
                return b"".join(parts), False
            self._begin(line)

    def _data(self, buffer: bytearray, parts: list[bytes]) -> bool:
        """Whether the chunk is over."""
        if self._left:
            parts.append(bytes(buffer[: self._left]))
            del buffer[: self._left]
            self._left -= len(parts[-1])
        if self._left or len(buffer) < 2:
            return False
        if buffer[:2] != b"\r\n":
            raise BodyFaultError("malformed chunked encoding")
        del buffer[:2]
        self._in_data = False
        return True

    def _begin(self, line: bytes) -> None:
        digits = line.rstrip(b" \t").partition(b";")[0]
        if not digits:
            raise BodyFaultError("empty hex number for chunk length")
        if not _HEX.issuperset(digits[:16]):
            raise BodyFaultError("invalid byte in chunk length")
        if len(digits) > 16:
            is_number = digits[16] in _HEX
            raise BodyFaultError("http chunk length too large" if is_number else "invalid byte in chunk length")
        self._left = int(digits, 16)
        self._excess = max(0, self._excess + len(line) + 2 - 16 - 2 * self._left)
        if self._excess > LARGEST_EXCESS:
            raise BodyFaultError("chunked encoding contains too much non-data")
        self._in_data, self._in_trailer = bool(self._left), not self._left


def _line(buffer: bytearray) -> bytes | None:
    """The next line without its end; None while it is not complete."""
    end = buffer.find(b"\n")
    if end >= LARGEST_LINE or (end < 0 and len(buffer) >= LARGEST_LINE):
        raise BodyFaultError("header line too long")
    if end < 0:
        return None
    line = bytes(buffer[: end + 1])
    if b"\r" not in line:
        raise BodyFaultError("chunked line ends with bare LF")
    if line.index(b"\r") != end - 1:
        raise BodyFaultError("invalid CR in chunked line")
    del buffer[: end + 1]
    return line[:-2]


def _end_of_trailer(buffer: bytearray) -> bool:
    """Whether the trailer is over; its fields are dropped."""
    if buffer[:2] == b"\r\n":
        del buffer[:2]
        return True
    end = buffer.find(b"\r\n\r\n")
    if end >= 0:
        del buffer[: end + 4]
        return True
    if len(buffer) >= LARGEST_LINE:
        raise BodyFaultError("http: suspiciously long trailer after chunked body")
    return False
