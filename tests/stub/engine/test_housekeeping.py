"""What the orchestrator does by itself as time goes by (fact sheet 5.5f, 5.9)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from orchestrator_stub.domain.job import Constraint, Timeouts
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.runners.base import Finished


async def test_a_run_that_does_not_die_is_given_up(build: Any) -> None:
    """Broken: a node that does not report the end of a run keeps its job alive for ever."""
    cluster = build()
    let_go = asyncio.Event()

    async def stubborn(work: object) -> Finished:
        for _ in range(5):
            if let_go.is_set():
                break
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()
        return Finished(0)

    cluster.runner.run = stubborn
    job = cluster.submit("a", task_timeouts=Timeouts(total=60))
    await cluster.advance(60 + 110, step=10)
    assert cluster.state(job) is JobState.RUNNING
    await cluster.advance(40, step=10)
    assert cluster.state(job) is JobState.FAILED
    assert "Job timed out. Job took longer than 1m0s" in cluster.story(job)
    let_go.set()
    await cluster.settle()
    assert cluster.orchestrator.get_node("n-00000001").available.cpu == 2.0


async def test_a_pending_job_is_failed_by_its_total_timeout(build: Any) -> None:
    """Broken: a job that was never placed outlives its TotalTimeout."""
    cluster = build()
    never = (Constraint("x", "=", ("y",)),)
    job = cluster.submit("a", constraints=never, task_timeouts=Timeouts(queue=900, total=1000))
    assert cluster.state(job) is JobState.QUEUED
    await cluster.advance(1000 + 120 + 31, step=30)
    assert cluster.state(job) is JobState.FAILED


async def test_services_are_left_alone(build: Any) -> None:
    """Broken: housekeeping ends a service."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("a", kind="service", task_timeouts=Timeouts(execution=1, total=1))
    await cluster.advance(300, step=30)
    assert cluster.state(job) is JobState.RUNNING
