"""Workers that die with nobody to tell, and triggerers that wake up late."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from world import LIMIT, until

from airflow_provider_bacalhau.version_compat import trigger_has_on_kill

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
COUNTS_CLEARS = trigger_has_on_kill()
"""Both came with Airflow 3.3."""
WEAKER = (
    "Airflow 3.1: after a clear of a running row whose worker is dead, the new try cannot be told from a retry and may "
    "adopt the job from before the clear; mark the task failed first, or use durable=False"
)


def kill_worker(world, run):
    """Nobody is left to report the end: the process of the task and the worker that supervises it die together."""
    [(pid,)] = world.sql("select pid from task_instance where dag_id = ? and run_id = ?", [run.dag_id, run.run_id])
    supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    for one in (supervisor, pid):
        os.kill(one, signal.SIGKILL)


def cleared(run):
    """Whether the click had its effect: Airflow's database may be locked for a moment by what has just died."""
    try:
        run.clear("job")
    except OSError as error:
        assert "Database error" in str(error), error
        return False
    return True


def epochs(jobs):
    """Which span of tries each of these belongs to; all under the same lock."""
    assert len({job["Labels"]["airflow-key"] for job in jobs}) == 1, jobs
    return [job["Labels"]["airflow-epoch"] for job in jobs]


def test_t2_a_task_cleared_in_its_second_leg_runs_again(world):
    """Airflow starts the new try with the old try's event: it would succeed at once, with the result from before the
    click (T2, C2)."""
    run = world.run("resumed")
    until(lambda: "the event is here" in run.log("job"), LIMIT, run.explain)
    first = run.only_job("job")
    assert run.states() == {"job": "running"}
    run.clear("job")
    run.reach("job", "success", try_number=2)
    assert run.finish() == "success"
    jobs = run.jobs("job")
    assert len(jobs) == 2, run.explain()
    assert jobs[0]["ID"] == first["ID"]
    assert run.xcom("job", "job_id") == jobs[1]["ID"]
    assert "The event that ended the wait belongs to another try" in run.log("job", 2)


@pytest.mark.xfail(not COUNTS_CLEARS, reason=WEAKER, strict=True)
def test_t3_a_task_cleared_while_its_worker_was_dead_runs_again(world):
    """The user asked for a new run, and would get the job from before the click (T3, C3)."""
    run = world.run("forsaken")
    first = run.running_job("job")
    kill_worker(world, run)
    until(lambda: cleared(run), LIMIT, run.explain)
    try:
        until(lambda: len(run.jobs("job")) == 2, 2 * LIMIT, run.explain)
        jobs = run.jobs("job")
        assert jobs[0]["ID"] == first["ID"]
        assert len(set(epochs(jobs))) == 2
        assert jobs[0]["State"]["StateType"] == "Stopped"
        assert jobs[0]["State"]["Message"].endswith(".2 superseded")
        assert run.running_job("job")["ID"] == jobs[1]["ID"]
    finally:
        run.mark_failed("job")


def holder(world, run):
    """The triggerer that has the run's trigger."""
    query = "select t.triggerer_id from trigger t join task_instance i on i.trigger_id = t.id where i.run_id = ?"
    found = world.sql(query, [run.run_id])
    return found[0][0] if found else None


def test_t12_a_triggerer_that_wakes_up_late_fails_nothing(world):
    """A triggerer that stood still for long ends what it finds in other hands: the task would fail with its job, or
    two jobs run (T12, P2, C13)."""
    run = world.run("split")
    job = run.waits_in_triggerer("job")
    with world.second_triggerer() as stalled:
        first = holder(world, run)
        os.killpg(stalled.pid, signal.SIGSTOP)
        try:
            until(lambda: holder(world, run) not in (None, first), LIMIT, run.explain)
        finally:
            os.killpg(stalled.pid, signal.SIGCONT)
        assert run.finish(150) == "success", run.explain()
    assert run.tasks()["job"]["try_number"] == 1
    jobs = run.jobs("job")
    assert jobs[-1]["State"]["StateType"] == "Completed"
    assert run.xcom("job", "job_id") == jobs[-1]["ID"]
    # On a machine so busy that the state of the task cannot be read within ten seconds the job is stopped, and replaced.
    assert jobs[0]["ID"] == job["ID"]
    assert [one["State"]["StateType"] for one in jobs[:-1]] in ([], ["Stopped"])
