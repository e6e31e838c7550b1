"""What the scheduler wants changed, look by look (fact sheet 5; FINDINGS-docker 5)."""

from __future__ import annotations

from typing import Any

import pytest

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


def test_a_failing_job_stops_what_still_runs(world: Any) -> None:
    """Broken: a partition runs on although its job has failed."""
    job = world.job(count=2, state=JobState.RUNNING)
    nodes = [world.node(1), world.node(2)]
    executions = [
        world.execution(job, nodes[0], RUNS, desired=DesiredState.RUNNING),
        world.execution(job, nodes[1], FAILED, partition=1),
        world.execution(job, nodes[1], FAILED, partition=1, id="e-again"),
    ]
    plan = world.decide(job, nodes, executions, trigger="exec-update")
    assert plan.job_change is JobEvent.FAIL
    assert [(c.execution_id, c.event.message) for c in plan.changes] == [
        (executions[0].id, "Execution stopped due to job failure")
    ]


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


def test_a_lost_node_fails_its_execution(world: Any) -> None:
    """Broken: an execution on a vanished node counts on."""
    job = world.job(state=JobState.RUNNING)
    lost = world.execution(job, world.node(1), RUNS, desired=DesiredState.RUNNING)
    plan = world.decide(job, [world.node(2)], [lost], trigger="node-join")
    assert [(c.change, c.event.message) for c in plan.changes] == [
        (ExecutionEvent.FAILED, "Execution stop requested because node has disappeared")
    ]
    assert plan.new[0].node_id == world.node(2).id


def test_execution_beyond_its_limit_fails_by_the_orchestrator(world: Any) -> None:
    """Broken: a node that never reports keeps an execution alive for ever."""
    job = world.job(state=JobState.RUNNING, timeouts=Timeouts(execution=60))
    late = world.execution(job, world.node(1), RUNS, desired=DesiredState.RUNNING, modify_time=world.now - 61 * GB)
    event = world.decide(job, [world.node(1)], [late], trigger="exec-timeout").changes[0].event
    assert (event.topic, event.message) == ("Exec Timeout", "Execution timed out. Execution took longer than 1m0s")
    assert event.details["Hint"] == "Increase the task timeout or allocate more resources"


def test_total_timeout_does_not_concern_services(world: Any) -> None:
    """Broken: a service ends by a TotalTimeout."""
    job = world.job(kind="service", state=JobState.RUNNING, timeouts=Timeouts(total=1), create_time=0)
    runs = world.execution(job, world.node(), RUNS, desired=DesiredState.RUNNING)
    assert world.decide(job, [world.node()], [runs]).is_empty


def test_a_stopped_job_takes_its_executions_along(world: Any) -> None:
    """Broken: executions of a stopped job run on."""
    job = world.job(state=JobState.STOPPED)
    plan = world.decide(job, [world.node()], [world.execution(job, world.node(), BID)], trigger="job-cancel")
    assert [c.change for c in plan.changes] == [ExecutionEvent.STOPPED]
    assert plan.job_change is None


def test_an_update_replaces_executions_of_the_old_version(world: Any) -> None:
    """Broken: after an update the old version runs on, or its node counts as used (1.8+)."""
    job = world.job(version=2)
    old = world.execution(job, world.node(), RUNS, job_version=1, desired=DesiredState.RUNNING)
    plan = world.decide(job, [world.node()], [old], trigger="job-update")
    assert [c.event.message for c in plan.changes] == ["Execution stopped for job update"]
    assert [n.node_id for n in plan.new] == [world.node().id]


@pytest.mark.parametrize("kind", ["ops", "daemon"])
def test_everywhere_jobs_run_at_once_on_all_nodes(world: Any, kind: str) -> None:
    """Broken: ops and daemon wait for bids or leave a node out."""
    plan = world.decide(world.job(kind, count=0), [world.node(1), world.node(2), world.node(3, engines=())])
    assert [n.desired for n in plan.new] == [DesiredState.RUNNING] * 2
    assert plan.job_change is JobEvent.RUN


def test_ops_does_not_return_to_a_node(world: Any) -> None:
    """Broken: a failed ops execution is tried again."""
    job = world.job("ops", count=0, state=JobState.RUNNING)
    plan = world.decide(job, [world.node()], [world.execution(job, world.node(), FAILED)])
    assert plan.new == ()
    assert plan.job_message == "Job failed because one or more executions failed"


@pytest.mark.parametrize(("release", "placed"), [("1.7.0", 0), ("1.8.0", 1)])
def test_daemon_replaces_an_ended_execution_since_18(world: Any, release: str, placed: int) -> None:
    """Broken: daemons are replaced on 1.7, or not on 1.8."""
    job = world.job("daemon", count=0, state=JobState.RUNNING)
    ended = world.execution(job, world.node(), FAILED)
    assert len(world.decide(job, [world.node()], [ended], release=release).new) == placed
