"""Label selectors: what they match, and k8s' words for what they do not understand (recorded: scenarios 22, 30)."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Constraint
from orchestrator_stub.domain.selector import SelectorError, Words, from_constraints, parse_selector

LABELS = {"env": "prod", "odd": "", "n": "5", "x.io/y": "z"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("env=prod", True),
        ("env==prod", True),
        ("env = dev", False),
        ("env!=dev", True),
        ("none!=dev", True),
        ("env in (dev,prod)", True),
        ("env notin (dev,prod)", False),
        ("none notin (dev)", True),
        ("odd", True),
        ("none", False),
        ("!none", True),
        ("!odd", False),
        ("n>4", True),
        ("n>5", False),
        ("n<6", True),
        ("env>1", False),
        ("none<1", False),
        ("env=prod,odd,n>4", True),
        ("env=prod,!odd", False),
        ("odd=", True),
        ("odd in ()", True),
        ("odd in (,a)", True),
        ("x.io/y=z", True),
        ("in in (in)", False),
    ],
)
def test_what_a_selector_matches(text: str, matches: bool) -> None:
    """Broken: a list shows jobs that it should not, or hides some."""
    assert parse_selector(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a=(b", "unable to parse requirement: found '(', expected: identifier"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        (
            "a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_refused_selectors(text: str, error: str) -> None:
    """Broken: a wrong selector is taken, or refused in other words than the servers'."""
    with pytest.raises(OrchestratorError) as refused:
        parse_selector(text)
    assert (refused.value.status, refused.value.message) == (400, error)


def test_the_noun_for_a_key_is_a_matter_of_the_release() -> None:
    """Broken: 1.8 names a wrong key in the words of 1.9 (scenario 22, select-24)."""
    with pytest.raises(OrchestratorError, match='Invalid value: "x/y/z": a qualified name must consist'):
        parse_selector("x/y/z=1", Words("a qualified name"))


@pytest.mark.parametrize("unit", ["bytes", "characters"])
def test_lengths_are_counted_in_bytes_whatever_they_are_called(unit: str) -> None:
    """Broken: a key that is too long is taken, or refused in another release's words."""
    with pytest.raises(OrchestratorError, match=f"name part must be no more than 63 {unit}; name part must consist"):
        parse_selector("é" * 32, Words(unit=unit))
    with pytest.raises(OrchestratorError, match=f"must be no more than 63 {unit}$"):
        parse_selector(f"a={'x' * 64}", Words(unit=unit))


@pytest.mark.parametrize(("text", "matches"), [("\0=(", True), ("env=prod\0", True), ("env\0=\0dev", False), ("env=prod, \0nonsense", True)])
def test_a_zero_byte_ends_a_selector_or_a_word(text: str, matches: bool) -> None:
    """Broken: a list is refused, or filtered by what no released server looks at."""
    if text.startswith("env=prod,"):
        with pytest.raises(OrchestratorError, match="expected: identifier after ','"):
            parse_selector(text)
    else:
        assert parse_selector(text).matches(LABELS) is matches


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "9" * 5000])
def test_numbers_beyond_64_bits_are_none(number: str) -> None:
    """Broken: a label of thousands of digits breaks every list that compares numbers, or counts as one."""
    with pytest.raises(OrchestratorError, match="the value must be an integer|no more than 63"):
        parse_selector(f"n>{number.lstrip('-')}")
    assert parse_selector("n>5").matches({"n": number}) is False
    assert parse_selector("n<5").matches({"n": number}) is False
    assert parse_selector("n>5").matches({"n": "+" + "0" * 5000 + "7"}) is True


@pytest.mark.parametrize("operator", ["~", "", "like"])
def test_constraints_with_operators_nobody_knows(operator: str) -> None:
    """Broken: a constraint that k8s cannot understand matches something."""
    with pytest.raises(SelectorError, match="Unsupported value"):
        from_constraints((Constraint("a", operator, ("b",)),))
