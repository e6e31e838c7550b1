"""Frames of the log socket, byte for byte (goldens 39, 74; FINDINGS-docker 8)."""

from __future__ import annotations

import json

import pytest

from orchestrator_stub.logs.buffer import Chunk
from orchestrator_stub.logs.frames import Misreader, chunk_frames, error_frame, log_frame, output_frames


def lines(frames):
    """(type, line) of each frame."""
    return [(value["Type"], value["Line"]) for value in (json.loads(frame)["value"] for frame in frames)]


def test_a_piece_of_output():
    """Clients parse exactly this."""
    assert log_frame(1, "out 1\n") == '{"value":{"Type":1,"Line":"out 1\\n"}}\n'
    assert log_frame(2, "<a&b>\u2028ä\0") == '{"value":{"Type":2,"Line":"\\u003ca\\u0026b\\u003e\\u2028ä\\u0000"}}\n'


def test_an_error():
    """The only frame when there is no log."""
    assert error_frame("failed to open") == '{"error":"failed to open","value":{"Type":0,"Line":""}}\n'


def test_each_line_is_a_frame_and_what_has_no_end_stays_so():
    """74/nonl-follow, bin-follow: a client would get lines late, glued together or completed."""
    assert lines(chunk_frames(Chunk(1, b"no newline"))) == [(1, "no newline")]
    assert lines(chunk_frames(Chunk(2, b"a\n\nb\r\n end"))) == [(2, "a\n"), (2, "\n"), (2, "b\r\n"), (2, " end")]
    assert lines(chunk_frames(Chunk(1, b"\xff\r\0\n\x0c\x85"))) == [(1, "\ufffd\r\0\n"), (1, "\x0c\ufffd")]


def test_long_output_is_cut_every_8_kib():
    """74/line-dump, big-dump: a reader with a fixed buffer would work here and break on a real server."""
    assert [len(line) for _, line in lines(chunk_frames(Chunk(2, b"x" * 65536 + b"\n")))] == [8192] * 8 + [1]
    many = [len(line) for _, line in lines(chunk_frames(Chunk(1, (b"x" * 49 + b"\n") * 200)))]
    assert many == [50] * 163 + [42, 8] + [50] * 36
    assert lines(chunk_frames(Chunk(1, b"x" * 8191 + "ä".encode())))[1] == (1, "\ufffd")


@pytest.mark.parametrize(
    ("first", "second", "frame", "broken"),
    [
        (b"thirteen byte", b"four", "read 12 wanted 13", True),
        (b"hello", b"world", "\x01\0\0\0\0", False),
        (b"0123456789", b"xyz", "\x01\0\0\0\0\0\0\x03xy", False),
    ],
)
def test_running_wasm_is_misread_up_to_1_7(first, second, frame, broken):
    """FINDINGS 1 row 11.3: a client would see live wasm logs that those servers do not have."""
    frames_of = Misreader()
    assert list(frames_of(Chunk(2, first))) == []
    said = [json.loads(frame) for frame in frames_of(Chunk(1, second))]
    if broken:
        assert said == [{"error": f"unable to read dataframe data, {frame}", "value": {"Type": 0, "Line": ""}}]
    else:
        assert said == [{"value": {"Type": 2, "Line": frame}}]
    assert frames_of.is_lost is broken


def test_a_finished_run_up_to_1_7_is_shown_by_lines():
    """74/done-*: stdout, then stderr, a final newline added, CRLF made LF."""
    assert lines(output_frames("a\r\nb", "e\n\n")) == [(1, "a\n"), (1, "b\n"), (2, "e\n"), (2, "\n")]
    assert lines(output_frames("", "")) == []
