"""What becomes of jobs whose node is rejected, deleted or dead (fact sheet 5.5g; FINDINGS 2 row 5.5g, FINDINGS 4)."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Resources
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.states import ComputeState, Connection, JobState, Membership
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, NodeQuery

SINCE_16 = ["1.6.5", "1.7.0", "1.8.0", "1.9.3"]
GONE = "Execution stop requested because node has disappeared"


def states(cluster: Any, job: str) -> list[ComputeState]:
    """States of a job's executions, oldest first."""
    return [e.compute for e in cluster.orchestrator.executions(job, ExecutionQuery()).items]


def number_of(node_id: str) -> int:
    """1 for the first node."""
    return int(node_id[-1])


# Running jobs of nodes that are rejected or deleted.


@pytest.mark.parametrize("action", ["reject", "delete"])
@pytest.mark.parametrize("release", ["1.8.0", "1.9.3"])
async def test_since_18_what_runs_on_a_node_put_out_is_lost(build: Any, release: str, action: str) -> None:
    """Broken: a job stays for ever on a node that was rejected or deleted (fact sheet 5.5g)."""
    cluster = build(release, nodes=2, outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    lost = cluster.execution(job)
    cluster.orchestrator.update_node(lost.node_id, action)
    await cluster.advance(14)
    assert states(cluster, job) == [ComputeState.BID_ACCEPTED]
    await cluster.advance(2)
    assert states(cluster, job) == [ComputeState.FAILED, ComputeState.BID_ACCEPTED]
    failed, moved = cluster.orchestrator.executions(job, ExecutionQuery()).items
    assert (failed.desired_message, failed.compute_message) == (GONE, GONE)
    assert moved.node_id != lost.node_id
    assert cluster.runner.killed == [], "the node has not heard of it"
    cluster.orchestrator.update_node(lost.node_id, "approve") if action == "reject" else None
    await cluster.advance(60)
    assert cluster.runner.killed == [lost.id]
    assert states(cluster, job) == [ComputeState.FAILED, ComputeState.BID_ACCEPTED]


@pytest.mark.parametrize("release", ["1.6.5", "1.7.0"])
async def test_before_18_a_rejected_nodes_job_ends_when_it_is_back(build: Any, release: str) -> None:
    """Broken: the job of a rejected node fails, or its end is lost although the node came back."""
    cluster = build(release, nodes=2, outcome={"after": 20})
    job = cluster.submit("a")
    await cluster.settle()
    where = cluster.execution(job).node_id
    cluster.orchestrator.update_node(where, "reject")
    await cluster.advance(200, step=5)
    assert (cluster.state(job), states(cluster, job)) == (JobState.RUNNING, [ComputeState.BID_ACCEPTED])
    cluster.orchestrator.update_node(where, "approve")
    await cluster.advance(121, step=5)
    assert (cluster.state(job), states(cluster, job)) == (JobState.COMPLETED, [ComputeState.COMPLETED])


@pytest.mark.parametrize(("release", "end"), [("1.5.2", ComputeState.CANCELLED), ("1.7.0", ComputeState.FAILED)])
async def test_before_18_a_deleted_nodes_job_is_lost_only_when_it_is_looked_at(
    build: Any, release: str, end: ComputeState
) -> None:
    """Broken: deleting a node touches jobs that nobody looked at, or one that was is kept (fact sheet 5.5g)."""
    cluster = build(release, nodes=3, outcome={"hang": True})
    ends = cluster.runner.outcome.__class__(after=5)
    cluster.runner.by_node = {cluster.node(3).id: ends}
    job = cluster.submit("a", count=3)
    await cluster.advance(2)
    cluster.orchestrator.update_node(cluster.node(1).id, "delete")
    await cluster.advance(2)
    by_node = {e.node_id: e for e in cluster.orchestrator.executions(job, ExecutionQuery()).items}
    assert by_node["n-00000001-0000-4000-8000-000000000001"].is_live
    await cluster.advance(2)  # the third one's end is looked at
    by_node = {e.node_id: e for e in cluster.orchestrator.executions(job, ExecutionQuery()).items}
    assert by_node["n-00000001-0000-4000-8000-000000000001"].compute is end
    assert GONE in cluster.story(job)


# Nodes that fall silent.


@pytest.mark.parametrize("kind", ["batch", "service"])
async def test_a_lost_nodes_execution_moves_to_another(build: Any, kind: str) -> None:
    """Broken: on 1.9.3 a job whose node died runs for ever, or is not moved (FINDINGS 2 row 5.5g)."""
    cluster = build("1.9.3", nodes=2, outcome={"hang": True})
    job = cluster.submit("a", kind=kind)
    await cluster.advance(30.5)
    lost = cluster.execution(job)
    number = number_of(lost.node_id)
    cluster.orchestrator.fleet.drop(lost.node_id)
    await cluster.settle()
    assert cluster.runner.killed == [lost.id]
    await cluster.advance(60)
    node = cluster.node(number)
    assert (node.connection, node.last_heartbeat) == (Connection.CONNECTED, node.connected_since + 30 * SECOND)
    await cluster.advance(20)
    node = cluster.node(number)
    assert (node.connection, node.last_error) == (Connection.DISCONNECTED, "heartbeat timeout")
    assert (node.available, node.membership) == (Capacity(), Membership.APPROVED)
    silent = (node.disconnected_since - node.last_heartbeat) / SECOND
    assert 60 < silent <= 80
    await cluster.advance(silent + 15 + 1 - 80)
    assert states(cluster, job) == [ComputeState.FAILED, ComputeState.BID_ACCEPTED]
    failed, moved = cluster.orchestrator.executions(job, ExecutionQuery()).items
    assert (failed.compute_message, moved.node_id != lost.node_id, moved.partition) == (GONE, True, lost.partition)
    assert cluster.state(job) is JobState.RUNNING
    told = cluster.orchestrator.history(job, HistoryQuery()).items
    assert [item.event.details for item in told if item.event.message == GONE] == [{}]


async def test_a_lost_nodes_daemon_waits_for_it(build: Any) -> None:
    """Broken: a daemon is replaced on another node, or not started on the lost one when it is back."""
    cluster = build("1.9.3", nodes=2, outcome={"hang": True})
    job = cluster.submit("a", kind="daemon", count=None)
    await cluster.settle()
    cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-00000001"))
    await cluster.advance(100)
    assert sorted(states(cluster, job)) == [ComputeState.FAILED, ComputeState.NEW]
    cluster.orchestrator.fleet.rejoin(cluster.orchestrator.fleet.find("n-00000001"))
    assert cluster.node().connection is Connection.CONNECTED
    await cluster.advance(16)
    assert sorted(states(cluster, job)) == [ComputeState.FAILED, ComputeState.NEW, ComputeState.NEW]
    assert len(cluster.runner.works) == 3


@pytest.mark.parametrize("release", ["1.5.2", "1.6.5", "1.7.0"])
async def test_before_18_nobody_misses_what_ran_on_a_lost_node(build: Any, release: str) -> None:
    """Broken: a job moves away from a dead node on releases where it stays for ever (FINDINGS 2 row 5.5g)."""
    cluster = build(release, nodes=2, outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    before = cluster.numbers(job)
    number = number_of(cluster.execution(job).node_id)
    cluster.orchestrator.fleet.drop(cluster.execution(job).node_id)
    await cluster.advance(150, step=5)
    assert cluster.node(number).connection is Connection.DISCONNECTED
    assert (cluster.state(job), cluster.numbers(job)) == (JobState.RUNNING, before)
    fresh = cluster.submit("b")
    assert cluster.execution(fresh).node_id != cluster.node(number).id


async def test_152_takes_up_nothing_after_a_restart(build: Any) -> None:
    """Broken: a node of 1.5.2 that starts again tells of what it lost (FINDINGS 4)."""
    cluster = build("1.5.2", outcome={"hang": True})
    jobs = [cluster.submit(kind, kind=kind) for kind in ("batch", "service")]
    await cluster.settle()
    cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-0"))
    await cluster.advance(100, step=5)
    cluster.orchestrator.fleet.rejoin(cluster.orchestrator.fleet.find("n-0"))
    assert (cluster.node().connection, cluster.node().available.cpu) == (Connection.CONNECTED, 2.0)
    await cluster.advance(60, step=5)
    assert [cluster.numbers(job) for job in jobs] == [[(3, 3)], [(3, 3)]]
    assert {cluster.state(job) for job in jobs} == {JobState.RUNNING}
    assert cluster.orchestrator.active() == []
    new = cluster.submit("new", kind="service")
    await cluster.settle()
    assert [execution.job_id for execution, _ in cluster.orchestrator.active()] == [new]


@pytest.mark.parametrize("release", SINCE_16)
async def test_a_node_that_is_soon_back_fails_what_ended_with_it(build: Any, release: str) -> None:
    """Broken: a restarted node loses its jobs' executions, or runs a batch job twice unasked (FINDINGS 4)."""
    cluster = build(release, outcome={"hang": True})
    batch, service = cluster.submit("b"), cluster.submit("s", kind="service")
    ops = cluster.submit("o", kind="ops", count=None)
    await cluster.advance(3)
    cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-0"))
    await cluster.advance(10)
    assert cluster.orchestrator.active() == []
    cluster.orchestrator.fleet.rejoin(cluster.orchestrator.fleet.find("n-0"))
    await cluster.settle()
    assert states(cluster, batch) == [ComputeState.FAILED, ComputeState.BID_ACCEPTED]
    failed = cluster.execution(batch)
    assert (failed.desired_message, failed.compute_message) == ("execution failed", "Failing due to node restart")
    event = next(i.event for i in cluster.orchestrator.history(batch, HistoryQuery()).items if "restart" in i.event.message)
    assert (event.topic, event.details) == ("Execution", {"FailsExecution": "true"})
    assert (cluster.state(ops), states(cluster, ops)) == (JobState.FAILED, [ComputeState.FAILED])
    assert states(cluster, service) == [ComputeState.BID_ACCEPTED]
    assert "Failing" not in " ".join(cluster.story(service))
    assert {e.job_id for e, _ in cluster.orchestrator.active()} == {batch, service}


async def test_a_job_placed_on_a_node_that_just_died_starts_when_it_is_back(build: Any) -> None:
    """Broken: a job that was sent to a dead node is lost for good."""
    cluster = build("1.9.3")
    cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-0"))
    job = cluster.submit("a")
    await cluster.advance(10)
    assert (cluster.state(job), cluster.numbers(job)) == (JobState.PENDING, [(1, 1)])
    cluster.orchestrator.fleet.rejoin(cluster.orchestrator.fleet.find("n-0"))
    await cluster.settle()
    assert cluster.state(job) is JobState.COMPLETED


async def test_a_stop_reaches_a_node_once_it_is_back(build: Any) -> None:
    """Broken: a service that was stopped while its node was away runs for ever after."""
    cluster = build("1.9.3", outcome={"hang": True})
    job = cluster.submit("a", kind="service")
    await cluster.settle()
    cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-0"))
    cluster.orchestrator.stop_job(job)
    assert cluster.numbers(job) == [(11, 4)]
    cluster.orchestrator.fleet.rejoin(cluster.orchestrator.fleet.find("n-0"))
    await cluster.settle()
    assert cluster.orchestrator.active() == []
    assert (await cluster.told()).available.cpu == 2.0


async def test_only_a_live_node_falls_silent_and_only_a_silent_one_comes_back(build: Any) -> None:
    """Broken: a test that drops the wrong node, or drops it twice, is not told."""
    cluster = build()
    with pytest.raises(OrchestratorError, match="is not silent") as refused:
        cluster.orchestrator.fleet.rejoin(cluster.orchestrator.fleet.find("n-0"))
    assert refused.value.status == 409
    with pytest.raises(OrchestratorError, match="there is no node n-9"):
        cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-9"))
    cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-0"))
    with pytest.raises(OrchestratorError, match="is silent already"):
        cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-0"))
    cluster.orchestrator.fleet.rejoin(cluster.orchestrator.fleet.find("n-0"))
    await cluster.advance(100, step=10)
    assert cluster.node().connection is Connection.CONNECTED


async def test_a_silent_node_that_was_deleted_registers_when_it_is_back(build: Any) -> None:
    """Broken: a dead node that was cleaned out of the list can never come back, or does so while it is dead."""
    cluster = build("1.9.3")
    node_id = cluster.node().id
    cluster.orchestrator.fleet.drop(node_id)
    cluster.orchestrator.update_node(node_id, "delete")
    await cluster.advance(100, step=10)
    assert cluster.orchestrator.list_nodes(NodeQuery()).items == ()
    cluster.orchestrator.fleet.rejoin(node_id)
    job = cluster.submit("a")
    await cluster.settle()
    assert cluster.state(job) is JobState.COMPLETED


async def test_a_dead_node_does_not_knock(build: Any) -> None:
    """Broken: a node that was turned out and then died connects all the same when its next try is due."""
    cluster = build("1.9.3")
    cluster.orchestrator.update_node("n-0", "reject")
    cluster.orchestrator.update_node("n-0", "approve")
    cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-0"))
    await cluster.advance(60, step=5)
    assert cluster.node().connection is Connection.DISCONNECTED
    cluster.orchestrator.fleet.rejoin(cluster.orchestrator.fleet.find("n-0"))
    assert cluster.node().connection is Connection.CONNECTED


async def test_programs_that_die_late_are_not_counted_on_the_node_that_is_back(build: Any) -> None:
    """Broken: a node that restarts quickly believes to have more than it has, or less."""
    cluster = build("1.9.3", outcome={"hang": True})
    cluster.submit("a", kind="service", task_resources=Resources(cpu="1"))
    await cluster.settle()
    cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-0"))
    cluster.orchestrator.fleet.rejoin(cluster.orchestrator.fleet.find("n-0"))
    await cluster.settle()
    assert len(cluster.runner.killed) == 1
    assert [wants.cpu for _, wants in cluster.orchestrator.active()] == [1.0]
    assert (await cluster.told()).available.cpu == 1.0
