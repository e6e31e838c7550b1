"""How a look at a job goes."""

from __future__ import annotations

from typing import Any

from orchestrator_stub.domain.job import Constraint, Timeouts
from orchestrator_stub.domain.states import JobState

NOWHERE = (Constraint("zone", "=", ("nowhere",)),)


async def test_a_job_that_nobody_understands_is_left_alone(build: Any) -> None:
    """Broken: one senseless job ends the looking at all others."""
    cluster = build()
    odd = cluster.submit("odd", constraints=(Constraint("zone", "gt", ("abc",)),))
    fine = cluster.submit("fine")
    await cluster.settle()
    assert (cluster.state(odd), cluster.state(fine)) == (JobState.PENDING, JobState.COMPLETED)


async def test_a_queued_job_is_looked_at_every_60_s_until_its_time_is_over(build: Any) -> None:
    """Broken: a queued job fails before its QueueTimeout, or is never looked at again (FINDINGS 3)."""
    cluster = build()
    job = cluster.submit("a", constraints=NOWHERE, task_timeouts=Timeouts(queue=130))
    await cluster.advance(130 + 49, step=7)
    assert cluster.state(job) is JobState.QUEUED
    await cluster.advance(2)
    assert cluster.state(job) is JobState.FAILED
    assert cluster.orchestrator.get_job(job).revision == 3
    assert len(cluster.story(job)) == 3


async def test_rerun_of_a_job_that_was_queued_and_stopped_stays_pending(build: Any) -> None:
    """Broken: a rerun that finds no node says Queued, which only a new job does (FINDINGS 3, Rerun)."""
    cluster = build()
    job = cluster.submit("a", constraints=NOWHERE, task_timeouts=Timeouts(queue=600))
    await cluster.advance(20)
    cluster.orchestrator.stop_job(job, "over")
    again = cluster.orchestrator.rerun(job)
    assert (again.job_version, cluster.state(job)) == (2, JobState.PENDING)
    await cluster.advance(560, step=10)
    assert cluster.state(job) is JobState.PENDING
    assert cluster.story(job) == ["Job rerun requested"]
    await cluster.advance(80, step=10)
    assert cluster.state(job) is JobState.FAILED
