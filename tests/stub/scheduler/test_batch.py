"""Batch and service jobs, look by look (fact sheet 5.7, 5.8)."""

from __future__ import annotations

from typing import Any


from orchestrator_stub.domain.job import Timeouts
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.domain.transitions import ExecutionEvent, JobEvent

GB = 1_000_000_000
BID, RUNS = ComputeState.ASK_FOR_BID_ACCEPTED, ComputeState.BID_ACCEPTED
DONE, FAILED = ComputeState.COMPLETED, ComputeState.FAILED


def test_a_new_batch_job_asks_for_a_bid(world: Any) -> None:
    """Broken: a new job is placed without bid, or not at all."""
    plan = world.decide(world.job(), [world.node()])
    assert [(n.node_id, n.partition, n.desired) for n in plan.new] == [(world.node().id, 0, DesiredState.PENDING)]
    assert plan.job_change is None


def test_an_offer_is_approved_and_the_job_runs(world: Any) -> None:
    """Broken: offers are not taken, or the job's event does not come with them."""
    job = world.job()
    plan = world.decide(job, [world.node()], [world.execution(job, world.node(), BID)])
    assert [c.change for c in plan.changes] == [ExecutionEvent.APPROVED]
    assert (plan.job_change, [e.message for e in plan.job_events]) == (JobEvent.RUN, ["Running"])


def test_the_second_offer_for_a_partition_is_refused(world: Any) -> None:
    """Broken: two executions of one partition run."""
    job = world.job()
    first = world.execution(job, world.node(1), BID, modify_time=1)
    second = world.execution(job, world.node(2), BID, modify_time=2)
    plan = world.decide(job, [world.node(1), world.node(2)], [first, second])
    assert {c.execution_id: c.change for c in plan.changes} == {
        first.id: ExecutionEvent.APPROVED,
        second.id: ExecutionEvent.REFUSED,
    }


def test_an_offer_beside_a_running_execution_is_refused(world: Any) -> None:
    """Broken: a partition that runs takes one more."""
    job = world.job(state=JobState.RUNNING)
    runs = world.execution(job, world.node(1), RUNS, desired=DesiredState.RUNNING)
    offer = world.execution(job, world.node(2), BID)
    plan = world.decide(job, [world.node(1), world.node(2)], [runs, offer])
    assert [(c.execution_id, c.change) for c in plan.changes] == [(offer.id, ExecutionEvent.REFUSED)]


def test_all_partitions_done_completes_the_job(world: Any) -> None:
    """Broken: a job completes too early or never."""
    job = world.job(count=2, state=JobState.RUNNING)
    nodes = [world.node(1), world.node(2)]
    half = [world.execution(job, nodes[0], DONE), world.execution(job, nodes[1], RUNS, partition=1, desired=DesiredState.RUNNING)]
    assert world.decide(job, nodes, half).is_empty
    both = [half[0], world.execution(job, nodes[1], DONE, partition=1)]
    assert world.decide(job, nodes, both).job_change is JobEvent.COMPLETE


def test_only_the_failed_partition_is_placed_again(world: Any) -> None:
    """Broken: a retry takes the index of a partition that is done."""
    job = world.job(count=2, state=JobState.RUNNING)
    nodes = [world.node(1), world.node(2), world.node(3)]
    executions = [world.execution(job, nodes[0], DONE), world.execution(job, nodes[1], FAILED, partition=1)]
    plan = world.decide(job, nodes, executions, trigger="exec-update")
    assert [(n.node_id, n.partition) for n in plan.new] == [(nodes[2].id, 1)]


def test_a_huge_count_costs_nothing(world: Any) -> None:
    """Broken: a Count of a million million makes a list of that size (FINDINGS 3, crash by request)."""
    plan = world.decide(world.job(count=10**12, timeouts=Timeouts(queue=60)), [world.node(1), world.node(2)])
    assert [n.partition for n in plan.new] == [0, 1]
    assert plan.look_again_at == world.now + 60 * GB


def test_a_queued_job_is_not_queued_twice(world: Any) -> None:
    """Broken: each look at a waiting job writes one more event."""
    job = world.job(state=JobState.QUEUED, timeouts=Timeouts(queue=600))
    plan = world.decide(job, [], trigger="job-queue")
    assert (plan.job_change, plan.job_events) == (None, ())
    assert plan.look_again_at is not None


def test_queue_timeout_over_fails(world: Any) -> None:
    """Broken: a queued job waits longer than it may."""
    job = world.job(state=JobState.QUEUED, timeouts=Timeouts(queue=600))
    plan = world.decide(job, [], now=world.now + 600 * GB, trigger="job-queue")
    assert plan.job_change is JobEvent.FAIL
