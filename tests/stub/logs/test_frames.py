"""Frames of the log socket, byte for byte (goldens 39, 74; FINDINGS-docker 8)."""

from __future__ import annotations

import json

from orchestrator_stub.logs.buffer import Chunk
from orchestrator_stub.logs.frames import chunk_frames, error_frame, log_frame, output_frames


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


def test_writes_come_as_they_are_in_pieces_of_8_kib():
    """74/nonl-, line-, big-follow: partial lines stay partial, long writes are cut."""
    assert lines(chunk_frames(Chunk(1, b"no newline"))) == [(1, "no newline")]
    assert [len(line) for _, line in lines(chunk_frames(Chunk(2, b"x" * 65536 + b"\n")))] == [8192] * 8 + [1]
    assert lines(chunk_frames(Chunk(1, b"\xff\r\n"))) == [(1, "\ufffd\r\n")]


def test_a_finished_run_up_to_1_7_is_shown_by_lines():
    """74/done-*: stdout, then stderr, a final newline added, CRLF made LF."""
    assert lines(output_frames("a\r\nb", "e\n\n")) == [(1, "a\n"), (1, "b\n"), (2, "e\n"), (2, "\n")]
    assert lines(output_frames("", "")) == []
