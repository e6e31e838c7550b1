"""Log frames to lines, and where the rest of a log is to be had."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bacalhau.lifecycle.logs import (
    LONGEST_LINE,
    STDERR,
    STDOUT,
    Line,
    LineAssembler,
    incomplete,
    lines_of,
    source_after_verdict,
    tail,
)


def feed(*frames):
    assembler, lines = LineAssembler(), []
    for stream, text in frames:
        assembler, more = assembler.feed(stream, text)
        lines += more
    return assembler, lines


def test_a_line_in_pieces_is_one_line():
    """The server cuts lines every 8 KiB; a log line for each piece is unreadable."""
    assert feed((STDOUT, "hel"), (STDOUT, "lo\n"))[1] == [Line(STDOUT, "hello")]


def test_a_frame_with_many_lines():
    """One frame may hold a whole log."""
    assert feed((STDOUT, "a\n\nb\n"))[1] == [Line(STDOUT, "a"), Line(STDOUT, ""), Line(STDOUT, "b")]


def test_streams_do_not_mix():
    """A half line of stdout must not end with stderr's."""
    assembler, lines = feed((STDOUT, "out"), (STDERR, "err\n"), (STDOUT, "put\n"))
    assert lines == [Line(STDERR, "err"), Line(STDOUT, "output")]
    assert assembler.flush() == ()


def test_what_is_left_comes_with_the_end():
    """A prompt without newline is output too."""
    assert feed((STDOUT, "done"))[0].flush() == (Line(STDOUT, "done"),)


def test_carriage_returns_of_windows_lines_go():
    """They overwrite the line in a terminal."""
    assert feed((STDOUT, "a\r\nb\r"), (STDOUT, "\n"))[1] == [Line(STDOUT, "a"), Line(STDOUT, "b")]


def test_a_line_without_end_is_cut():
    """A program that never writes a newline must not fill the worker's memory."""
    assembler, lines = feed((STDOUT, "x" * (2 * LONGEST_LINE + 5)))
    assert [len(line.text) for line in lines] == [LONGEST_LINE, LONGEST_LINE]
    assert assembler.flush() == (Line(STDOUT, "xxxxx"),)


def test_half_lines_survive_a_restart():
    """A trigger may move to another process in the middle of a line."""
    assembler, _ = feed((STDERR, "half "))
    again = LineAssembler.from_plain(json.loads(json.dumps(assembler.to_plain())))
    assert again.feed(STDERR, "line\n")[1] == (Line(STDERR, "half line"),)


def test_a_final_newline_adds_no_empty_line():
    """Every log would end with a blank line."""
    assert [line.text for line in lines_of("a\nb\n")] == ["a", "b"]
    assert lines_of("") == ()


def test_the_tail_is_the_last_twenty_lines():
    """The cause stands at the end."""
    assert tail("".join(f"{n}\n" for n in range(30))).splitlines() == [str(n) for n in range(10, 30)]
    assert tail("") == ""
    assert tail("only\n\n\n") == "only"


@pytest.mark.parametrize(
    ("facts", "source"),
    [
        ({"truncated": False, "engine": "docker", "published": True}, "run_output"),
        ({"truncated": True, "engine": "docker", "published": True}, "archive"),
        ({"truncated": True, "engine": "docker", "published": False}, "dump"),
        ({"truncated": True, "engine": "docker", "published": False, "dump_is_full": False}, "run_output"),
        ({"truncated": False, "engine": "wasm", "published": True}, "archive"),
        ({"truncated": False, "engine": "wasm", "published": False}, "run_output"),
        ({"truncated": True, "engine": "docker", "published": True, "ran": False}, "none"),
    ],
)
def test_where_the_whole_output_is(facts, source):
    """RunOutput is the first 2,048 bytes, of wasm often less; a wasm dump is silent for a minute on 1.8+."""
    assert source_after_verdict(**{"ran": True, "dump_is_full": True, **facts}) == source


def test_an_incomplete_log_says_so():
    """A cut log that looks whole misleads."""
    assert incomplete(2_048, None, "s3://b/k") == "log incomplete (2,048 of ? bytes); full output: s3://b/k"
    assert incomplete(2_048, 10_000, "") == "log incomplete (2,048 of 10,000 bytes)"
