"""What all job types share: failing jobs, lost nodes, limits, updates."""

from __future__ import annotations

from typing import Any


from orchestrator_stub.domain.job import Timeouts
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.domain.transitions import ExecutionEvent, JobEvent

GB = 1_000_000_000
BID, RUNS = ComputeState.ASK_FOR_BID_ACCEPTED, ComputeState.BID_ACCEPTED
DONE, FAILED = ComputeState.COMPLETED, ComputeState.FAILED


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


def test_a_lost_node_fails_its_execution(world: Any) -> None:
    """Broken: an execution on a vanished node counts on."""
    job = world.job(state=JobState.RUNNING)
    lost = world.execution(job, world.node(1), RUNS, desired=DesiredState.RUNNING)
    plan = world.decide(job, [world.node(2)], [lost], trigger="node-join")
    assert [(c.change, c.event.message) for c in plan.changes] == [
        (ExecutionEvent.FAILED, "Execution stop requested because node has disappeared")
    ]
    assert plan.new[0].node_id == world.node(2).id


def test_an_execution_on_a_node_that_gets_no_work_is_not_lost_for_that(world: Any) -> None:
    """Broken: a job fails because its node was rejected, or is busy otherwise, although the node is in touch."""
    job = world.job(state=JobState.RUNNING)
    runs = world.execution(job, world.node(1), RUNS, desired=DesiredState.RUNNING)
    assert world.decide(job, [world.node(2)], [runs], in_touch=frozenset({world.node(1).id})).is_empty


def test_152_cancels_what_was_lost(world: Any) -> None:
    """Broken: a lost execution is Failed on 1.5.2 (fact sheet 5.5g)."""
    job = world.job(state=JobState.RUNNING)
    lost = world.execution(job, world.node(1), BID, desired=DesiredState.RUNNING)
    plan = world.decide(job, [world.node(2)], [lost], release="1.5.2")
    assert [c.change for c in plan.changes] == [ExecutionEvent.STOPPED]


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


def test_an_update_replaces_executions_of_the_old_version(world: Any) -> None:
    """Broken: after an update the old version runs on, or its node counts as used (1.8+)."""
    job = world.job(version=2)
    old = world.execution(job, world.node(), RUNS, job_version=1, desired=DesiredState.RUNNING)
    plan = world.decide(job, [world.node()], [old], trigger="job-update")
    assert [c.event.message for c in plan.changes] == ["Execution stopped for job update"]
    assert [n.node_id for n in plan.new] == [world.node().id]
