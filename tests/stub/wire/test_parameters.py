"""Query parameters with Go's words."""

from __future__ import annotations

import pytest

from orchestrator_stub.wire.parameters import NAMESPACE, PAGING, Parameter, bind
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
