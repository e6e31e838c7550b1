"""Nodes join, speak, are approved, rejected, deleted, lost, and come back (fact sheet 1.13; scenario 31)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Resources, Timeouts
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.states import ComputeState, Connection, JobState, Membership
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, NodeQuery

RELEASED = ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"]
SINCE_16 = RELEASED[1:]
GONE = "Execution stop requested because node has disappeared"
NOBODY = "not enough nodes to run job. requested: 1, available: 0, suitable: 0."
ONE_CPU = {"task_resources": Resources(cpu="1")}


def states(cluster: Any, job: str) -> list[ComputeState]:
    """States of a job's executions, oldest first."""
    return [e.compute for e in cluster.orchestrator.executions(job, ExecutionQuery()).items]


def number_of(node_id: str) -> int:
    """1 for the first node."""
    return int(node_id[-1])


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
    cluster = build(release, outcome={"after": 100})
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
    await cluster.advance(40, step=1)
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


async def test_the_orchestrators_own_node_answers_even_when_deleted(build: Any) -> None:
    """Broken: GET /agent/node is an error after somebody cleaned up the list."""
    cluster = build("1.5.2")
    cluster.orchestrator.update_node("n-0", "delete")
    assert cluster.orchestrator.own_node().id == cluster.orchestrator.node_id
    with pytest.raises(OrchestratorError, match="Internal server error"):
        build("1.5.2", nodes=0).orchestrator.own_node()


# Nodes that fall silent.


@pytest.mark.parametrize("kind", ["batch", "service"])
async def test_a_lost_nodes_execution_moves_to_another(build: Any, kind: str) -> None:
    """Broken: on 1.9.3 a job whose node died runs for ever, or is not moved (FINDINGS 2 row 5.5g)."""
    cluster = build("1.9.3", nodes=2, outcome={"hang": True})
    job = cluster.submit("a", kind=kind)
    await cluster.advance(30.5)
    lost = cluster.execution(job)
    number = number_of(lost.node_id)
    cluster.orchestrator.drop_node(lost.node_id)
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
    cluster.orchestrator.drop_node("n-00000001")
    await cluster.advance(100)
    assert sorted(states(cluster, job)) == [ComputeState.FAILED, ComputeState.NEW]
    cluster.orchestrator.rejoin_node("n-00000001")
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
    cluster.orchestrator.drop_node(cluster.execution(job).node_id)
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
    cluster.orchestrator.drop_node("n-0")
    await cluster.advance(100, step=5)
    cluster.orchestrator.rejoin_node("n-0")
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
    cluster.orchestrator.drop_node("n-0")
    await cluster.advance(10)
    assert cluster.orchestrator.active() == []
    cluster.orchestrator.rejoin_node("n-0")
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
    cluster.orchestrator.drop_node("n-0")
    job = cluster.submit("a")
    await cluster.advance(10)
    assert (cluster.state(job), cluster.numbers(job)) == (JobState.PENDING, [(1, 1)])
    cluster.orchestrator.rejoin_node("n-0")
    await cluster.settle()
    assert cluster.state(job) is JobState.COMPLETED


async def test_a_stop_reaches_a_node_once_it_is_back(build: Any) -> None:
    """Broken: a service that was stopped while its node was away runs for ever after."""
    cluster = build("1.9.3", outcome={"hang": True})
    job = cluster.submit("a", kind="service")
    await cluster.settle()
    cluster.orchestrator.drop_node("n-0")
    cluster.orchestrator.stop_job(job)
    assert cluster.numbers(job) == [(11, 4)]
    cluster.orchestrator.rejoin_node("n-0")
    await cluster.settle()
    assert cluster.orchestrator.active() == []
    assert (await cluster.told()).available.cpu == 2.0


async def test_only_a_live_node_falls_silent_and_only_a_silent_one_comes_back(build: Any) -> None:
    """Broken: a test that drops the wrong node, or drops it twice, is not told."""
    cluster = build()
    with pytest.raises(OrchestratorError, match="is not silent") as refused:
        cluster.orchestrator.rejoin_node("n-0")
    assert refused.value.status == 409
    with pytest.raises(OrchestratorError, match="node not found"):
        cluster.orchestrator.drop_node("n-9")
    cluster.orchestrator.drop_node("n-0")
    with pytest.raises(OrchestratorError, match="is silent already"):
        cluster.orchestrator.drop_node("n-0")
    cluster.orchestrator.rejoin_node("n-0")
    await cluster.advance(100, step=10)
    assert cluster.node().connection is Connection.CONNECTED


async def test_a_silent_node_that_was_deleted_registers_when_it_is_back(build: Any) -> None:
    """Broken: a dead node that was cleaned out of the list can never come back, or does so while it is dead."""
    cluster = build("1.9.3")
    node_id = cluster.node().id
    cluster.orchestrator.drop_node(node_id)
    cluster.orchestrator.update_node(node_id, "delete")
    await cluster.advance(100, step=10)
    assert cluster.orchestrator.list_nodes(NodeQuery()).items == ()
    cluster.orchestrator.rejoin_node(node_id)
    job = cluster.submit("a")
    await cluster.settle()
    assert cluster.state(job) is JobState.COMPLETED
