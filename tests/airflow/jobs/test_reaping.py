"""Finding what tasks left behind at a server, and stopping it; what Airflow says is told by the test."""

from __future__ import annotations

import time

import pytest

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.jobs.reaping import carry_out, find
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef, stamp
from airflow_provider_bacalhau.lifecycle.reap import Sight, TaskKey
from airflow_provider_bacalhau.lifecycle.submission import after_stop


@pytest.fixture
def left(orchestrator, spec):
    """Leave a job of a task: left("clean", hours=2)."""

    def leave(task, state="Running", *, deployment="prod", hours=2.0):
        ref = TaskRef(deployment, "etl", "run-1", task)
        job = stamp(spec, ref=ref, epoch=Epoch(7, 0, 2), slot=1, lifetime="task", fp="f")
        stored = orchestrator.add(job, state)
        stored["CreateTime"] = int((time.time() - hours * 3_600) * 1e9)
        return stored["ID"]

    return leave


def say(*failed):
    """Airflow, where these tasks failed and all others run."""
    return lambda keys: {key: Sight(state="failed" if key.task_id in failed else "running") for key in keys}


def words(plan):
    """task -> word."""
    return {line.task: line.word for line in plan.lines}


def test_airflow_is_asked_after_the_jobs_were_listed(orchestrator, client, left):
    """The job of a task that begins in between would be judged by what Airflow said before."""
    left("clean")
    asked = []

    def ask(keys):
        asked.append((keys, [path for method, path in orchestrator.requests if path.endswith("/jobs")]))
        return say("clean")(keys)

    assert words(find(client, ask, deployment="prod", namespace=None)) == {"etl.clean": "STOP"}
    assert asked == [([TaskKey("etl", "run-1", "clean", -1)], ["/api/v1/orchestrator/jobs"])]


def test_all_stored_jobs_are_counted_and_only_live_ones_are_judged(client, left):
    """An admin would see lines of jobs that ended long ago, or not learn how many there are."""
    left("clean", "Completed")
    left("load", "Pending")
    plan = find(client, say("clean", "load"), deployment="prod", namespace=None)
    assert (plan.stored, words(plan)) == (2, {"etl.load": "STOP"})


def test_further_pages_are_read(client, left, monkeypatch):
    """What lies behind the first thousand jobs would never be reaped."""
    seen = []
    monkeypatch.setattr(type(client), "iter_jobs", lambda self, **given: seen.append(given) or iter(()))
    find(client, say(), deployment="prod", namespace="etl")
    assert seen == [{"namespace": "etl", "labels": "airflow-deployment=prod", "limit": 1_000}]


@pytest.mark.parametrize("name", [None, ""])
def test_without_a_deployment_nothing_is_asked(orchestrator, client, name):
    """Two Airflows without a name would stop each other's jobs."""
    with pytest.raises(ConfigError, match="No deployment is set"):
        find(client, say(), deployment=name, namespace=None)
    assert orchestrator.requests == []


def test_the_oldest_are_stopped_first_and_no_more_than_the_limit(orchestrator, client, left):
    """A limit would spare the job that has wasted most."""
    jobs = [left(name, hours=hours) for name, hours in (("a", 2), ("b", 30), ("c", 9))]
    plan = find(client, say("a", "b", "c"), deployment="prod", namespace=None)
    outcome = carry_out(client, plan, limit=2, sleep=lambda _: None)
    assert [job_id for job_id, _ in orchestrator.stops] == [jobs[1], jobs[2]] == list(outcome.stopped)
    assert outcome.left == 1
    assert carry_out(client, plan, limit=0).stopped == ()


def test_a_running_attempt_takes_the_stop_for_a_stale_one(orchestrator, client, left):
    """A job stopped too much would fail its task for good, as if a human had stopped it, or end a newer try."""
    left("clean")
    carry_out(client, find(client, say("clean"), deployment="prod", namespace=None), sleep=lambda _: None)
    (_, reason), *_ = orchestrator.stops
    assert reason == "airflow 7.0 reaped"
    assert after_stop(Epoch(7, 0, 2), 1, reason, heals=0, killed=False) == "again"


def test_a_job_that_ended_meanwhile_is_fine(orchestrator, client, left):
    """A race with the task's own stop would look like a failure."""
    job = left("clean")
    plan = find(client, say("clean"), deployment="prod", namespace=None)
    orchestrator.become(job, "Completed")
    assert carry_out(client, plan, sleep=lambda _: None).stopped == (job,)


def test_one_that_is_refused_does_not_hold_up_the_others(orchestrator, client, left, monkeypatch):
    """One job that cannot be stopped would keep all the others alive."""
    monkeypatch.setattr("airflow_provider_bacalhau.jobs.reaping.INSISTENCE", 0.0)
    stubborn, other = left("a", hours=9), left("b")
    plan = find(client, say("a", "b"), deployment="prod", namespace=None)
    stop = orchestrator._stop
    orchestrator._stop = lambda job, body: (403, {"Message": "no"}) if job["ID"] == stubborn else stop(job, body)
    outcome = carry_out(client, plan, sleep=lambda _: None)
    assert (outcome.stopped, list(outcome.failed), outcome.left) == ((other,), [stubborn], 1)


def test_a_server_that_is_gone_is_not_asked_for_every_job(orchestrator, client, left, monkeypatch):
    """A thousand jobs would each wait their minute for a server that is down."""
    monkeypatch.setattr("airflow_provider_bacalhau.jobs.reaping.INSISTENCE", 0.0)
    first = left("a", hours=9)
    left("b")
    plan = find(client, say("a", "b"), deployment="prod", namespace=None)
    orchestrator._stop = lambda *_: (502, {"Message": "bad gateway"})
    outcome = carry_out(client, plan, sleep=lambda _: None)
    assert (outcome.stopped, list(outcome.failed)) == ((), [first])
