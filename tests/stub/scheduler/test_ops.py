"""Ops jobs: everywhere, once (fact sheet 5.8)."""

from __future__ import annotations

from typing import Any


from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState

GB = 1_000_000_000
BID, RUNS = ComputeState.ASK_FOR_BID_ACCEPTED, ComputeState.BID_ACCEPTED
DONE, FAILED = ComputeState.COMPLETED, ComputeState.FAILED


def test_ops_reaches_a_node_that_came_later_once(world: Any) -> None:
    """Broken: a node that joined is left out, or the others run the job again."""
    job = world.job("ops", count=0, state=JobState.RUNNING)
    runs = world.execution(job, world.node(1), ComputeState.NEW, desired=DesiredState.RUNNING)
    plan = world.decide(job, [world.node(1), world.node(2)], [runs])
    assert [n.node_id for n in plan.new] == [world.node(2).id]


def test_ops_remembers_the_failures_of_earlier_versions(world: Any) -> None:
    """Broken: an updated ops job completes although a released server fails it."""
    job = world.job("ops", count=0, state=JobState.RUNNING, version=2)
    old = world.execution(job, world.node(), FAILED, job_version=1)
    plan = world.decide(job, [world.node()], [old, world.execution(job, world.node(), DONE)])
    assert plan.job_message == "Job failed because one or more executions failed"


def test_ops_does_not_return_to_a_node(world: Any) -> None:
    """Broken: a failed ops execution is tried again."""
    job = world.job("ops", count=0, state=JobState.RUNNING)
    plan = world.decide(job, [world.node()], [world.execution(job, world.node(), FAILED)])
    assert plan.new == ()
    assert plan.job_message == "Job failed because one or more executions failed"
