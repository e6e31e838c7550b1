"""Strays beside a watched job: found, stopped, and never a newer one."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_bacalhau.jobs.sweeping import Sweeper
from airflow_provider_bacalhau.lifecycle.attempt import Pin

PIN = Pin(1, "1-0-0", "f", 1, "", "default", "a", "k", sweeps=True, deployed=True)


def pinned(job_id):
    """A sweeper of the watcher of a job."""
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
