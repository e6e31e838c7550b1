"""A task that is ended from outside, or by its own limit, takes its job with it."""

from __future__ import annotations

import re

import pytest
from world import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
SOON = 15.0
"""Seconds from the user's click to the stopped job; usually two, but the machine may be busy."""
LATER = 30.0
"""As above for a deferred task: the first time that a triggerer asks for a task's state takes it several seconds."""


def reason_of(job):
    """Why a job was stopped: `airflow <start of the run>.<try> <cause>`, as its cause alone."""
    found = re.fullmatch(r"airflow \d{16}\.1 (\w+)", job["State"]["Message"])
    assert found, job["State"]
    return found[1]


@pytest.fixture(scope="module")
def runs(world):
    """Runs whose jobs go on for long; they wait together, which saves time."""
    return world.start_runs("ended_inline", "ended_deferred", "limited", "overdue")


def test_a_running_task_already_shows_its_job(world, runs):
    """While it matters most, nobody could tell from the UI which job a task waits for, or what it prints (P18)."""
    run = runs["ended_inline"]
    job = run.running_job("job")
    until(lambda: "\nstarted" in run.log("job"), SOON, run.explain)
    assert run.states() == {"job": "running"}
    assert run.xcom("job", "job_id") == job["ID"]
    assert run.xcom("job", "bacalhau_job")["job_id"] == job["ID"]
    assert run.xcom("job") is None
    assert run.links("job") == {"Bacalhau job": f"{world.stub_url}/stub/#/jobs/{job['ID']}"}
    assert f"Submitted Bacalhau job {job['ID']}" in run.log("job")


def test_marking_a_running_task_failed_stops_its_job(runs):
    """The job of a task that a user has ended would run on, and cost, without anybody who looks after it."""
    run = runs["ended_inline"]
    run.running_job("job")
    run.mark_failed("job")
    assert reason_of(run.stopped_job("job", SOON)) == "on_kill"
    assert run.finish() == "failed"
    stopped = f"Stopped Bacalhau job {run.only_job('job')['ID']} because the task was told to end."
    until(lambda: stopped in run.log("job"), SOON, run.explain)


def test_marking_a_deferred_task_failed_stops_its_job(runs):
    """As above, where no worker is left that could be told: the triggerer has to stop the job (P1)."""
    run = runs["ended_deferred"]
    run.waits_in_triggerer("job")
    run.mark_failed("job")
    assert reason_of(run.stopped_job("job", LATER)) == "on_kill"
    assert run.finish() == "failed"
    stopped = f"Stopped Bacalhau job {run.only_job('job')['ID']} because the task was ended."
    until(lambda: stopped in run.log("job"), SOON, run.explain)


def test_a_task_beyond_its_execution_timeout_fails_and_stops_its_job(runs):
    """Airflow ends the worker but knows no job, and it does not look at execution_timeout while a task is deferred
    (P8)."""
    run = runs["limited"]
    assert run.finish() == "failed"
    assert run.states() == {"inline": "failed", "deferred": "failed"}
    for task in ("inline", "deferred"):
        job = run.only_job(task)
        assert job["State"]["StateType"] == "Stopped", job["State"]
    assert reason_of(run.only_job("inline")) == "on_kill"
    assert "AirflowTaskTimeout" in run.log("inline")
    assert reason_of(run.only_job("deferred")) == "timeout"
    assert re.search(
        r"BacalhauJobTimedOut: Bacalhau job j-\w+ \(limited\.deferred\) timed out: .*execution_timeout",
        run.log("deferred"),
    )


def test_a_deferral_that_airflow_gives_up_stops_its_job(world, runs):
    """Airflow resumes such a task with an exception and without any code of ours: the job would run on for ever
    (P7)."""
    run = runs["overdue"]
    run.waits_in_triggerer("job")
    # The limit lies a minute behind the trigger's own, for a triggerer that is dead; here it passes at once.
    world.sql(
        "update task_instance set trigger_timeout = '2025-01-01 00:00:00.000000' where run_id = ? and dag_id = 'overdue'",
        [run.run_id],
    )
    assert reason_of(run.stopped_job("job", LATER)) == "timeout"
    assert run.finish() == "failed"
    assert len(run.jobs("job")) == 1
    assert "TaskDeferralTimeout" in run.log("job")
