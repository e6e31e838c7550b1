"""Objects are divided among executions as servers of 1.6 and later do."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.inputs.base import Part
from orchestrator_stub.inputs.partition import check_partitioning, fnv1a, share_of
from orchestrator_stub.s3.spec import Partitioning, S3Location

KEYS = ["logs/", "logs/2025-01-01/a.csv", "logs/2025-01-01/b.csv", "logs/2025-01-02/a.csv", "logs/other.csv"]


def shares(rule, count=3):
    """The keys of each execution."""
    location = S3Location("b", "logs/*", partitioning=rule)
    return [share_of(KEYS, location, Part(index, count)) for index in range(count)]


def test_the_hash_is_fnv1a():
    """Published test vectors of the algorithm."""
    assert (fnv1a(""), fnv1a("a"), fnv1a("foobar")) == (0x811C9DC5, 0xE40C292C, 0xBF9CF968)


@pytest.mark.parametrize("kind", ["", "none"])
def test_without_a_rule_everybody_gets_all(kind):
    """Folders themselves are no objects."""
    assert shares(Partitioning(kind)) == [KEYS[1:]] * 3


@pytest.mark.parametrize(
    "rule",
    [
        Partitioning("object"),
        Partitioning("regex", pattern=r"\d{4}-\d\d-(\d\d)"),
        Partitioning("substring", start=0, end=10),
        Partitioning("date", date_format="2006-01-02"),
    ],
)
def test_every_object_goes_to_exactly_one_execution(rule):
    """Data would be processed twice or never."""
    assert sorted(key for share in shares(rule) for key in share) == sorted(KEYS[1:])


@pytest.mark.parametrize(
    "rule",
    [
        Partitioning("regex", pattern=r"\d{4}-\d\d-\d\d"),
        Partitioning("substring", start=0, end=10),
        Partitioning("date", date_format="2006-01-02"),
    ],
)
def test_what_the_rule_names_stays_together(rule):
    """Files of one day would be spread; what does not fit belongs to partition 0."""
    by_key = {key: index for index, share in enumerate(shares(rule)) for key in share}
    assert by_key[KEYS[1]] == by_key[KEYS[2]] == fnv1a("2025-01-01") % 3
    assert by_key[KEYS[3]] == fnv1a("2025-01-02") % 3
    if rule.type != "substring":
        assert by_key["logs/other.csv"] == 0


def test_groups_of_a_pattern_are_joined():
    """Two groups count together, an empty one not at all."""
    rule = Partitioning("regex", pattern=r"(\d{4})-(\d\d)(x?)")
    by_key = {key: index for index, share in enumerate(shares(rule, 7)) for key in share}
    assert by_key[KEYS[1]] == fnv1a("2025\x1f01") % 7


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Partitioning("size"), "unsupported partition key type size"),
        (Partitioning("regex"), "regex pattern cannot be empty"),
        (Partitioning("regex", pattern="("), "invalid regex pattern: "),
        (Partitioning("substring", start=-1, end=2), "start index cannot be negative"),
        (Partitioning("substring", start=2, end=2), "end index must be greater than start index"),
        (Partitioning("date"), "date format cannot be empty"),
    ],
)
def test_rules_that_mean_nothing_are_refused(rule, message):
    """A job would silently get all objects, or none."""
    with pytest.raises(StepError) as refused:
        check_partitioning(rule)
    assert refused.value.message.startswith(f"calculating resource usage of job: {message}")
