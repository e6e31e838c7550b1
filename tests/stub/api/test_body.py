"""Bodies off the wire, with net/http's words for what is wrong (compared with Go 1.26)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_stub.api.body import LARGEST_EXCESS, BodyFaultError, ChunkedBody, PlainBody


def read(body, *pieces):
    """Feed pieces; gives the data, whether it ended, and what is left for the next request."""
    buffer, data, ended = bytearray(), b"", False
    for piece in pieces:
        buffer += piece
        if not ended:
            part, ended = body.take(buffer)
            data += part
    return data, ended, bytes(buffer)


def test_a_plain_body_ends_where_it_was_announced():
    """The next request of a connection would be read as a body, or lost."""
    assert read(PlainBody(4), b"ab", b"cdGET /") == (b"abcd", True, b"GET /")
    body = PlainBody(4)
    assert read(body, b"ab") == (b"ab", False, b"")
    assert body.announced == 2


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_chunks_are_joined_however_they_arrive(size):
    """A client whose packets split a chunk's line would get an error."""
    wire = b"3\r\nabc\r\nA;x=y  \r\n0123456789\r\n0\r\nTrailer: t\r\n\r\nNEXT"
    pieces = [wire[start : start + size] for start in range(0, len(wire), size)]
    assert read(ChunkedBody(), *pieces) == (b"abc0123456789", True, b"NEXT")


def test_a_body_of_no_chunks_is_empty():
    """An empty chunked body would wait for ever."""
    assert read(ChunkedBody(), b"0\r\n\r\n") == (b"", True, b"")


@pytest.mark.parametrize(
    ("wire", "problem"),
    [
        (b"zz\r\n", "invalid byte in chunk length"),
        (b"0x2\r\n", "invalid byte in chunk length"),
        (b"+2\r\n", "invalid byte in chunk length"),
        (b"\r\n", "empty hex number for chunk length"),
        (b";x\r\n", "empty hex number for chunk length"),
        (b"fffffffffffffffff\r\n", "http chunk length too large"),
        (b"ffffffffffffffffx\r\n", "invalid byte in chunk length"),
        (b"2\n{}", "chunked line ends with bare LF"),
        (b"2\r1\r\n", "invalid CR in chunked line"),
        (b"2\r\n{}xx", "malformed chunked encoding"),
        (b"2;" + b"x" * 5000, "header line too long"),
        (b"0\r\nA: " + b"x" * 5000, "http: suspiciously long trailer after chunked body"),
        ((b"1;" + b"x" * 1000 + b"\r\nx\r\n") * (LARGEST_EXCESS // 900), "chunked encoding contains too much non-data"),
    ],
)
def test_what_is_no_chunk_is_named_as_net_http_names_it(wire, problem):
    """A broken client would hang, or fill the memory, or see another error than on a real server up to 1.7."""
    with pytest.raises(BodyFaultError, match=problem):
        read(ChunkedBody(), wire)


@given(st.lists(st.binary(max_size=40), max_size=6), st.data())
def test_any_body_comes_through_in_any_pieces(parts, data):
    """Some length or cut would lose a byte."""
    wire = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=5)))
    pieces = [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    assert read(ChunkedBody(), *pieces) == (b"".join(parts), True, b"")
