"""State names."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.models.enums import ComputeState, JobState, is_terminal, job_state


def test_terminal_job_states():
    """A waiting task would never end, or end while its job runs."""
    assert {state for state in JobState if is_terminal(state)} == {"Completed", "Failed", "Stopped"}


@pytest.mark.parametrize(("sent", "known"), [("completed", "Completed"), ("Running", "Running"), ("Paused", "Paused")])
def test_a_state_is_known_in_any_case_and_an_unknown_one_survives(sent, known):
    """A new state of a newer server would break a read or pass as the end of a job."""
    assert job_state(sent) == known
    assert not is_terminal("Paused")


def test_compute_states_stand_in_wire_order():
    """Integers of 1.5.2+ would be translated wrongly: they count through this enum (fact sheet 3.8)."""
    order = [str(state) for state in ComputeState]
    assert order.index("Running") == 6
    assert order[9:] == ["Completed", "Failed", "Cancelled"]
