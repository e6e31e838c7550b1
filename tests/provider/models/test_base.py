"""How JSON is read, whatever the case of its keys."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.models.base import fold, mapping, part, text


def test_keys_are_read_in_any_case_and_nulls_are_defaults():
    """`exitCode` of the document and `ExitCode` of a server would be two things; a null would break a read."""
    assert fold({"ExitCode": 3, "stdout": "x", "Params": None}) == {"exitcode": 3, "stdout": "x"}


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_refused(value):
    """A list where an object should be would raise AttributeError somewhere deep."""
    with pytest.raises(ValueError, match="expected a JSON object"):
        fold(value)


def test_a_missing_part_is_empty():
    """An execution without RunOutput (null in the document's server) would not be readable."""
    assert part({}, "runoutput") == {}
    assert part({"runoutput": {"Stdout": "x"}}, "runoutput") == {"stdout": "x"}


def test_text_and_mapping_accept_anything():
    """A number where text belongs would break a read that only shows it."""
    assert [text(value) for value in (None, "a", 3)] == ["", "a", "3"]
    assert [mapping(value) for value in ({"A": 1}, None, "x")] == [{"A": 1}, {}, {}]
