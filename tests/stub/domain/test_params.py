"""Parameters are read in any case of keys, and wrong types are told (as the servers' map decoder does)."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain import params
from orchestrator_stub.domain.errors import StepError


def test_keys_in_any_case():
    """Newer command lines send lower-case keys; the exact spelling wins."""
    assert params.text({"bucket": "b"}, "Bucket") == "b"
    assert params.text({"bucket": "b", "Bucket": "B"}, "Bucket") == "B"
    assert params.text(None, "Bucket") == params.text({"Bucket": None}, "Bucket") == ""
    assert params.number({"startindex": 2.0}, "StartIndex") == 2
    assert params.number({}, "StartIndex") == 0


@pytest.mark.parametrize(("value", "truth"), [(True, True), (False, False), ("true", True), ("yes", False), (None, False)])
def test_truth(value, truth):
    """Local inputs accept the word "true"."""
    assert params.flag({"ReadWrite": value}, "ReadWrite") is truth


@pytest.mark.parametrize(
    ("read", "value", "words"),
    [
        (params.text, 1, "'X' expected type 'string', got unconvertible type 'float64'"),
        (params.text, ["a"], "got unconvertible type '[]interface {}'"),
        (params.text, {}, "got unconvertible type 'map[string]interface {}'"),
        (params.number, "1", "'X' expected type 'int', got unconvertible type 'string'"),
        (params.number, True, "got unconvertible type 'bool'"),
        (params.flag, 1, "'X' expected type 'bool'"),
    ],
)
def test_other_types_fail(read, value, words):
    """A wrong value would silently mean something else."""
    with pytest.raises(StepError) as failure:
        read({"X": value}, "X")
    assert words in failure.value.message
