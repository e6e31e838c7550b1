"""Whole runs through the real scheduler, worker and triggerer."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
KEYS = ("bacalhau_job", "job_id", "results", "result", "exit_codes", "return_value")
OWN = ("name", "job_id", "submitted_at", "finished_at", "seconds", "started_at", "ended_at")
"""What differs between any two jobs."""


@pytest.fixture(scope="module")
def runs(world):
    """They wait together, which saves time."""
    return world.start_runs("bacalhau_demo", "bacalhau_fan_out", "twins")


def link_to(world, job_id):
    """The address that the connection's webui_url gives."""
    return f"{world.stub_url}/stub/#/jobs/{job_id}"


def test_the_demo_carries_data_through_two_jobs(world, runs):
    """The example that newcomers run would work in tests only: with dag.test() there is no triggerer and no scheduler."""
    run = runs["bacalhau_demo"]
    assert run.finish() == "success", run.explain()
    assert run.xcom("bring_back") == "26"
    for task in ("squares", "total", "check_in_a_container"):
        job = run.only_job(task)
        assert job["State"]["StateType"] == "Completed"
        assert f"Bacalhau job {job['ID'][:10]} (bacalhau_demo.{task}) succeeded" in run.log(task)
        assert run.links(task) == {"Bacalhau job": link_to(world, job["ID"])}
        assert run.xcom(task, "job_id") == job["ID"]
        assert run.xcom(task, "exit_codes") == [0]
    handle = run.xcom("total", "bacalhau_job")
    assert (handle["state"], handle["server"], handle["results"]) == ("Completed", world.stub_url, [run.xcom("total")])
    assert run.xcom("squares") == run.xcom("squares", "results") == [run.xcom("squares", "result")]
    assert run.xcom("check_in_a_container") == "the sum is positive"


def test_mapped_tasks_wait_together_in_the_triggerer(runs):
    """Jobs of one mapped task would share a key, so that one of them is taken for another."""
    run = runs["bacalhau_fan_out"]
    assert run.finish() == "success", run.explain()
    jobs = run.jobs("squares")
    assert len(jobs) == len({job["Labels"]["airflow-key"] for job in jobs}) == 5
    assert sorted(job["Labels"]["airflow-map"] for job in jobs) == ["0", "1", "2", "3", "4"]
    assert run.xcom("show") == str(sum(n**2 + (n * 10) ** 2 for n in range(1, 6)))


def test_waiting_in_the_triggerer_changes_nothing_but_the_place(runs):
    """Switching `deferrable` on would change a task's verdict, what it leaves behind, or what its error says."""
    run = runs["twins"]
    assert run.finish() == "failed"
    assert run.states() == {
        "good_inline": "success",
        "good_deferred": "success",
        "bad_inline": "failed",
        "bad_deferred": "failed",
    }, run.explain()
    assert told(run, "good_inline") == told(run, "good_deferred")
    assert told(run, "bad_inline") == told(run, "bad_deferred")
    assert told(run, "good_inline")["result"] == "s3://e2e-results/ID/ID/"
    assert told(run, "bad_inline")["exit_codes"] == [3]
    assert "failed: exit code 3 on" in told(run, "bad_inline")["error"]
    assert {task for task in run.states() if "trigger completed" in run.log(task)} == {"good_deferred", "bad_deferred"}


def told(run, task):
    """XCom and error of a task, without what differs between any two jobs."""
    log = run.log(task)
    lines = [line for line in log.splitlines() if line in ("one line", "went wrong")]
    error = re.search(r"^BacalhauJobFailed: .*?\| bacalhau job describe \S+", log, re.MULTILINE | re.DOTALL)
    found = {key: run.xcom(task, key) for key in KEYS} | {"output": lines, "error": error[0] if error else ""}
    text = json.dumps(found).replace(task, "TASK")
    text = re.sub(r"\b[jen]-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[jen]-[0-9a-f]{8}", "ID", text)
    return without_own(json.loads(re.sub(r"\b\d+\.\ds\b", "SECONDS", text)))


def without_own(value):
    """A value without the fields that are different in every job."""
    if isinstance(value, dict):
        return {name: "its own" if name in OWN and part else without_own(part) for name, part in value.items()}
    return [without_own(part) for part in value] if isinstance(value, list) else value
