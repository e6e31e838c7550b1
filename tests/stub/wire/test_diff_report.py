"""The report of a tree, by parameters of any type; whole jobs are in test_diff."""

from __future__ import annotations

import pytest

from orchestrator_stub.wire.diff_report import report
from orchestrator_stub.wire.diff_tree import ANY_MAP, TEXTS, GoType, Typed, compare


def told(old, new, type_=ANY_MAP):
    """The report's inner lines, margins as blanks, without indentation."""
    lines = report(compare(type_, old, new)).replace("\u00a0", " ").split("\n")
    return [line.replace("\t", "") for line in lines[1:-2]]


def test_nothing_to_tell():
    """A client that asks whether the text is empty would see a change."""
    assert report(compare(ANY_MAP, {"a": 1}, {"a": 1})) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "bool(true)"),
        (1, "float64(1)"),
        (1_000_000, "float64(1e+06)"),
        (123456.5, "float64(123456.5)"),
        (1234567.25, "float64(1.23456725e+06)"),
        (0.0001, "float64(0.0001)"),
        (-0.00001, "float64(-1e-05)"),
        (-0.0, "float64(-0)"),
        (1e100, "float64(1e+100)"),
        ("x", 'string("x")'),
        (None, "nil"),
        ([], "[]any{}"),
        ([1, "a"], '[]any{float64(1), string("a")}'),
        ({"b": None, "a": {}}, 'map[string]any{"a": map[string]any{}, "b": nil}'),
        (Typed(TEXTS, ["a"]), '[]string{"a"}'),
        (Typed(TEXTS, None), "[]string(nil)"),
    ],
)
def test_values_tell_their_types_where_any_may_stand(value, text):
    """A number would look like a text that holds digits."""
    assert told({"k": 1, "v": value}, {"k": 1}) == ['  "k": float64(1),', f'- "v": {text},']


def test_what_is_the_same_is_told_beside_a_change_only():
    """A small change in much data would have to be searched."""
    old = {f"{number:02}": number for number in range(20)}
    assert told(old, old | {"10": "x"}) == [
        "  ... // 8 identical entries",
        '  "08": float64(8),',
        '  "09": float64(9),',
        '- "10": float64(10),',
        '+ "10": string("x"),',
        '  "11": float64(11),',
        '  "12": float64(12),',
        "  ... // 7 identical entries",
    ]


def test_a_lone_row_is_not_left_out():
    """The line that says one row is missing would be as long as the row."""
    assert told({"a": 1, "b": 1, "c": 1, "d": 1}, {"a": 1, "b": 1, "c": 1, "d": 2})[0] == '  "a":'.ljust(7) + "float64(1),"


def test_changes_beyond_the_first_are_counted():
    """The diff of two large jobs would be endless."""
    old = {f"{number:02}": number for number in range(60)}
    new = {key: value if value % 3 else "x" for key, value in old.items()}
    lines = told(old, new)
    assert sum(line.startswith("+") for line in lines) == 16
    assert lines[-1] == "  ... // 10 identical and 4 modified entries"


def test_two_sides_that_look_the_same_are_told_in_more_detail():
    """A difference behind the first bytes would be shown as twice the same line."""
    words = GoType("map[string]word", "map", GoType("word", "string", words=str))
    old, new = ({"k": {"w": "x" * 600 + last}} for last in "ab")
    lines = told(old, new, GoType("map[string]words", "map", words))
    assert [line for line in lines if "xx" in line] == [f'- "w": "{"x" * 600}a",', f'+ "w": "{"x" * 600}b",']


def test_a_value_that_describes_itself_is_told_by_its_words():
    """Constraints that come would be told in pieces, unlike on a real server."""
    word = GoType("word", "int", words=lambda value: f"number {value}")
    assert told({"a": 1, "b": 0}, {"a": 2, "b": 0}, GoType("m", "map", word)) == [
        '- "a": s"number 1",', '+ "a": s"number 2",', '  "b": s"number 0",'
    ]  # fmt: skip


def test_depth_ends_in_dots():
    """A removed value with everything in it would fill the diff."""
    value = [[[[[[1]]]]]]
    (line,) = told({"a": value, "b": 1}, {"b": 1})[:1]
    assert line == '- "a": []any{[]any{[]any{[]any{...}}}},'
