"""Strings: quotes, cuts, lines, pieces."""

from __future__ import annotations

import pytest

from orchestrator_stub.wire.diff_strings import compared, in_quotes, string
from orchestrator_stub.wire.diff_text import Line, Row, Wrap, laid_out

LINES = "one\ntwo\nthree\nfour\nfive\n"


def shown(text):
    """A text laid out, its margins as blanks and its tabs as arrows."""
    return laid_out(text).replace("\u00a0", " ").replace("\t", ">")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", '"plain"'),
        (b'say "hi"', '`say "hi"`'),
        (b"tab\there", "`tab\there`"),
        (b'"`"', '"\\"`\\""'),
        (b"a\nb", '"a\\nb"'),
        ("ü日".encode(), '"ü日"'),
        ("日".encode()[:2] + b"x", '"\\xe6\\x97x"'),
        (b"\xff\n", '"\\xff\\n"'),
        (b"", '""'),
    ],
)
def test_quotes(data, text):
    """A value would be told in quotes that a real server does not use."""
    assert in_quotes(data) == text


@pytest.mark.parametrize(("level", "kept"), [(0, 32), (3, 256)])
def test_a_long_value_is_cut_by_its_level(level, kept):
    """A whole file that is a parameter would fill the diff."""
    assert string("x" * (kept + 4), level) == Line(f'"{"x" * kept}"...')
    assert string("x" * (kept + 3), level) == Line(f'"{"x" * (kept + 3)}"')


def test_lines_of_one_side_stand_between_triple_quotes():
    """A script that came would be one line of escapes."""
    text = string(LINES, 3, "+")
    assert isinstance(text, Wrap)
    assert [row.value.text for row in text.inside.rows] == ['"""', "one", "two", "three", "four", "five", '"""']
    assert string(LINES, 3) == Line('"one\\ntwo\\nthree\\nfour\\nfive\\n"')


def test_too_many_lines_are_left_out():
    """A long script would fill the diff."""
    rows = string("x\n" * 40, 1, "-").inside.rows
    assert (len(rows), rows[-2]) == (10, Row(Line("..."), mark="-", comma=False, comment="33 elided lines"))
    assert len(string("x\n" * 8, 1, "-").inside.rows) == 10


@pytest.mark.parametrize("line", ['"""x', "...", "bell\a", "x" * 65])
def test_lines_that_could_be_mistaken_are_quoted(line):
    """A line of the script would be taken for the end of it, or not be seen."""
    assert isinstance(string(f"{line}\n{LINES}", 1, "+"), Line)


def test_a_changed_word_of_a_long_text_is_told_alone():
    """Both versions of a long text would be told whole, and nobody would find what changed."""
    old = "the quick brown fox jumps over the lazy dog"
    assert shown(compared(old, old.replace("brown", "red"), 2, "string")) == (
        '  strings.Join({\n  >"the quick ",\n- >"brown",\n+ >"red",\n  >" fox jumps over the lazy dog",\n  }, "")\n'
    )


def test_a_changed_line_is_told_among_its_neighbours():
    """A changed line of a script would have to be searched."""
    old = LINES * 2
    assert shown(compared(old, f"{LINES}{LINES.replace('three', '3')}", 2, "string")) == (
        '  (\n  >"""\n  >... // 5 identical lines\n  >one\n  >two\n- >three\n+ >3\n  >four\n  >five\n  >"""\n  )\n'
    )


def test_lines_that_differ_in_blanks_only_are_quoted():
    """Twice the same line would be shown as a change."""
    text = shown(compared(LINES * 2, LINES + LINES.replace("two", " two"), 2, "string"))
    assert '- >"two",\n+ >" two",\n' in text
    assert text.endswith('}, "\\n")\n')


def test_binary_is_told_in_hex_with_what_can_be_read():
    """Control characters would reach the terminal."""
    text = shown(compared("\x01\x02\x03A" * 8, "\x01\x02\x03B" * 8, 2, "models.EnvVarValue"))
    assert text.startswith("  models.EnvVarValue{\n")
    assert "- >0x41, 0x01, 0x02, 0x03, 0x41" in text
    assert "// -|A...A" in text


def test_changes_beyond_the_first_are_counted():
    """The diff of two long texts would be longer than both."""
    old, new = ("".join(f"{word}{number:03} " + "same " * 60 for number in range(40)) for word in ("old", "new"))
    text = shown(compared(old, new, 2, "string"))
    assert (text.count("\n- "), text.count("\n+ ")) == (8, 8)
    assert text.endswith(">... // 10032 identical, 96 removed, and 96 inserted bytes\n  }, \"\")\n")
