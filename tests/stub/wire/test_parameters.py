"""Query parameters with Go's words."""

from __future__ import annotations

import pytest

from orchestrator_stub.wire.parameters import NAMESPACE, PAGING, Parameter, bind, parse_query
from orchestrator_stub.wire.unmarshal import BindError

SINCE = Parameter("since", "Since", "int")


def test_given_parameters_become_fields():
    """A filter or a limit would be ignored."""
    query = {"namespace": ["a", "b"], "LIMIT": ["5"], "reverse": ["t"], "next_token": [""], "since": ["-3"]}
    assert bind(query, (NAMESPACE, *PAGING, SINCE)) == {
        "Namespace": "a",
        "Limit": 5,
        "NextToken": "",
        "Reverse": True,
        "Since": -3,
    }


@pytest.mark.parametrize(
    ("raw", "query"),
    [
        (b"", {}),
        (b"a=1&b=%26&a=2&c", {"a": ["1", "2"], "b": ["&"], "c": [""]}),
        (b"&&=x&a=b=c", {"": ["x"], "a": ["b=c"]}),
        (b"a=1;b=2&c=3;", {}),
        (b"a=%zz&%=1&b=%4&c=1", {"c": ["1"]}),
        (b"a+b=c+d&e=%2B", {"a b": ["c d"], "e": ["+"]}),
        (b"a=%ff\xc3\xa9%C3", {"a": ["\ufffdé\ufffd"]}),
    ],
)
def test_an_address_is_taken_apart_like_go_does(raw, query):
    """A semicolon or a broken escape would become a filter, or an error, that no real server knows."""
    assert parse_query(raw) == query


def test_zeros_before_a_number_do_not_make_it_large():
    """A padded limit would be refused."""
    assert bind({"limit": ["0" * 30 + "5"], "since": ["-" + "0" * 30 + "5"]}, (*PAGING, SINCE)) == {"Limit": 5, "Since": -5}


def test_empty_numbers_and_truth_values_are_zero():
    """`?limit=` would be an error, which it is not on real servers."""
    assert bind({"limit": [""], "reverse": [""]}, PAGING) == {"Limit": 0, "Reverse": False}


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("limit", "x", 'strconv.ParseUint: parsing "x": invalid syntax'),
        ("limit", "-1", 'strconv.ParseUint: parsing "-1": invalid syntax'),
        ("limit", "4294967296", 'strconv.ParseUint: parsing "4294967296": value out of range'),
        ("limit", "9" * 5000, f'strconv.ParseUint: parsing "{"9" * 5000}": value out of range'),
        ("reverse", "yes", 'strconv.ParseBool: parsing "yes": invalid syntax'),
        ("since", "x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("since", "9223372036854775808", 'strconv.ParseInt: parsing "9223372036854775808": value out of range'),
    ],
)
def test_what_does_not_fit_is_named_in_gos_words(name, value, problem):
    """The 400 would not say which value is wrong."""
    with pytest.raises(BindError) as caught:
        bind({name: [value]}, (*PAGING, SINCE))
    assert str(caught.value) == f"code=400, message={problem}, internal={problem}"
