"""The patterns of `only=`."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.results.selection import Selection


@pytest.mark.parametrize(
    ("pattern", "name", "taken"),
    [
        ("outputs/**", "outputs/a", True),
        ("outputs/**", "outputs/a/b.csv", True),
        ("outputs/**", "outputs2/a", False),
        ("outputs", "outputs/a/b", True),
        ("outputs/", "outputs/a/b", True),
        ("./outputs/*.csv", "outputs/a.csv", True),
        ("outputs/*.csv", "outputs/x/a.csv", False),
        ("**/*.csv", "a.csv", True),
        ("**/*.csv", "outputs/x/a.csv", True),
        ("**/*.csv", "a.csvx", False),
        ("std???", "stdout", True),
        ("a.b", "aXb", False),
    ],
)
def test_patterns(pattern, name, taken):
    """Wrong files would be downloaded, or wanted ones left behind."""
    assert Selection.of([pattern]).takes(name) is taken


def test_one_of_several_patterns_is_enough():
    """Only the first pattern of a list would count."""
    selection = Selection.of(["stdout", "outputs/**"])
    assert selection.takes("stdout")
    assert selection.takes("outputs/a")
    assert not selection.takes("stderr")


def test_no_pattern_takes_everything():
    """Without only= nothing would arrive."""
    assert Selection.of(None).takes("x/y")


@pytest.mark.parametrize("pattern", ["", "/", "/outputs", "../x", "a/../../b"])
def test_patterns_that_cannot_match_are_refused(pattern):
    """A typo would look like an empty result."""
    with pytest.raises(ConfigError, match="outputs/"):
        Selection.of([pattern])
