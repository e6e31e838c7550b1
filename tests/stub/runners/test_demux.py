"""A container's two streams in one are taken apart, in whatever pieces they arrive."""

from __future__ import annotations

import struct

import pytest

from orchestrator_stub.runners.demux import Demultiplexer


def frame(stream, data):
    """A piece as engines send it."""
    return struct.pack(">BxxxI", stream, len(data)) + data


SENT = frame(1, b"out\n") + frame(2, b"err\n") + frame(1, b"") + frame(3, b"engine") + frame(1, b"x" * 300)


@pytest.mark.parametrize("size", [1, 3, 7, 8, 9, 12, 13, 1000])
def test_nothing_is_lost_or_mixed_up(size):
    """Output would come with the engine's bytes in it, or on the wrong stream."""
    demultiplexer, found = Demultiplexer(), {1: b"", 2: b""}
    for start in range(0, len(SENT), size):
        for stream, piece in demultiplexer.feed(SENT[start : start + size]):
            found[stream] += piece
    assert found == {1: b"out\n" + b"x" * 300, 2: b"err\n"}


def test_a_piece_is_handed_on_before_it_is_whole():
    """A program that writes a lot at once would show nothing for long, and its output lie in memory."""
    demultiplexer = Demultiplexer()
    assert list(demultiplexer.feed(frame(2, b"abcdef")[:10])) == [(2, b"ab")]
    assert list(demultiplexer.feed(b"cdef")) == [(2, b"cdef")]
