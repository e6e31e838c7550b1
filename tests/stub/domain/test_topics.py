"""Sentences of events that carry something of their job (fact sheet 5.4, 5.5)."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.topics import execution_expired, job_timed_out, requested_on, short_id


@pytest.mark.parametrize(
    ("full", "short"),
    [
        ("n-1a2b3c4d-0000-4000-8000-000000000000", "n-1a2b3c4d"),
        ("gpu-box", "gpu-box"),
        ("n-short", "n-short"),
        ("QmUDAXvv31WPZ8U9CzuRTMn9iFGiopGE7rHiah1X8a6PkT", "QmUDAXvv"),
    ],
)
def test_short_ids(full: str, short: str) -> None:
    """Broken: ids in texts are cut otherwise than the servers cut them."""
    assert short_id(full) == short


def test_a_request_names_the_node() -> None:
    """Broken: history does not say where an execution went."""
    node = "n-1a2b3c4d-0000-4000-8000-000000000000"
    event = requested_on(node)
    assert (event.topic, event.message) == ("Scheduling", "Requested execution on n-1a2b3c4d")
    assert event.details == {"NodeID": node}


def test_limits_are_told_in_go_durations() -> None:
    """Broken: 90 seconds are not `1m30s`, or the recorded details are missing."""
    assert execution_expired(90).message == "Execution timed out after 1m30s"
    event = job_timed_out(90)
    assert (event.topic, event.message) == ("Job Timeout", "Job timed out. Job took longer than 1m30s")
    assert event.details == {
        "FailsExecution": "true",
        "Hint": "Increase the task timeout or allocate more resources",
        "IsError": "true",
    }
