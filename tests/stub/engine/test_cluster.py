"""Nodes join, are approved, rejected and lost (fact sheet 1.13; scenario 31)."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.states import ComputeState, JobState
from orchestrator_stub.store.queries import ExecutionQuery

RELEASED = ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"]
SINCE_16 = RELEASED[1:]
TWICE = (
    "not enough nodes to run job. requested: 1, available: 1, suitable: 0.\n"
    "• Node n-00000001: job already executed on this node more than once"
)
STOPPED = "Execution stop requested because job has been stopped"


async def test_daemon_reaches_nodes_that_join_later(build: Any) -> None:
    """Broken: a daemon without nodes fails, or never learns of a new one."""
    cluster = build(nodes=0, outcome={"hang": True})
    job = cluster.submit("a", kind="daemon", count=None)
    assert cluster.state(job) is JobState.PENDING
    cluster.add_node(1)
    assert cluster.state(job) is JobState.RUNNING
    assert cluster.numbers(job) == [(1, 1)]
    await cluster.settle()
    cluster.orchestrator.stop_job(job, "over")
    assert cluster.numbers(job) == [(11, 2)]


async def test_lost_node_moves_its_execution(build: Any) -> None:
    """Broken: an execution on a deleted node runs for ever."""
    cluster = build(nodes=2, outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    lost = cluster.execution(job)
    cluster.orchestrator.update_node(lost.node_id, "delete")
    states = [e.compute for e in cluster.orchestrator.executions(job, ExecutionQuery()).items]
    assert states == [ComputeState.FAILED, ComputeState.BID_ACCEPTED]
    assert cluster.execution(job).compute_message == "Execution stop requested because node has disappeared"
    await cluster.settle()
    assert cluster.runner.killed == [lost.id]


async def test_rejected_node_is_named_and_refused_twice(build: Any) -> None:
    """Broken: rejecting a node does not disconnect it, or may be done twice (scenario 31)."""
    cluster = build()
    node = cluster.orchestrator.get_node("n-00000001")
    cluster.orchestrator.update_node(node.id, "reject")
    assert cluster.orchestrator.get_node(node.id).last_error == "node rejected"
    with pytest.raises(OrchestratorError, match=f"node {node.id} already rejected") as refused:
        cluster.orchestrator.update_node(node.id, "reject")
    assert (refused.value.status, refused.value.code) == (409, "ConflictNodeState")
    job = cluster.submit("a")
    assert cluster.orchestrator.get_job(job).message.endswith("requested: 1, available: 0, suitable: 0.")
    cluster.orchestrator.update_node(node.id, "approve")
    assert cluster.state(cluster.submit("b")) is JobState.RUNNING
