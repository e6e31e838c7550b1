"""BacalhauStopJobOperator: stop what other tasks started, and be content when it has ended."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import ConfigError, NotFound
from airflow_provider_bacalhau.operators.stop import BacalhauStopJobOperator


def run(context, job, **arguments):
    """Stop a job."""
    op = BacalhauStopJobOperator(task_id="cleanup", job=job, **arguments)
    return op.execute(context(op))


def test_a_running_job_is_stopped_with_a_reason(orchestrator, context, spec):
    """Nobody would know later who stopped it."""
    job = orchestrator.add({**spec, "Name": "a"}, "Running")
    assert run(context, {"job_id": job["ID"], "namespace": "default"}) == [job["ID"]]
    assert orchestrator.stops == [(job["ID"], "stopped by the Airflow task etl.cleanup")]


def test_a_mapped_output_stops_all_of_them(orchestrator, context, spec):
    """Only the first of many jobs would be stopped."""
    jobs = [orchestrator.add({**spec, "Name": name}, "Running")["ID"] for name in "ab"]
    assert run(context, [{"job_id": one} for one in jobs], reason="enough") == jobs
    assert [reason for _, reason in orchestrator.stops] == ["enough", "enough"]


def test_an_ended_job_is_fine(orchestrator, context, spec):
    """A cleanup task would be red after every good run."""
    job = orchestrator.add({**spec, "Name": "a"})
    assert run(context, job["ID"]) == [job["ID"]]


def test_a_task_that_never_submitted_leaves_nothing_to_stop(orchestrator, context):
    """A cleanup task with all_done would fail where there is nothing to clean."""
    assert run(context, None) == []


def test_it_waits_until_the_job_has_ended(orchestrator, context, spec, pauses):
    """What follows would start while the job still writes."""
    job = orchestrator.add({**spec, "Name": "a"}, "Running")
    orchestrator._stop = lambda *_: (200, {"EvaluationID": "x"})
    pauses += [lambda: None, lambda: orchestrator.become(job["ID"], "Stopped")]
    run(context, job["ID"])
    assert pauses == []


def test_an_unknown_job_is_an_error(orchestrator, context):
    """A wrong id would look like a job that was stopped."""
    with pytest.raises(NotFound):
        run(context, "j-00000000-0000-4000-8000-000000000001")


def test_something_else_is_refused_with_what_to_pass(orchestrator, context):
    """The server would be asked for a job called like a list."""
    with pytest.raises(ConfigError, match=r"pass submit\.output"):
        run(context, "not a job!")
