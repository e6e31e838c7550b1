"""One job seen from Airflow: looks that never raise, waits that end."""

from __future__ import annotations

import time

import pytest

from airflow_provider_bacalhau.errors import AttemptOver
from airflow_provider_bacalhau.hooks.attempt import KillSwitch
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.hooks.job import aobserve, observe, until_next, wait
from airflow_provider_bacalhau.lifecycle.watch import Step, Watch, WatchPolicy

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


def test_one_look_falls_on_the_deadline():
    """A job that ended well just in time would be called late, or the wait last a whole interval too long."""
    step = Step(Watch.start(WatchPolicy(), submitted_at=0.0), 10.0, None)
    assert until_next(step, 95.0, 100.0) == 5.0
    assert 9.0 <= until_next(step, 101.0, 100.0) <= 11.0
    assert 9.0 <= until_next(step, 95.0, None) <= 11.0


def test_the_servers_wish_is_never_cut_short():
    """Jitter would make a rate-limited server hear from us too early."""
    step = Step(Watch.start(WatchPolicy(), submitted_at=0.0), 30.5, None, (), 30.0)
    assert all(30.0 < until_next(step, 0.0, None) < 30.6 for _ in range(50))
