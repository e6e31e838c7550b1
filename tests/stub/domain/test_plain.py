"""Plain values that users wrote, read with care."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.plain import PlainError, mapping, named, seconds, shown, text, whole, written

KNOWN = ("match", "stages")


def refusal(read, *arguments):
    """What is said of a value that is not taken."""
    with pytest.raises(PlainError) as refused:
        read(*arguments)
    return str(refused.value)


def test_a_key_that_is_nearly_right_is_named():
    """A typing error would have to be searched in a list of keys."""
    assert refusal(mapping, {"mach": 1}, KNOWN, ("a", 0), "a script") == (
        "a[0].mach: unknown key; did you mean match? known are match and stages"
    )
    assert refusal(mapping, {"x": 1}, ("one",), (), "a script") == "x: unknown key; known is one"
    assert refusal(mapping, {1: 1}, KNOWN, (), "a script", lambda key: f"{key} is no key") == "1: unknown key; 1 is no key"


def test_what_is_no_mapping_is_told_what_it_should_be():
    """A list in the place of a mapping would be a traceback."""
    assert refusal(mapping, [], KNOWN, (), "a script") == "a script is a mapping with the keys match and stages"
    assert refusal(mapping, [], KNOWN, (3,), "a script") == "[3]: a script is a mapping with the keys match and stages"
    assert refusal(mapping, [], ("nodes",), ("do",), "x") == "do: give a mapping with the key nodes"
    assert mapping({"match": 1}, KNOWN, (), "a script") == {"match": 1}


@pytest.mark.parametrize(("plain", "found"), [(0, 0.0), (1.5, 1.5), ("40m", 2400.0), ("1 H 30m", 5400.0)])
def test_durations_are_numbers_or_texts(plain, found):
    """A delay would be another one than its writer thinks."""
    assert seconds(plain, (), 86_400) == found


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        (None, 'a: missing; give seconds, or a text such as "40m" or "500ms"'),
        (True, "a: true is no duration"),
        (-1, "a: -1 is no duration"),
        (float("nan"), "a: NaN is no duration"),
        ("4", "a: 4 is no duration"),
        ([1], "a: [1] is no duration"),
        ("2d", "a: 2d is too long; at most 86400 seconds"),
    ],
)
def test_what_is_no_duration(plain, words):
    """The clock would stand still, or run away."""
    assert refusal(seconds, plain, ("a",), 86_400).startswith(words)


def test_whole_numbers_and_texts():
    """A truth value would count as one, a number as a name."""
    assert (whole(3, (), 1), text("x", ())) == (3, "x")
    assert refusal(whole, True, ("n",), 1) == "n: true is no whole number from 1 on"
    assert refusal(whole, 1.0, ("n",), 1, 5) == "n: 1.0 is no whole number from 1 to 5"
    assert refusal(whole, 6, ("n",), 1, 5) == "n: 6 is no whole number from 1 to 5"
    assert refusal(text, 7, ("n",)) == "n: 7 is no text: put it into quotes"


def test_long_values_are_cut():
    """A megabyte would be said to be no number."""
    assert shown("x" * 50) == "x" * 40 + "..."
    assert (shown(None), shown({"a": 1}), shown("ä")) == ("null", '{"a": 1}', "ä")


def test_words_for_people():
    """The reader would have to know Python."""
    assert (named("a"), named("abc"), named("abc", "or")) == ("a", "a, b and c", "a, b or c")
    assert written((1, "stages", 0, "after")) == "[1].stages[0].after"
