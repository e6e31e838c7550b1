"""The quick reader: the standard library's speed, Go's values, and doubt where the two differ."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_stub.wire.reading import DEEPEST_KEPT, DoubtError, read
from orchestrator_stub.wire.scanner import JsonError, scan


def shape(node):
    """What a value says, whoever read it: kinds, texts, and keys in their order."""
    if node.kind == "object":
        return [(key, shape(item)) for key, item in node.members()]
    if node.kind == "array":
        return [shape(item) for item in node.items()]
    return (node.kind, float(node.text) if node.kind == "number" else node.value)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)
PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b'"a"', b'"\\u00e9"', b'"\\ud800"', b"1", b"-0", b"1.5", b"1e9", b"true", b"null", b" ",
     b"\xff", b"NaN", b"01", b'"', b"\\"]
)
ODD = st.lists(PIECES, max_size=12).map(b"".join)


@given(VALUES.map(lambda value: json.dumps(value).encode()) | ODD)
def test_both_readers_say_the_same_of_what_the_quick_one_takes(body):
    """A job would be read one way, and after a mistake elsewhere in it another way."""
    try:
        quick = read(body)
    except DoubtError:
        return
    assert shape(quick) == shape(scan(body))


@given(ODD)
def test_what_is_no_json_is_in_doubt(body):
    """A malformed body would be taken."""
    try:
        scan(body)
    except JsonError:
        with pytest.raises(DoubtError):
            read(body)


def test_repeated_keys_and_what_follows_are_kept_apart():
    """The last of several values could not win, or a second document would be an error."""
    assert [(key, item.value) for key, item in read(b' {"a":1,"a":2} x').members()] == [("a", 1), ("a", 2)]


def test_untyped_numbers_are_floats_that_look_whole():
    """A parameter would come back more exact than from a real server, or 0 where -0 was sent."""
    value = read(b'[1.0,2.5,9007199254740993,-0,1e20,{"a":[true,null,"\\ud800"]}]').untyped()
    assert value == [1, 2.5, 9007199254740992, 0, 1e20, {"a": [True, None, "\ufffd"]}]
    assert math.copysign(1, value[3]) == -1
    assert [type(number) for number in value[:3]] == [int, float, int]


@pytest.mark.parametrize("text", ["[1e999]", f"[{'9' * 400}]", "[" * (DEEPEST_KEPT + 1) + "]" * (DEEPEST_KEPT + 1)])
def test_what_no_float_holds_and_what_is_too_deep_is_in_doubt(text):
    """The answer to it would be a traceback."""
    with pytest.raises(DoubtError):
        read(text.encode()).untyped()


def test_the_deepest_value_that_is_kept_can_be_kept():
    """The limit would be higher than what can be read."""
    text = "[" * DEEPEST_KEPT + "]" * DEEPEST_KEPT
    assert json.dumps(read(text.encode()).untyped()) == text
