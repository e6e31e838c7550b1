"""BacalhauReapOperator: what a scheduled DAG stops, and what it leaves in XCom."""

from __future__ import annotations

import importlib
from datetime import timedelta

import pytest
from airflow.sdk import DAG

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.operators.reap import BacalhauReapOperator


@pytest.fixture
def bacalhau_stub_flags():
    """Time there stands still."""
    return ("--clock", "virtual", "--s3", "off")


@pytest.fixture
def reap(run_dag):
    """Run the operator in a DAG of its own: reap(older_than=...)."""

    def run(**arguments):
        with DAG("housekeeping", schedule=None) as dag:
            BacalhauReapOperator(task_id="reap", **arguments)
        return run_dag(dag)

    return run


def test_t21_only_what_nobody_waits_for_is_stopped(estate, reap):
    """A job would run for ever because its task died, or a healthy one would be stopped (T21)."""
    cases = importlib.import_module("left_behind")
    orphans, kept = estate.leave(cases.ORPHANS), estate.leave(cases.KEPT)
    estate.stub.clock.advance("2h")
    young = estate.leave({"young": {"state": "failed"}, "young and gone": {"state": cases.NO_ROW}})
    shown = reap(dry_run=True)
    assert shown.state == "success", shown.explain()
    assert estate.alive(orphans) == sorted(cases.ORPHANS)
    assert (shown.xcom("reap")["stop"], shown.xcom("reap")["stopped"]) == (len(orphans), [])
    done = reap()
    assert done.state == "success", done.explain()
    assert estate.alive(orphans) == []
    assert estate.alive(kept) == sorted(cases.KEPT)
    assert estate.alive(young) == ["young", "young and gone"]
    assert sorted(done.xcom("reap")["stopped"]) == sorted(orphans)


def test_the_plan_is_logged_and_left_as_plain_values(estate, reap):
    """Nobody could see later which jobs were stopped, and why."""
    estate.row(("etl", "run-1", "clean"), "failed")
    estate.row(("etl", "run-1", "train"), "deferred")
    jobs = [estate.job(("etl", "run-1", name)) for name in ("clean", "train")]
    estate.stub.clock.advance("2h")
    run = reap(older_than=timedelta(hours=1))
    lines = run.logs("reap").splitlines()
    assert f"KEEP  {jobs[1][:10]}  etl.train   running 2h  task is deferred" in lines
    assert f"STOP  {jobs[0][:10]}  etl.clean   running 2h  task failed" in lines
    assert "1 stopped." in lines
    left = run.xcom("reap")
    lines = left.pop("lines")
    assert left == {
        "deployment": "prod eu", "namespace": "*", "jobs": 2, "alive": 2, "keep": 1, "stop": 1, "ask": 0,
        "stopped": [jobs[0]], "left": 0,
    }
    assert [(line["word"], line["job_id"], line["task"], line["reason"]) for line in lines] == [
        ("KEEP", jobs[1], "etl.train", "task is deferred"), ("STOP", jobs[0], "etl.clean", "task failed")
    ]


def test_a_mapped_task_is_not_mistaken_for_one_of_that_name(estate, reap):
    """A running mapped `clean[1]` would be stopped because a task `clean_1` failed, or the other way round."""
    rows = [(("etl", "run-1", "clean", 1), "running"), (("etl", "run-1", "clean_1", -1), "failed"),
            (("etl", "run-2", "clean", 1), "failed"), (("etl", "run-2", "clean_1", -1), "running")]
    for task, state in rows:
        estate.row(task, state)
    jobs = {estate.job(task): f"{state} {task[1]}" for task, state in rows}
    estate.stub.clock.advance("2h")
    assert reap().state == "success"
    assert estate.alive(jobs) == ["running run-1", "running run-2"]


def test_its_own_run_is_safe(estate, run_dag):
    """A DAG that reaps and computes would stop its own jobs."""
    with DAG("housekeeping", schedule=None) as dag:
        BacalhauReapOperator(task_id="reap", older_than=0)
    job = estate.job(("housekeeping", "by-hand", "reap"))
    run = run_dag(dag, logical_date=None, run_id="by-hand")
    assert run.state == "success", run.explain()
    assert estate.alive({job: "own"}) == ["own"]


def test_a_clean_cluster_fails_nothing(estate, reap):
    """An hourly DAG would be red as long as all is well."""
    run = reap()
    assert (run.state, run.xcom("reap")["jobs"]) == ("success", 0)
    assert "Nothing to stop." in run.logs("reap")


def test_a_job_that_does_not_end_fails_the_task(estate, reap, monkeypatch):
    """Nobody would hear of a job that cannot be stopped."""
    monkeypatch.setattr("airflow_provider_bacalhau.jobs.reaping.INSISTENCE", 0.0)
    estate.row(("etl", "run-1", "clean"), "failed")
    job = estate.job(("etl", "run-1", "clean"))
    estate.stub.clock.advance("2h")
    estate.stub.fault("DELETE", "*/jobs/*", "status", status=500, body="{}", times=0)
    run = reap()
    assert run.state == "failed"
    assert f"{job[:10]} could not be stopped" in str(run.attempts[-1].error)


def test_without_a_deployment_it_fails_for_good(estate, reap, monkeypatch):
    """Two Airflows that nobody named would stop each other's jobs, or retries would ask again for nothing."""
    monkeypatch.delenv("AIRFLOW__BACALHAU__DEPLOYMENT")
    run = reap(retries=3)
    assert (run.state, len(run.attempts)) == ("failed", 1)
    assert "No deployment is set" in str(run.attempts[-1].error)


def test_many_runs_are_asked_for_in_parts(estate, reap, monkeypatch):
    """A question about hundreds of runs would not fit into a URL."""
    monkeypatch.setattr("airflow_provider_bacalhau.operators.reap.CHUNK", 2)
    tasks = [("etl", f"run-{number}", "clean") for number in range(5)]
    for task in tasks:
        estate.row(task, "failed")
    jobs = {estate.job(task): task for task in tasks}
    estate.stub.clock.advance("2h")
    assert sorted(reap().xcom("reap")["stopped"]) == sorted(jobs)


@pytest.mark.parametrize("wrong", [{"older_than": "1h"}, {"older_than": -1}, {"older_than": True}, {"limit": -1}, {"limit": "2"}])
def test_wrong_arguments_are_refused_when_the_dag_is_read(wrong):
    """A typo would be found at night, or stop everything."""
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        BacalhauReapOperator(task_id="reap", **wrong)
