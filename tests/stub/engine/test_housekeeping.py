"""What the orchestrator does by itself as time goes by (fact sheet 5.5f, 5.9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator_stub.clock import SECOND, VIRTUAL_START
from orchestrator_stub.domain.job import Constraint, Timeouts
from orchestrator_stub.domain.states import ComputeState, JobState
from orchestrator_stub.engine.housekeeping import GRACE, INTERVAL
from orchestrator_stub.runners.base import Finished, Work
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery


LATE = {
    "FailsExecution": "true",
    "Hint": "Increase the task timeout or allocate more resources",
    "IsError": "true",
}


def stubborn(let_go: asyncio.Event) -> Callable[[Work], Awaitable[Finished]]:
    """A program that ends when it is let go, and dies only at the second attempt to kill it."""

    async def run(work: Work) -> Finished:
        was_killed = False
        while not let_go.is_set():
            try:
                await work.clock.sleep(1)
            except asyncio.CancelledError:
                if was_killed:
                    raise
                was_killed = True
        return Finished(0)

    return run


async def test_a_run_that_does_not_die_is_given_up(build: Any) -> None:
    """Broken: a node that does not report the end of a run keeps its job alive for ever."""
    cluster = build()
    let_go = asyncio.Event()

    cluster.runner.run = stubborn(let_go)
    job = cluster.submit("a", task_timeouts=Timeouts(total=60))
    await cluster.advance(60 + 110, step=10)
    assert cluster.state(job) is JobState.RUNNING
    await cluster.advance(40, step=10)
    assert cluster.state(job) is JobState.FAILED
    told = [item.event for item in cluster.orchestrator.history(job, HistoryQuery()).items]
    (event,) = [event for event in told if event.topic == "Job Timeout"]
    assert (event.topic, event.message) == ("Job Timeout", "Job timed out. Job took longer than 1m0s")
    assert event.details == LATE
    let_go.set()
    await cluster.settle()
    assert (await cluster.told()).available.cpu == 2.0


async def test_a_pending_job_is_failed_by_its_total_timeout(build: Any) -> None:
    """Broken: a job that was never placed outlives its TotalTimeout."""
    cluster = build()
    never = (Constraint("x", "=", ("y",)),)
    job = cluster.submit("a", constraints=never, task_timeouts=Timeouts(queue=900, total=1000))
    assert cluster.state(job) is JobState.QUEUED
    await cluster.advance(1000 + 120 + 31, step=30)
    assert cluster.state(job) is JobState.FAILED


@pytest.mark.parametrize("release", ["1.6.5", "1.9.3"])
async def test_an_execution_is_given_up_two_minutes_after_its_node_should_have(build: Any, release: str) -> None:
    """Broken: a node that never reports keeps an execution for ever, or the orchestrator forestalls its own nodes."""
    cluster = build(release, nodes=2)
    let_go = asyncio.Event()
    cluster.runner.run = stubborn(let_go)
    job = cluster.submit("a", task_timeouts=Timeouts(execution=60))
    await cluster.advance(60 + 119, step=1)
    assert cluster.state(job) is JobState.RUNNING
    await cluster.advance(32, step=1)
    late, again = cluster.orchestrator.executions(job, ExecutionQuery()).items
    assert (late.compute, again.compute) == (ComputeState.FAILED, ComputeState.BID_ACCEPTED)
    assert late.desired_message == late.compute_message == "Execution timed out. Execution took longer than 1m0s"
    events = [item for item in cluster.orchestrator.history(job, HistoryQuery()).items if item.execution_id == late.id]
    assert (events[-1].event.topic, events[-1].event.message) == ("Exec Timeout", late.compute_message)
    assert events[-1].event.details == LATE
    let_go.set()
    await cluster.settle()


async def test_152_keeps_an_execution_that_its_node_forgot(build: Any) -> None:
    """Broken: 1.5.2 gives up an execution, which it shows as an offer (3) for its whole life, by its own clock."""
    cluster = build("1.5.2")
    let_go = asyncio.Event()
    cluster.runner.run = stubborn(let_go)
    job = cluster.submit("a", task_timeouts=Timeouts(execution=60))
    await cluster.advance(600, step=10)
    assert (cluster.state(job), cluster.numbers(job)) == (JobState.RUNNING, [(3, 3)])
    let_go.set()
    await cluster.settle()


async def test_services_are_left_alone(build: Any) -> None:
    """Broken: housekeeping ends a service."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("a", kind="service", task_timeouts=Timeouts(execution=1, total=1))
    await cluster.advance(300, step=30)
    assert cluster.state(job) is JobState.RUNNING


async def test_rounds_that_would_find_nothing_are_left_out(build: Any) -> None:
    """Broken: a virtual day with many live jobs takes seconds of looking at each of them every 30 s."""
    cluster = build(outcome={"hang": True})
    for number in range(3):
        cluster.submit(f"j{number}")
        cluster.submit(f"limited-{number}", task_timeouts=Timeouts(total=80_000, queue=80_000))
    points = []
    while (due := cluster.clock.next_due()) is not None and due < VIRTUAL_START + 86_400 * SECOND:
        points.append(due)
        cluster.clock.advance_to(due)
    assert len(points) < 60
    late = [point for point in points if point > VIRTUAL_START + 80_000 * SECOND + GRACE]
    assert late, "the round at which limits are over is among them"
    assert {(point - points[0]) % INTERVAL for point in late} == {0}


async def test_limits_of_a_new_version_count(build: Any) -> None:
    """Broken: a job that is updated or run again is looked at as if it had its old limits."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("a", task_timeouts=Timeouts(total=100_000))
    await cluster.advance(400, step=10)
    cluster.orchestrator.submit(cluster.job("a", task_timeouts=Timeouts(total=500)))
    await cluster.advance(500 + 120 - 400, step=10)
    assert cluster.state(job) is JobState.RUNNING, "its node gives the new run 500 s of its own"
    await cluster.advance(31, step=10)
    assert cluster.state(job) is JobState.FAILED
