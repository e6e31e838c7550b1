"""One try of one task: what it has fixed about its job survives every process."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bacalhau.lifecycle.attempt import Attempt, Pin
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef

PIN = Pin(2, "1-0-0", "f", 3, "j-1", "default", "a", "k", heals=1)


def test_a_pin_survives_airflow():
    """A resumed leg would not know which job is its own."""
    plain = json.loads(json.dumps(PIN.to_plain()))
    assert plain["try"] == 2
    assert Pin.from_plain({**plain, "verdict": {}, "deadline": None}) == PIN


@pytest.mark.parametrize("value", [None, {}, {"job_id": ""}, {"job_id": "j-1"}, "text"])
def test_what_is_no_pin_is_none(value):
    """A garbled event would fail the task instead of starting over."""
    assert Pin.from_plain(value) is None


def test_an_attempt_is_durable_unless_told():
    """A worker that dies would double the work of its task."""
    made = Attempt(TaskRef(None, "d", "r", "t"), Epoch(1, 0, 0), 1, {}, "c")
    assert (made.durable, made.fp) == (True, None)
