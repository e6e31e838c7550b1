"""What a log socket hears of its client: nothing but a Close frame.

Released servers never read from a log socket (FINDINGS 1 row 11.2): pings stay unanswered, garbage is no error. The
stub listens for one thing more, so that a viewer who goes need not wait for an answer that never comes.
"""

from __future__ import annotations

_CLOSE = 8
_OPCODES = frozenset({0, 1, 2, _CLOSE, 9, 10})
_LONGER = {126: 2, 127: 8}
"""Length in the second byte -> bytes of the real one behind it."""
_MASK = 4
_MOST = 125  # bytes in a control frame


class Ear:
    """Looks for a Close among the client's frames (RFC 6455, 5.2), in whatever pieces they come.

    After bytes that are no frame nobody can tell where the next one begins: from then on nothing is heard.
    """

    def __init__(self) -> None:
        self._frame = bytearray()
        """The header, so far, of the frame that is being read; of a Close the whole frame."""
        self._skip = 0
        """Bytes of the last frame that are still to come; nobody wants them."""
        self._deaf = False

    def hear(self, data: bytes) -> bytes | None:
        """The payload of the client's Close once it is complete, else None; bytes behind it are not looked at."""
        place = 0
        while place < len(data) and not self._deaf:
            if self._skip:
                step = min(self._skip, len(data) - place)
                self._skip -= step
            else:
                step = _wanted(self._frame) - len(self._frame)
                self._frame += data[place : place + step]
                closed = self._complete()
                if closed is not None:
                    return closed
            place += step
        return None

    def _complete(self) -> bytes | None:
        """Go on to the next frame when this one is known; the payload of a Close."""
        wanted = _wanted(self._frame)
        self._deaf = not wanted
        if len(self._frame) != wanted:
            return None
        frame, self._frame = self._frame, bytearray()
        opcode, length = frame[0] & 15, frame[1] & 127
        more = _LONGER.get(length, 0)
        if opcode == _CLOSE:
            mask, payload = frame[2 : 2 + _MASK], frame[2 + _MASK :]
            return bytes(byte ^ mask[number % _MASK] for number, byte in enumerate(payload))
        self._skip = int.from_bytes(frame[2 : 2 + more]) if more else length
        return None


def _wanted(frame: bytearray) -> int:
    """Bytes of the header (of a Close: of the frame) as far as it can be known; 0 for what is no frame of a client."""
    if len(frame) < 2:
        return 2
    first, second = frame[0], frame[1]
    opcode, length = first & 15, second & 127
    if first & 0x70 or opcode not in _OPCODES or second < 128:
        return 0
    if opcode & 8 and (length > _MOST or first < 128):
        return 0
    return 2 + _LONGER.get(length, 0) + _MASK + (length if opcode == _CLOSE else 0)
