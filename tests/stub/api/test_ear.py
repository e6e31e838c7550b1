"""Spotting a client's Close among whatever else it sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from orchestrator_stub.api.ear import Ear

MASK = b"\x01\x02\x03\x04"
CLOSE = b"\x88\x85" + MASK + bytes([3 ^ 1, 232 ^ 2, ord("b") ^ 3, ord("y") ^ 4, ord("e") ^ 1])


def hear(*pieces):
    """What is heard of pieces of bytes, in order, without the silence."""
    ear = Ear()
    return [heard for heard in map(ear.hear, pieces) if heard is not None]


def frame(opcode, size, fin=True):
    """A client's frame as websockets makes it."""
    return Frame(opcode, b"\x88" * size, fin).serialize(mask=True)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY, Opcode.CONT])
def test_a_close_is_heard_after_frames_of_any_length(opcode, size):
    """A viewer who goes would wait for an answer that never comes."""
    assert hear(frame(opcode, size) + CLOSE) == [b"\x03\xe8bye"]


def test_a_close_is_heard_byte_by_byte_and_in_the_middle_of_a_message():
    """Slow connections and fragmented messages would hide it."""
    stream = frame(Opcode.TEXT, 3, fin=False) + frame(Opcode.PING, 4) + CLOSE
    assert hear(*(bytes([byte]) for byte in stream)) == [b"\x03\xe8bye"]


@pytest.mark.parametrize("payload", [b"", b"x", b"\x00\x00", b"\x03\xed", b"\xff\xff" + b"?" * 123])
def test_odd_closes_are_closes(payload):
    """A client with an odd code, or none, would never be let go."""
    assert hear(Frame(Opcode.CLOSE, payload).serialize(mask=True)) == [payload]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x88\x00",  # not masked
        b"\xff\x80" + MASK,  # reserved bits
        b"\x83\x80" + MASK,  # reserved opcode
        b"\x08\x80" + MASK,  # a control frame in fragments
        b"\x89\xfe\x00\x7e" + MASK + b"p" * 126,  # control frames that are too long
        b"\x88\xfe\x00\x7e" + MASK + b"c" * 126,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_after_garbage_nothing_is_heard(garbage):
    """Bytes in the middle of garbage would be taken for a Close; real servers ignore all of it."""
    assert hear(garbage, CLOSE, garbage + CLOSE) == []


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_anything_may_come_in_any_pieces(pieces):
    """Some bytes would end in a traceback, or be heard otherwise when they come at once."""
    whole = hear(b"".join(pieces))
    assert hear(*pieces)[:1] == whole
