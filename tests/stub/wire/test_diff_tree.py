"""Two values side by side: what counts as the same, what as a difference, what not at all."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from orchestrator_stub.wire.diff_tree import (
    ANY,
    ANY_MAP,
    ANYTHINGS,
    FLOAT,
    INT,
    MISSING,
    STRING,
    TEXTS,
    GoField,
    GoType,
    Typed,
    compare,
    concrete,
    is_zero,
)

PAIR = GoType(
    "pair",
    "struct",
    fields=(GoField("A", INT, lambda pair: pair.a), GoField("B", STRING, lambda pair: pair.b), GoField("ID", STRING, ignored=True)),
)


def figures(node):
    """(same, differing, ignored) leaves."""
    return node.same, node.differing, node.ignored


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        ("1", 1, False),
        (None, None, True),
        (None, "", False),
        ([], {}, False),
        ([1], (1,), True),
        ({"a": None}, {"a": None}, True),
        ({"a": None}, {}, False),
        (Typed(TEXTS, ["a"]), ["a"], False),
        (Typed(TEXTS, None), None, False),
        (Typed(TEXTS, None), Typed(TEXTS, None), True),
    ],
)
def test_values_of_any_type_compare_with_their_types(old, new, same):
    """`true` would be 1, as it is to Python, and a change be lost."""
    node = compare(ANY, old, new)
    assert (node.differing == 0) is same
    assert (compare(ANY, new, old).differing == 0) is same


def test_leaves_are_counted_through_all_levels():
    """What is told in full and what in short would be mixed up."""
    node = compare(GoType("", "pointer", PAIR), SimpleNamespace(a=1, b="x"), SimpleNamespace(a=2, b="x"))
    assert figures(node) == (1, 1, 1)
    assert (node.depth, node.below, node.is_chain) == (2, 4, False)
    assert [(name, figures(part)) for name, part in node.inner.members] == [
        ("A", (0, 1, 0)), ("B", (1, 0, 0)), ("ID", (0, 0, 1))
    ]  # fmt: skip
    assert node.inner.members[2][1].is_ignored


def test_hidden_keys_do_not_count_whoever_has_them():
    """The servers' own meta would make every submission a change."""
    node = compare(GoType("m", "map", STRING, hides=lambda key: key == "own"), {"own": "1", "b": "2"}, {"b": "2", "a": "3"})
    assert [(key, figures(part)) for key, part in node.members] == [
        ("a", (0, 1, 0)), ("b", (1, 0, 0)), ("own", (0, 0, 1))
    ]  # fmt: skip
    assert node.members[0][1].old is MISSING


def test_a_change_before_comparing_is_told_with_its_name():
    """Resources that differ in case would be a change, or nobody would know why they are none."""
    type_ = GoType("", "pointer", PAIR, seen_as=("Lower", lambda pair: SimpleNamespace(a=pair.a, b=pair.b.lower())))
    node = compare(type_, SimpleNamespace(a=1, b="X"), SimpleNamespace(a=1, b="x"))
    assert (node.change, node.changed, node.differing) == ("Lower", 1, 0)
    assert node.inner.type is type_
    assert node.inner.change == ""


def test_members_of_lists_are_paired():
    """An input that was inserted would make all inputs behind it changes."""
    node = compare(ANYTHINGS, ["a", "b", "c"], ["a", "x", "b", "c"])
    assert [(part.old is MISSING, part.differing) for _, part in node.members] == [(False, 0), (True, 1), (False, 0), (False, 0)]


def test_pairs_are_compared_once_at_every_level():
    """Lists in lists would take as long as they nest, to the power of two."""
    old, new = "x", "y"
    for _ in range(60):
        old, new = [old], [new]
    node = compare(ANY, old, new)
    assert (node.differing, node.depth, node.is_chain) == (1, 121, True)


@pytest.mark.parametrize(("old", "new", "same"), [(None, None, True), (None, [], False), ([], [], True), ([], ["a"], False)])
def test_no_list_is_no_empty_list(old, new, same):
    """Go tells nil from an empty list, and so would its users' diff."""
    assert (compare(TEXTS, old, new).differing == 0) is same


@pytest.mark.parametrize(
    ("value", "type_"), [(1, FLOAT), (2.5, FLOAT), ("", STRING), ({}, ANY_MAP), ([], ANYTHINGS), ((), ANYTHINGS)]
)
def test_json_has_five_types(value, type_):
    """A parameter would be told with a type that no decoder gives it."""
    assert concrete(value).type is type_


def test_zero_values():
    """Fields that nobody set would be told, or empty ones that somebody set would not."""
    word = GoType("word", "int", zero="None")
    zeros = [(INT, 0), (STRING, ""), (TEXTS, None), (ANY_MAP, None), (ANY, None), (word, "None")]
    assert all(is_zero(type_, value) for type_, value in zeros)
    others = [(INT, 1), (STRING, " "), (TEXTS, []), (ANY_MAP, {}), (ANY, 0), (word, "Host")]
    assert not any(is_zero(type_, value) for type_, value in others)
