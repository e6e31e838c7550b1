"""One job seen from Airflow: looks that never raise, waits that end, stops that are repeated, strays that are found."""

from __future__ import annotations

import time

import pytest

from airflow_provider_bacalhau.errors import AttemptOver, Unreachable
from airflow_provider_bacalhau.hooks.attempt import KillSwitch
from airflow_provider_bacalhau.lifecycle.attempt import Pin
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.hooks.job import (
    Sweeper,
    aobserve,
    observe,
    out_of_time,
    stop_epoch,
    stop_pinned,
    wait,
    worth_of,
)
from airflow_provider_bacalhau.lifecycle.identity import Epoch
from airflow_provider_bacalhau.lifecycle.watch import Watch, WatchPolicy

PIN = Pin(1, "1-0-0", "f", 1, "", "default", "a", "k", sweeps=True, deployed=True)


@pytest.fixture
def client(orchestrator):
    """The hook's client."""
    hook = BacalhauHook()
    yield hook.get_conn()
    hook.close()


@pytest.fixture
def add(orchestrator, spec):
    """Store a job of this task: `add(slot, state)`."""

    def make(slot=1, state="Running", epoch="1-0-0", fp="f", name=None):
        labels = {"airflow-key": "k", "airflow-epoch": epoch, "airflow-slot": str(slot), "airflow-fp": fp}
        return orchestrator.add({**spec, "Name": name or f"a-{len(orchestrator.jobs)}", "Labels": labels}, state)["ID"]

    return make


async def test_a_look_never_raises(client, orchestrator, add):
    """A blip would end a wait of hours."""
    job_id = add()
    assert observe(client, job_id, "default").job.id == job_id
    assert observe(client, "j-00000000-0000-4000-8000-000000000001", None).not_found
    orchestrator.answer = lambda *_: (400, {"Message": "x", "Code": "BadRequest"})
    assert observe(client, job_id, None).error is not None
    async with BacalhauHook().aconn() as other:
        assert (await aobserve(other, job_id, None)).error is not None


def waiting(client, job_id, **changes):
    """Wait for a job with a clock of our own."""
    given = {"kill": KillSwitch(), "clock": time.time, "sleep": lambda seconds: None, "note": lambda line: None}
    watch = Watch.start(WatchPolicy(), submitted_at=time.time(), job_id=job_id)
    return wait(watch, lambda: observe(client, job_id, "default"), **{**given, **changes})


def test_a_wait_ends_with_the_job_and_says_what_it_saw(client, orchestrator, add):
    """The log of a long wait would be empty."""
    job_id, lines, looks = add(), [], []
    verdict = waiting(
        client, job_id, note=lines.append, seen=looks.append, sleep=lambda _: orchestrator.become(job_id, "Completed")
    )
    assert verdict.succeeded
    assert lines == [f"job {job_id[:10]}: Running", f"job {job_id[:10]}: Running -> Completed"]
    assert len(looks) == 2


def test_a_wait_ends_with_its_task(client, add):
    """The process would look on until it is killed."""
    switch = KillSwitch()
    with pytest.raises(AttemptOver):
        waiting(client, add(), kill=switch, sleep=lambda _: setattr(switch, "pulled", True))


def test_a_tasks_own_limit_is_named():
    """ "Timed out" alone would send people to the server's settings."""
    watch = Watch.start(WatchPolicy(), submitted_at=10.0, job_id="j-1")
    verdict = out_of_time(watch, "execution_timeout", 70.0)
    assert (verdict.outcome, verdict.seconds) == ("timed_out", 60.0)
    assert "execution_timeout" in verdict.message


def test_a_stop_is_repeated_until_it_is_heard(client, orchestrator, add):
    """A lost stop would leave the job running with nobody to notice."""
    job_id = add()
    orchestrator.faults = [lambda method, path: method == "DELETE" and path.endswith(job_id)]
    assert stop_pinned(client, {**PIN.to_plain(), "job_id": job_id}, "on_kill", sleep=lambda _: None) == [job_id]
    assert orchestrator.jobs[job_id]["State"]["StateType"] == "Stopped"


def test_a_stop_that_nobody_hears_is_told(orchestrator, client, add, monkeypatch):
    """It would look like a stopped job."""
    job_id = add()
    orchestrator.faults = [lambda method, path: method == "DELETE"] * 99
    monkeypatch.setattr("airflow_provider_bacalhau.client.retry.ATTEMPTS", 1)
    with pytest.raises(Unreachable):
        stop_pinned(client, {**PIN.to_plain(), "job_id": job_id}, "on_kill", sleep=lambda _: None)


def test_an_ended_job_needs_no_stop(client, orchestrator, add):
    """A kill right after the end would be an error."""
    job_id = add(state="Completed")
    assert stop_pinned(client, {**PIN.to_plain(), "job_id": job_id}, "on_kill") == [job_id]


def test_only_this_epochs_jobs_are_stopped(client, orchestrator, add):
    """A new run of a cleared task would lose its job to the old one's timeout."""
    mine, _ = add(), add(epoch="1-1-0", slot=2)
    add(state="Completed", slot=3)
    assert stop_epoch(client, "k", Epoch(1, 0, 0), 2, "timeout") == [mine]
    assert orchestrator.stops == [(mine, "airflow 1.2 timeout")]


def test_what_found_jobs_are_worth(client, add):
    """A failed job would be collected as a result, or a good one repeated."""
    add(state="Completed", slot=1)
    add(state="Failed", slot=2)
    add(state="Running", slot=3)
    add(state="Pending", slot=4)
    found = worth_of(client, client.iter_jobs(), now=time.time(), accept_timeout=-1)
    assert {one.slot: one.job_class for one in found} == {1: "good", 2: "bad", 3: "live", 4: "condemned"}


def pinned(job_id):
    """A sweeper of the watcher of a job."""
    from dataclasses import replace

    return Sweeper(replace(PIN, job_id=job_id), started_at=100.0, grace=90.0)


def test_strays_are_swept_and_newer_jobs_never(client, orchestrator, add):
    """A late submit of a dead try would run beside the job, or an old watcher stop its successor."""
    mine = add(slot=2)
    older, lower, newer = add(epoch="0-0-0"), add(slot=1), add(epoch="1-1-0", slot=1)
    assert not pinned(mine).sweep(client, 100.0)
    assert {job_id for job_id, _ in orchestrator.stops} == {older, lower}
    assert orchestrator.jobs[newer]["State"]["StateType"] == "Running"


def test_of_twins_one_is_followed(client, orchestrator, add):
    """Two watchers would stop each other's job."""
    first, second = add(), add()
    sweeper = pinned(second)
    assert sweeper.sweep(client, 100.0)
    assert sweeper.pin.job_id == first
    assert [job_id for job_id, _ in orchestrator.stops] == [second]


def test_sweeps_come_when_something_late_may_have_landed(client, add):
    """They would cost a list at every look, or never happen."""
    sweeper = pinned(add())
    assert sweeper.due(100.0)
    sweeper.sweep(client, 100.0)
    assert not sweeper.due(134.0)
    assert sweeper.due(135.0)
    sweeper.sweep(client, 135.0)
    assert not sweeper.due(434.0)
    assert sweeper.due(436.0)


def test_a_server_that_is_away_does_not_end_the_wait(client, orchestrator, add):
    """Housekeeping would fail the task."""
    sweeper = pinned(add())
    orchestrator.answer = lambda *_: (400, {"Message": "x", "Code": "BadRequest"})
    assert not sweeper.sweep(client, 100.0)
