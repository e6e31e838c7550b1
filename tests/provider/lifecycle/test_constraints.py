"""Constraints: the text that people know, as the objects that servers take."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.lifecycle.constraints import parse_constraints


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("region=eu", {"Key": "region", "Operator": "=", "Values": ["eu"]}),
        ("region == eu", {"Key": "region", "Operator": "==", "Values": ["eu"]}),
        ("region!=eu", {"Key": "region", "Operator": "!=", "Values": ["eu"]}),
        ("region in (eu-west-1, eu-north-1)", {"Key": "region", "Operator": "in", "Values": ["eu-west-1", "eu-north-1"]}),
        ("region notin (us)", {"Key": "region", "Operator": "notin", "Values": ["us"]}),
        ("gpu", {"Key": "gpu", "Operator": "exists"}),
        ("!spot", {"Key": "spot", "Operator": "!"}),
        ("cores>4", {"Key": "cores", "Operator": "gt", "Values": ["4"]}),
        ("cores lt 8", {"Key": "cores", "Operator": "lt", "Values": ["8"]}),
    ],
)
def test_every_form_of_a_selector_is_understood(text, expected):
    """A form that the command line takes would be refused, or mean something else."""
    assert parse_constraints(text) == [expected]


def test_a_text_may_hold_several_and_commas_inside_parentheses_do_not_split():
    """`region in (eu,us),!spot` would become three constraints."""
    keys = [(one["Key"], one["Operator"]) for one in parse_constraints("region in (eu,us),!spot, arch=amd64")]
    assert keys == [("region", "in"), ("spot", "!"), ("arch", "=")]
    assert parse_constraints(["region=eu", "!spot"]) == parse_constraints("region=eu,!spot")
    assert parse_constraints(None) == []


def test_objects_pass_and_never_carry_empty_values():
    """A repeated submit would differ from what the server stored, and restart the job."""
    given = {"key": "gpu", "Operator": "exists", "Values": []}
    assert parse_constraints([given]) == [{"Key": "gpu", "Operator": "exists"}]
    assert parse_constraints({"Key": "a", "Operator": "=", "Values": "x"}) == [{"Key": "a", "Operator": "=", "Values": ["x"]}]


@pytest.mark.parametrize("text", ["region in ()", "x>", "cores gt many", "=eu", "region ~ eu", "in (a)", "a b c", "region in (a", "-x"])
def test_what_cannot_be_read_is_named_with_an_example(text):
    """The job would be scheduled anywhere."""
    with pytest.raises(ConfigError, match="for example"):
        parse_constraints(text)
