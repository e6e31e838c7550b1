"""Nodes in somebody's hands, by themselves; over HTTP they are in control/test_nodes.py."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.shape import NodeShape
from orchestrator_stub.domain.states import Connection, JobState, Membership

RELEASES = ["docs", "1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"]


def machine(cluster: Any, number: int = 1) -> Any:
    """A node as it is."""
    return cluster.orchestrator.fleet.machine(cluster.node(number).id)


@pytest.mark.parametrize("release", RELEASES)
async def test_a_short_freeze_costs_nothing_in_any_release(build: Any, release: str) -> None:
    """The report of a node that could not speak for a moment would be lost, or its node take it for a restart."""
    cluster = build(release, outcome={"after": 20})
    fleet, job = cluster.orchestrator.fleet, cluster.submit("a")
    await cluster.settle()
    node_id = cluster.node().id
    fleet.freeze(node_id)
    await cluster.advance(30)
    assert (cluster.state(job), machine(cluster).node.running) != (JobState.COMPLETED, 1), "its program has ended"
    assert cluster.state(job) is not JobState.COMPLETED
    fleet.thaw(node_id)
    await cluster.settle()
    assert cluster.state(job) is JobState.COMPLETED
    await cluster.advance(100)
    assert cluster.node().connection is Connection.CONNECTED


async def test_a_thawed_node_s_heartbeats_go_on_from_then(build: Any) -> None:
    """Heartbeats would be shown that nobody can have heard."""
    cluster = build("1.9.3")
    start = cluster.node().last_heartbeat
    await cluster.advance(20)
    cluster.orchestrator.fleet.freeze(cluster.node().id)
    await cluster.advance(30)
    assert cluster.node().last_heartbeat == start + 15 * SECOND
    cluster.orchestrator.fleet.thaw(cluster.node().id)
    thawed = cluster.node().last_heartbeat
    assert (thawed - start) // SECOND == 50
    await cluster.advance(16)
    assert cluster.node().last_heartbeat == thawed + 15 * SECOND


@pytest.mark.parametrize("release", RELEASES)
async def test_a_node_lost_while_frozen_takes_work_after_the_thaw(build: Any, release: str) -> None:
    """A node that was out of touch for long would never get a job again."""
    cluster = build(release)
    fleet, node_id = cluster.orchestrator.fleet, cluster.node().id
    fleet.freeze(node_id)
    await cluster.advance(100)
    assert cluster.node().connection is Connection.DISCONNECTED
    fleet.thaw(node_id)
    job = cluster.submit("a")
    await cluster.advance(1)
    assert (cluster.node().connection, cluster.state(job)) == (Connection.CONNECTED, JobState.COMPLETED)


async def test_a_node_that_nobody_listens_to_changes_unheard(build: Any) -> None:
    """The labels of a rejected node would change in the list of a 1.5.2, which does not listen to it."""
    cluster = build("1.5.2", nodes=2)
    cluster.orchestrator.update_node(cluster.node().id, "reject")
    cluster.orchestrator.fleet.relabel(cluster.node().id, {"zone": "new"})
    assert cluster.node().labels == {"zone": "z1"}
    assert machine(cluster).node.labels == {"zone": "new"}


async def test_nodes_join_as_newcomers_do(build: Any) -> None:
    """Under manual approval a node that is added would work without anybody's leave."""
    cluster = build("1.9.3", manual_approval=True)
    (added,) = cluster.orchestrator.fleet.add([NodeShape("x")])
    assert added.known is not None
    assert added.known.membership is Membership.PENDING


async def test_of_several_nodes_none_joins_when_one_cannot(build: Any) -> None:
    """Half of what was ordered would be done."""
    cluster = build("1.9.3")
    fleet = cluster.orchestrator.fleet
    fleet.add([NodeShape("x-2")])
    with pytest.raises(OrchestratorError, match="x-2 already"):
        fleet.add([NodeShape("x-1"), NodeShape("x-2")])
    assert [each.name for each in fleet.machines()] == [cluster.node().id, "x-2"]


async def test_a_deleted_node_is_still_there_but_unknown(build: Any) -> None:
    """Somebody would look for a machine that the orchestrator forgot, and find it nowhere."""
    cluster = build("1.9.3", nodes=2)
    node_id = cluster.node(2).id
    cluster.orchestrator.update_node(node_id, "delete")
    gone = cluster.orchestrator.fleet.machine(node_id)
    assert (gone.known, gone.state) == (None, "alive")


async def test_shrinking_ends_nothing_and_shows_no_debts(build: Any) -> None:
    """A running job would end, or a node say that less than nothing is free."""
    cluster = build("1.9.3", outcome={"after": 60})
    job = cluster.submit("a")
    await cluster.settle()
    cluster.orchestrator.fleet.resize(cluster.node().id, Capacity(0.1, 1, 1, 0))
    shown = cluster.node()
    assert (shown.capacity.cpu, shown.available) == (0.1, Capacity(0.0, 0, 1, 0))
    await cluster.advance(61)
    assert cluster.state(job) is JobState.COMPLETED
    free = machine(cluster).node.available
    assert (free.cpu, free.memory) == (pytest.approx(0.1), 1)
