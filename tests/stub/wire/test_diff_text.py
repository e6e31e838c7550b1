"""The lay-out: what stands on one line, what is aligned, how left-out rows are counted."""

from __future__ import annotations

import pytest

from orchestrator_stub.wire.diff_text import DOTS, Line, Row, Rows, Stats, Wrap, are_same, laid_out, left_out


def shown(*rows):
    """A list laid out, its margins as blanks and its tabs as arrows."""
    return laid_out(Wrap("{", Rows(rows), "}")).replace("\u00a0", " ").replace("\t", ">")


def test_what_is_the_same_stands_on_one_line():
    """Unchanged parts would fill the screen."""
    rows = (Row(Line("1"), key="A"), Row(Wrap("{", Rows((Row(Line("x"), key="B"),)), "}"), key="C"), Row(DOTS, comma=False))
    assert shown(*rows) == "  {A: 1, C: {B: x}, ...}\n"


def test_sides_stand_on_lines_of_their_own_with_their_marks():
    """Nobody could tell the old from the new."""
    rows = (Row(Line("1"), key="Long"), Row(Line("2"), key="B", mark="-"), Row(Line("3"), key="B", mark="+"))
    assert shown(*rows) == "  {\n  >Long: 1,\n- >B:    2,\n+ >B:    3,\n  }\n"


def test_rows_that_need_lines_part_what_is_aligned():
    """Columns would be as wide as keys far away."""
    inner = Wrap("{", Rows((Row(Line("1"), key="X", mark="-"),)), "}")
    rows = (Row(Line("1"), key="A"), Row(inner, key="LongKey"), Row(Line("2"), key="BB"), Row(Line("3"), key="C"))
    assert shown(*rows) == "  {\n  >A: 1,\n  >LongKey: {\n- >>X: 1,\n  >},\n  >BB: 2,\n  >C:  3,\n  }\n"


@pytest.mark.parametrize(("letters", "lines"), [(40, 1), (39, 1), (41, 3)])
def test_one_side_has_80_bytes_for_a_line(letters, lines):
    """A removed value would run out of the window, or be torn for no reason."""
    value = Wrap("{", Rows((Row(Line("x" * (38)), key=""), Row(Line("y" * letters), key=""))), "}")
    assert shown(Row(value, mark="-")).count("\n- ") == lines + (lines > 1)


def test_bytes_are_counted_not_letters():
    """Texts that are not English would be laid out otherwise than by a real server."""
    value = Wrap("{", Rows((Row(Line("ü" * 41)),)), "}")
    assert shown(Row(value, mark="-")) == f"  {{\n- >{{\n- >>{'ü' * 41},\n- >}},\n  }}\n"


def test_words_without_keys_share_lines():
    """A long list of arguments would take a line for each."""
    words = Wrap("{", Rows(tuple(Row(Line(f'"word-{number:02}"')) for number in range(10))), "}")
    text = shown(Row(words, mark="+"))
    assert [line.count('"word') for line in text.split("\n")] == [0, 0, 7, 3, 0, 0, 0]


def test_comments_are_aligned_behind_what_they_comment():
    """The readable column of binary data would be torn."""
    rows = (Row(Line("0x01"), mark="-", comment="-|.|"), Row(Line("0x01, 0x02"), mark="+", comment="+|..|"))
    assert shown(*rows) == "  {\n- >0x01,       // -|.|\n+ >0x01, 0x02, // +|..|\n  }\n"


@pytest.mark.parametrize(
    ("stats", "text"),
    [
        (Stats("field", ignored=5), "5 ignored fields"),
        (Stats("field", ignored=2, same=6), "2 ignored and 6 identical fields"),
        (Stats("entry", same=1), "1 identical entry"),
        (Stats("entry", removed=1, added=2), "1 removed and 2 inserted entries"),
        (Stats("byte", 1, 2, 3, 4, 5), "1 ignored, 2 identical, 3 removed, 4 inserted, and 5 modified bytes"),
    ],
)
def test_left_out_rows_are_counted_in_words(stats, text):
    """A reader would not know how much is missing."""
    assert str(stats) == text


def test_dots_in_a_row_are_one():
    """Two rows of dots would stand one below the other."""
    rows = []
    left_out(rows, Stats("field", same=1))
    left_out(rows, Stats("field", same=2))
    left_out(rows)
    assert [str(row.comment) for row in rows] == ["3 identical fields"]


def test_texts_that_look_the_same_are_the_same():
    """A difference would be told as twice the same line."""
    one = Wrap("{", Rows((Row(Line("1"), key="A"), Row(Line("2")))), "}")
    assert are_same(one, Wrap("{", Rows((Row(Line("1"), key="A"), Row(Line("2")))), "}"))
    for other in (
        Wrap("(", one.inside, "}"),
        Wrap("{", Rows(one.inside.rows[:1]), "}"),
        Wrap("{", Rows((Row(Line("1"), key="B"), Row(Line("2")))), "}"),
        Wrap("{", Rows((Row(Line("1"), key="A"), Row(Line("3")))), "}"),
        Line("{"),
        None,
    ):
        assert not are_same(one, other)
