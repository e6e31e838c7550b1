"""Nodes join, speak, are approved, rejected, deleted and registered anew (fact sheet 1.13; scenario 31)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Resources, Timeouts
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.states import Connection, JobState, Membership
from orchestrator_stub.store.queries import NodeQuery

RELEASED = ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"]
SINCE_16 = RELEASED[1:]
NOBODY = "not enough nodes to run job. requested: 1, available: 0, suitable: 0."
ONE_CPU = {"task_resources": Resources(cpu="1")}


# Joining.


@pytest.mark.parametrize("release", ["1.8.0", "1.9.3"])
async def test_daemon_reaches_a_node_that_joins_later(build: Any, release: str) -> None:
    """Broken: a daemon without nodes fails, or never learns of a new one (1.8+, after 15 s)."""
    cluster = build(release, nodes=0, outcome={"hang": True})
    job = cluster.submit("a", kind="daemon", count=None)
    cluster.add_node(1)
    await cluster.advance(14)
    assert cluster.state(job) is JobState.PENDING
    await cluster.advance(2)
    assert (cluster.state(job), cluster.numbers(job)) == (JobState.RUNNING, [(1, 1)])
    cluster.orchestrator.stop_job(job, "over")
    assert cluster.numbers(job) == [(11, 2)]


@pytest.mark.parametrize("release", ["1.5.2", "1.6.5", "1.7.0"])
async def test_before_18_a_daemon_does_not_hear_of_new_nodes(build: Any, release: str) -> None:
    """Broken: a daemon spreads by itself on releases where it never does."""
    cluster = build(release, nodes=0, outcome={"hang": True})
    job = cluster.submit("a", kind="daemon", count=None)
    cluster.add_node(1)
    await cluster.advance(300, step=30)
    assert cluster.state(job) is JobState.PENDING


async def test_heartbeats_come_every_15_s_and_the_orchestrators_own_stands_still(build: Any) -> None:
    """Broken: a client that watches LastHeartbeat sees a live node as dead, or an orchestrator alone as alive."""
    cluster = build()
    cluster.add_node(2, is_compute=False)
    first, alone = cluster.node(), cluster.node(2)
    assert first.last_heartbeat == first.connected_since
    await cluster.advance(14)
    assert cluster.node().last_heartbeat == first.last_heartbeat
    await cluster.advance(32)
    assert cluster.node().last_heartbeat == first.last_heartbeat + 45 * SECOND
    assert (cluster.node(2).last_heartbeat, cluster.node(2).available) == (alone.connected_since, Capacity())


# What nodes say of their load.


@pytest.mark.parametrize(("release", "every"), [("1.5.2", 30), ("1.6.5", 15), ("1.9.3", 15)])
async def test_load_is_known_as_of_the_nodes_last_word(build: Any, release: str, every: int) -> None:
    """Broken: AvailableCapacity does not lag behind as it does on released servers (FINDINGS-docker 7)."""
    cluster = build(release, outcome={"after": every - 5})
    await cluster.advance(1)
    cluster.submit("a", **ONE_CPU)
    await cluster.advance(every - 3)
    assert cluster.node().available.cpu == 2.0, "it ran between two words"
    cluster.submit("b", **ONE_CPU)
    await cluster.advance(1)
    assert cluster.node().available.cpu == 2.0
    await cluster.advance(2)
    assert cluster.node().available.cpu == 1.0
    by_cpu = cluster.orchestrator.list_nodes(NodeQuery(order_by="available_cpu")).items
    assert [node.available.cpu for node in by_cpu] == [1.0]


@pytest.mark.parametrize(("release", "counts"), [("1.5.2", (2, 1)), ("1.6.5", (0, 0)), ("1.9.3", (0, 0))])
async def test_executions_are_counted_in_152_only(build: Any, release: str, counts: tuple[int, int]) -> None:
    """Broken: RunningExecutions tells of what later releases never say (FINDINGS-docker 7)."""
    cluster = build(release, outcome={"after": 100})
    for name in "abc":
        cluster.submit(name, **ONE_CPU)
    await cluster.advance(59)
    assert (cluster.node().running, cluster.node().enqueued) == (0, 0)
    await cluster.advance(2)
    assert (cluster.node().running, cluster.node().enqueued) == counts


@pytest.mark.parametrize(("release", "every"), [("1.5.2", 30), ("1.6.5", 15), ("1.7.0", 15), ("1.9.3", 15)])
async def test_a_node_takes_jobs_until_it_says_that_it_is_full(build: Any, release: str, every: int) -> None:
    """Broken: a full node refuses before it could have said so, or never (FINDINGS 1 row 5.6, FINDINGS-docker 7)."""
    cluster = build(release, strict=release != "1.5.2", outcome={"after": 100})
    taken = [cluster.submit(f"j{n}", **ONE_CPU) for n in range(4)]
    await cluster.advance(every - 1)
    taken.append(cluster.submit("last", **ONE_CPU))
    waits = JobState.RUNNING if release != "1.5.2" else JobState.PENDING
    assert [cluster.state(job) for job in taken] == [JobState.RUNNING] * 2 + [waits] * 3
    await cluster.advance(2)
    refused = cluster.orchestrator.get_job(cluster.submit("refused", **ONE_CPU))
    busy = r"node busy with available capacity {CPU: 0.00, .*} and queue capacity {CPU: 3.00, .*}$"
    assert refused.state is JobState.FAILED
    assert re.search(busy, refused.message)
    queued = cluster.submit("queued", task_timeouts=Timeouts(queue=600), **ONE_CPU)
    stored = cluster.orchestrator.get_job(queued)
    assert (stored.state, stored.revision) == (JobState.QUEUED, 2)
    assert re.match("Job queued. not enough nodes", stored.message)
    assert re.search(busy, stored.message)
    await cluster.advance(420, step=10)
    assert {cluster.state(job) for job in [*taken, queued]} == {JobState.COMPLETED}
    assert cluster.orchestrator.get_job(queued).revision == 4


@pytest.mark.parametrize("release", SINCE_16)
async def test_without_strict_work_waits_on_full_nodes_whatever_they_said(build: Any, release: str) -> None:
    """Broken: a load test fails or not as its jobs come before or after a node has spoken."""
    cluster = build(release, outcome={"after": 100})
    jobs = [cluster.submit(f"j{n}", **ONE_CPU) for n in range(4)]
    await cluster.advance(40, step=5)
    jobs.append(cluster.submit("late", **ONE_CPU))
    assert {cluster.state(job) for job in jobs} == {JobState.RUNNING}
    assert cluster.orchestrator.get_job(cluster.submit("big", task_resources=Resources(cpu="4"))).state is JobState.FAILED


# Approval.


@pytest.mark.parametrize("release", RELEASED)
async def test_a_pending_node_gets_no_work_until_it_is_approved(build: Any, release: str) -> None:
    """Broken: nobody's approval is needed, or it changes nothing (scenario 31)."""
    cluster = build(release, node={"membership": Membership.PENDING})
    assert (cluster.node().membership, cluster.node().connection) == (Membership.PENDING, Connection.CONNECTED)
    assert cluster.orchestrator.get_job(cluster.submit("a")).message == NOBODY
    cluster.orchestrator.update_node(cluster.node().id, "approve")
    job = cluster.submit("b")
    await cluster.settle()
    assert (cluster.state(job), cluster.node().membership) == (JobState.COMPLETED, Membership.APPROVED)


async def test_approval_itself_wakes_no_job(build: Any) -> None:
    """Broken: a daemon starts on approval; servers look again at a node that joins, not at one that is approved."""
    cluster = build(outcome={"hang": True}, node={"membership": Membership.PENDING})
    daemon = cluster.submit("a", kind="daemon", count=None)
    queued = cluster.submit("b", task_timeouts=Timeouts(queue=600))
    cluster.orchestrator.update_node(cluster.node().id, "approve")
    await cluster.advance(58, step=2)
    assert (cluster.state(daemon), cluster.state(queued)) == (JobState.PENDING, JobState.QUEUED)
    await cluster.advance(3)
    assert (cluster.state(daemon), cluster.state(queued)) == (JobState.PENDING, JobState.RUNNING)


@pytest.mark.parametrize("release", SINCE_16)
async def test_a_rejected_node_is_cut_off_and_let_in_again_once_it_knocks(build: Any, release: str) -> None:
    """Broken: rejecting a node does not disconnect it, or an approved one is never, or too soon, back (scenario 31)."""
    cluster = build(release)
    await cluster.advance(20)
    cluster.orchestrator.update_node("n-0", "reject")
    node = cluster.node()
    assert (node.membership, node.connection, node.last_error) == (
        Membership.REJECTED,
        Connection.DISCONNECTED,
        "node rejected",
    )
    assert node.available == Capacity()
    assert (node.last_heartbeat - node.connected_since, node.disconnected_since > 0) == (15 * SECOND, True)
    assert cluster.orchestrator.get_job(cluster.submit("a")).message == NOBODY
    await cluster.advance(15)
    cluster.orchestrator.update_node("n-0", "approve")
    assert cluster.node().connection is Connection.DISCONNECTED
    await cluster.advance(6)
    node = cluster.node()
    assert (node.connection, node.disconnected_since, node.last_error) == (Connection.CONNECTED, 0, "")
    assert node.available.cpu == 2.0
    assert cluster.state(cluster.submit("b")) is JobState.RUNNING


async def test_a_node_that_is_turned_away_knocks_less_and_less_often(build: Any) -> None:
    """Broken: an approved node is back at once, although real ones wait for up to two minutes."""
    cluster = build()
    cluster.orchestrator.update_node("n-0", "reject")
    await cluster.advance(30 + 20 + 40 + 80 + 120 + 1, step=1)  # its fifth knock was a moment ago
    cluster.orchestrator.update_node("n-0", "approve")
    await cluster.advance(117, step=1)
    assert cluster.node().connection is Connection.DISCONNECTED
    await cluster.advance(3, step=1)
    assert cluster.node().connection is Connection.CONNECTED


async def test_152_goes_on_hearing_a_rejected_node(build: Any) -> None:
    """Broken: on 1.5.2 a rejected node loses its connection, its figures or its running job (scenario 31)."""
    cluster = build("1.5.2", outcome={"after": 100})
    running = cluster.submit("a", **ONE_CPU)
    await cluster.advance(31, step=1)
    cluster.orchestrator.update_node("n-0", "reject")
    cluster.orchestrator.stop_job(cluster.submit("b", task_timeouts=Timeouts(queue=60)))
    await cluster.advance(40, step=1)
    node = cluster.node()
    assert (node.membership, node.connection, node.last_error) == (Membership.REJECTED, Connection.CONNECTED, "")
    assert node.available.cpu == 1.0
    assert cluster.orchestrator.get_job(cluster.submit("c")).message == NOBODY
    await cluster.advance(60, step=1)
    assert (cluster.state(running), cluster.node().available.cpu) == (JobState.COMPLETED, 1.0)


@pytest.mark.parametrize(
    ("release", "again", "unknown"),
    [
        ("1.5.2", "node already {}", "nodeInfo not found for nodeID: n-nope"),
        ("1.6.5", "node n-0000 already {}", "node not found: n-nope"),
        ("1.9.3", "node n-0000 already {}", "node not found: n-nope"),
    ],
)
async def test_what_was_done_already_or_is_unknown_is_refused(
    build: Any, release: str, again: str, unknown: str
) -> None:
    """Broken: a script takes a second approval or a typing error for a success; the node is named as it was typed."""
    cluster = build(release)
    for action, word in (("approve", "approved"), ("reject", "rejected")):
        if word == "rejected":
            cluster.orchestrator.update_node("n-0000", action)
        with pytest.raises(OrchestratorError, match=f"^{again.format(word)}$") as refused:
            cluster.orchestrator.update_node("n-0000", action)
        if release != "1.5.2":
            assert (refused.value.status, refused.value.code) == (409, "ConflictNodeState")
    with pytest.raises(OrchestratorError, match=f"^{unknown}$"):
        cluster.orchestrator.update_node("n-nope", "delete")
    with pytest.raises(OrchestratorError):
        cluster.orchestrator.update_node("n-0000", "promote")


async def test_152_names_what_a_prefix_could_mean(build: Any) -> None:
    """Broken: an ambiguous prefix is an unknown node on 1.5.2."""
    cluster = build("1.5.2", nodes=5)
    with pytest.raises(OrchestratorError) as refused:
        cluster.orchestrator.update_node("n-0", "reject")
    ids = " ".join(cluster.node(number).id for number in (1, 2, 3))
    assert refused.value.message == f"multiple nodes found for nodeID prefix: n-0, matching nodeIDs: [{ids} ...]"


# Deletion.


@pytest.mark.parametrize("manual", [False, True])
@pytest.mark.parametrize("release", SINCE_16)
async def test_a_deleted_node_registers_anew(build: Any, release: str, manual: bool) -> None:
    """Broken: a deleted node is gone for ever, or back without the approval that newcomers need."""
    cluster = build(release, manual_approval=manual)
    node_id = cluster.node().id
    cluster.orchestrator.update_node(node_id, "delete")
    with pytest.raises(OrchestratorError, match="node not found"):
        cluster.node()
    await cluster.advance(29)
    with pytest.raises(OrchestratorError, match="node not found"):
        cluster.node()
    await cluster.advance(2)
    assert cluster.node().connection is Connection.CONNECTED
    assert cluster.node().membership is (Membership.PENDING if manual else Membership.APPROVED)


async def test_152_never_hears_of_a_deleted_node_again(build: Any) -> None:
    """Broken: a deleted node comes back on 1.5.2, or its running job is lost with it."""
    cluster = build("1.5.2", outcome={"after": 100})
    job = cluster.submit("a")
    await cluster.settle()
    cluster.orchestrator.update_node("n-0", "delete")
    await cluster.advance(120, step=10)
    assert cluster.orchestrator.list_nodes(NodeQuery()).items == ()
    assert cluster.state(job) is JobState.COMPLETED


@pytest.mark.parametrize("release", ["1.5.2", "1.9.3"])
async def test_the_own_node_speaks_for_itself(build: Any, release: str) -> None:
    """Broken: GET /agent/node shows what others did to the node in the list, or figures that lag behind."""
    cluster = build(release, outcome={"hang": True})
    cluster.submit("a")
    await cluster.settle()
    before = cluster.orchestrator.own_node()
    assert before.running == 1
    cluster.orchestrator.update_node(cluster.orchestrator.node_id, "reject")
    after = cluster.orchestrator.own_node()
    assert (after.membership, after.available) == (before.membership, before.available)


async def test_the_orchestrators_own_node_answers_even_when_deleted(build: Any) -> None:
    """Broken: GET /agent/node is an error after somebody cleaned up the list."""
    cluster = build("1.5.2")
    cluster.orchestrator.update_node("n-0", "delete")
    assert cluster.orchestrator.own_node().id == cluster.orchestrator.node_id
    with pytest.raises(OrchestratorError, match="Internal server error"):
        build("1.5.2", nodes=0).orchestrator.own_node()
