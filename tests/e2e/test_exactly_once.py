"""One job an attempt, whatever breaks between Airflow and Bacalhau; a further one only where the user or a retry asks."""

from __future__ import annotations

import os
import signal

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def slots(jobs):
    """Which job of its task each of these is, from 1; all under the same lock."""
    assert len({job["Labels"]["airflow-key"] for job in jobs}) == 1, jobs
    return [int(job["Labels"]["airflow-slot"]) for job in jobs]


@pytest.fixture(scope="module")
def runs(world):
    """Runs that nobody has to disturb at the right moment; they wait while the others are tested."""
    return world.start_runs("lossy", "retried")


def test_a_dead_worker_leaves_its_job_to_the_next_try(world, runs):
    """A worker that is out of memory would cost the work of hours, though the job runs well on the cluster."""
    run = world.run("orphaned")
    run.running_job("job")
    [(worker,)] = world.sql("select pid from task_instance where dag_id = 'orphaned' and run_id = ?", [run.run_id])
    os.kill(worker, signal.SIGKILL)
    assert run.finish() == "success", run.explain()
    assert run.tasks()["job"]["try_number"] == 2
    job = run.only_job("job")
    assert f"Took over Bacalhau job {job['ID']}" in run.log("job")
    assert run.xcom("job")["adopted"] is True


@pytest.fixture
def other_trigger(world):
    """SQLite gives the number of the newest trigger again once its row is gone, which no other database does: the next
    trigger of a cleared task would take the place of the one that has to end. A later trigger than that prevents it."""
    started = []

    def start():
        run = world.run("ended_deferred")
        started.append(run)
        run.waits_in_triggerer("job")

    yield start
    for run in started:
        run.mark_failed("job")


def test_clearing_a_deferred_task_replaces_its_job(world, other_trigger):
    """The job from before the click would run beside the new one, or be taken for the new one and stopped under it
    (P3)."""
    run = world.run("cleared")
    first = run.waits_in_triggerer("job")
    other_trigger()
    run.clear("job")
    run.reach("job", "success", try_number=2)
    assert run.finish() == "success"
    jobs = run.jobs("job")
    assert slots(jobs) == [1, 1]
    assert [job["State"]["StateType"] for job in jobs] == ["Stopped", "Completed"], run.explain()
    assert jobs[0]["ID"] == first["ID"]
    assert jobs[0]["State"]["Message"].startswith("airflow ")
    assert run.xcom("job", "job_id") == jobs[1]["ID"]


def test_a_lost_reply_does_not_make_a_second_job(world, runs):
    """The server took the job but its answer was lost: sending it again would run the user's program twice."""
    run = runs["lossy"]
    assert run.finish() == "success", run.explain()
    assert world.proxy.requests == 1
    job = run.only_job("job")
    assert slots([job]) == [1]
    assert job["Version"] == 1
    assert "The submit had no clear answer, looking for the job" in run.log("job")
    assert run.xcom("job", "job_id") == job["ID"]


def test_a_retry_submits_a_new_job(world, runs):
    """A retry would find the failed job of the first try and fail by it again, or lose track of it."""
    run = runs["retried"]
    assert run.finish() == "failed"
    jobs = run.jobs("job")
    assert slots(jobs) == [1, 2]
    assert len(world.jobs_of_key(jobs[0]["Labels"]["airflow-key"])) == 2
    for number, job in enumerate(jobs, 1):
        log = run.log("job", number)
        node = world.stub_executions(job["ID"])[0]["NodeID"]
        assert f"Submitted Bacalhau job {job['ID']}" in log
        assert f"(retried.job) failed: exit code 3 on {node[:10]}" in log
        assert "went wrong" in log
    assert "airflow: try 1 of 2, the next try submits a new job" in run.log("job", 1)
    assert "airflow: try 2 of 2, no try left" in run.log("job", 2)
