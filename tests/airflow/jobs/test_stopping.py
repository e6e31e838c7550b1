"""Stops that hold: repeated until a look shows the job ended."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import BacalhauError, Rejected, Unreachable
from airflow_provider_bacalhau.jobs.stopping import stop_epoch, stop_pinned, stop_until_ended
from airflow_provider_bacalhau.lifecycle.attempt import Pin
from airflow_provider_bacalhau.lifecycle.identity import Epoch

PIN = Pin(1, "1-0-0", "f", 1, "", "default", "a", "k", sweeps=True, deployed=True)


class Time:
    """A clock that moves by sleeping alone."""

    def __init__(self):
        self.now = 0.0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def stop(client, job_id):
    """Stop a job in a time of its own; returns the seconds it took."""
    time = Time()
    stop_until_ended(client, job_id, namespace="default", reason="enough", sleep=time.sleep, clock=time.clock)
    return time.now


def test_a_stop_that_had_no_effect_is_sent_again(client, orchestrator, add):
    """T7: a server that lost the stop in its own restart would let the job run, with nobody to notice."""
    job_id, really = add(), orchestrator._stop
    deaf = [None, None]
    orchestrator._stop = lambda job, body: (200, {"EvaluationID": "x"}) if deaf and not deaf.pop() else really(job, body)
    assert stop(client, job_id) > 0
    assert orchestrator.jobs[job_id]["State"]["StateType"] == "Stopped"
    assert [path for method, path in orchestrator.requests if method == "DELETE"].count(f"/api/v1/orchestrator/jobs/{job_id}") == 3


def test_a_job_that_cannot_be_stopped_is_told(client, orchestrator, add):
    """The next try would start beside it, or its task end as if nothing ran on."""
    job_id = add()
    orchestrator._stop = lambda *_: (200, {"EvaluationID": "x"})
    with pytest.raises(BacalhauError, match="did not end within 120s of its stop: stop it by hand"):
        stop(client, job_id)


def test_a_refused_stop_is_not_repeated(client, orchestrator, add):
    """Two minutes would pass before the user is told that the credential may not stop jobs."""
    job_id = add()
    orchestrator._stop = lambda *_: (403, {"Message": "no", "Code": "Forbidden"})
    with pytest.raises(Rejected):
        stop(client, job_id)


def test_an_unknown_job_needs_no_stop(client, orchestrator):
    """A stop after a server has lost its data would fail for ever."""
    assert stop(client, "j-00000000-0000-4000-8000-000000000001") == 0


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
        stop(client, job_id)


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
