"""A run that is ended as a whole takes the jobs of its tasks with it."""

from __future__ import annotations

import pytest
from world import LIMIT, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def runs(world):
    """They wait together, which saves time."""
    return world.start_runs("given_up", "late", "deleted")


def stopped(run, task):
    """Wait until a task's job is stopped; whose stop it was."""
    job = run.stopped_job(task, LIMIT)
    return job["State"]["Message"].rpartition(" ")[2]


def test_a_run_that_is_marked_failed_stops_its_jobs(runs):
    """A user who gives a run up would pay for its jobs to their end."""
    run = runs["given_up"]
    run.running_job("inline")
    run.waits_in_triggerer("deferred")
    run.mark_run_failed()
    assert [stopped(run, task) for task in ("inline", "deferred")] == ["on_kill", "on_kill"], run.explain()


def test_a_run_beyond_its_timeout_stops_its_jobs(runs):
    """dagrun_timeout would end the tasks and leave their jobs to nobody."""
    run = runs["late"]
    assert run.finish(2 * LIMIT) == "failed"
    assert [stopped(run, task) for task in ("inline", "deferred")] == ["on_kill", "on_kill"], run.explain()


def test_a_dag_that_is_deleted_leaves_no_job(world, runs):
    """There would be no row left by which anybody could find out whose the job is."""
    run = runs["deleted"]
    job = run.waits_in_triggerer("job")
    world.airflow.call("DELETE", "/dags/deleted")

    def gone():
        now = next(one for one in world.stub_jobs() if one["ID"] == job["ID"])
        return now["State"] if now["State"]["StateType"] == "Stopped" else None

    state = until(gone, LIMIT, lambda: str(world.jobs_of_key(job["Labels"]["airflow-key"])))
    assert state["Message"].endswith(" on_kill")
