"""A stub that starts where another one was killed: what becomes of live work (FINDINGS 4), and which nodes are there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator_stub.domain.job import Constraint, Resources, Timeouts
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import ComputeState, Connection, JobState, Membership
from orchestrator_stub.engine.keeper import Keeper
from orchestrator_stub.engine.restart import nodes_again
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery

SINCE_16 = ["1.6.5", "1.7.0", "1.8.0", "1.9.3"]
HANGS = {"hang": True}


class Lives:
    """One orchestrator after the other on the same state, each killed by the next."""

    def __init__(self, build: Any, folder: Path, release: str) -> None:
        self.build, self.folder, self.release = build, folder, release
        self.keepers: list[Keeper] = []

    async def next(self, **how: Any) -> Any:
        """Kill the one that runs, and start on what was on disk then."""
        folder = self.folder / f"life-{len(self.keepers)}"
        if self.keepers:
            await self.keepers[-1].saved()
            shutil.copytree(self.folder / f"life-{len(self.keepers) - 1}", folder)
        keeper = Keeper(folder, RELEASES[self.release])
        cluster = self.build(self.release, keeper=keeper, **{"outcome": HANGS} | how)
        keeper.start(cluster.clock, cluster.orchestrator.ids)
        await cluster.orchestrator.resume()
        self.keepers.append(keeper)
        await cluster.settle()
        return cluster


@pytest.fixture
async def lives(build: Any, tmp_path: Path) -> Any:
    """`lives("1.9.3")`, then `await lives.next()` for one life after the other."""
    made: list[Lives] = []

    def live(release: str = "1.9.3") -> Lives:
        made.append(Lives(build, tmp_path, release))
        return made[0]

    yield live
    for keeper in made[0].keepers:
        await keeper.close()


def states(cluster: Any, job: str) -> list[ComputeState]:
    """States of a job's executions, oldest first."""
    return [e.compute for e in cluster.orchestrator.executions(job, ExecutionQuery()).items]


@pytest.mark.parametrize("release", SINCE_16)
async def test_since_16_batch_fails_and_is_placed_again_and_what_lasts_runs_on(lives: Any, release: str) -> None:
    """Broken: running work is dealt with otherwise than by a released server (FINDINGS 4)."""
    life = lives(release)
    cluster = await life.next(nodes=2)
    kinds = {kind: cluster.submit(kind, kind=kind) for kind in ("batch", "service", "ops", "daemon")}
    await cluster.settle()
    stories = {kind: cluster.story(job) for kind, job in kinds.items()}
    cluster = await life.next(nodes=2)
    assert states(cluster, kinds["batch"]) == [ComputeState.FAILED, ComputeState.BID_ACCEPTED]
    failed = cluster.execution(kinds["batch"])
    assert (failed.compute_message, failed.desired_message) == ("Failing due to node restart", "execution failed")
    assert cluster.state(kinds["batch"]) is JobState.RUNNING
    (service,) = cluster.orchestrator.executions(kinds["service"], ExecutionQuery()).items
    assert (service.compute, service.compute_message) == (ComputeState.ASK_FOR_BID_ACCEPTED, "Running")
    assert states(cluster, kinds["daemon"]) == [ComputeState.NEW, ComputeState.NEW]
    for kind in ("service", "daemon"):
        assert cluster.state(kinds[kind]) is JobState.RUNNING
        assert cluster.story(kinds[kind]) == stories[kind], "no line of history"
    assert cluster.state(kinds["ops"]) is JobState.FAILED
    assert set(states(cluster, kinds["ops"])) == {ComputeState.FAILED}
    stood = [cluster.numbers(job) for job in kinds.values()]
    await cluster.advance(60, step=5)
    assert [cluster.numbers(job) for job in kinds.values()] == stood, "the nodes that joined change nothing more"
    running = {execution.job_id for n in (1, 2) for execution, _ in cluster.orchestrator._compute.active(cluster.node(n).id)}
    assert running == {kinds["batch"], kinds["service"], kinds["daemon"]}


@pytest.mark.parametrize("release", ["1.5.2", "docs"])
async def test_152_leaves_everything_as_it_was_and_runs_nothing(lives: Any, release: str) -> None:
    """Broken: 1.5.2 notices what was lost (FINDINGS 4: Running for ever, execution 3)."""
    life = lives(release)
    cluster = await life.next()
    jobs = [cluster.submit(kind, kind=kind) for kind in ("batch", "service")]
    await cluster.settle()
    before = [(cluster.state(job), cluster.numbers(job), cluster.story(job)) for job in jobs]
    cluster = await life.next()
    assert [(cluster.state(job), cluster.numbers(job), cluster.story(job)) for job in jobs] == before
    assert (cluster.orchestrator.active(), (await cluster.told()).available.cpu) == ([], 2.0)


@pytest.mark.parametrize("release", ["1.5.2", "1.9.3"])
async def test_what_waits_to_be_looked_at_waits_for_ever(lives: Any, release: str) -> None:
    """Broken: a Pending or Queued job is scheduled after a crash; released servers forget their evaluations."""
    life = lives(release)
    cluster = await life.next()
    nowhere = {"constraints": (Constraint("zone", "=", ("none",)),), "task_timeouts": Timeouts(queue=600)}
    queued = cluster.submit("q", **nowhere)
    cluster = await life.next(nodes=0)
    cluster.add_node(1, labels={"zone": "none"})
    await cluster.advance(400, step=20)
    assert (cluster.state(queued), states(cluster, queued)) == (JobState.QUEUED, [])
    cluster.orchestrator.stop_job(queued)
    assert cluster.state(queued) is JobState.STOPPED


async def test_an_offer_that_nobody_took_is_forgotten(lives: Any) -> None:
    """Broken: a node fails what it never ran."""
    life = lives("1.9.3")
    cluster = await life.next()
    cluster.orchestrator.fleet.drop(cluster.orchestrator.fleet.find("n-0"))
    job = cluster.submit("a")
    assert cluster.numbers(job) == [(1, 1)]
    cluster = await life.next()
    assert (cluster.numbers(job), cluster.state(job)) == ([(1, 1)], JobState.PENDING)


async def test_what_is_over_stays_as_it_is(lives: Any) -> None:
    """Broken: a finished job changes, or its results are gone, with every start."""
    life = lives("1.9.3")
    cluster = await life.next(outcome={"stdout": b"hello", "exit_code": 3})
    job = cluster.submit("a", meta={"who": "me"}, labels={"l": "v"})
    await cluster.settle()
    cluster.orchestrator.rerun(job)
    await cluster.settle()

    def known(at: Any) -> Any:
        everything = at.orchestrator
        history = everything.history(job, HistoryQuery(all_versions=True)).items
        return everything.versions(job), everything.executions(job, ExecutionQuery(all_versions=True)).items, history

    before = known(cluster)
    assert [version.state for version in before[0]] == [JobState.COMPLETED, JobState.COMPLETED]
    for _ in range(2):
        cluster = await life.next()
        assert known(cluster) == before


async def test_what_was_stopped_is_not_run_again(lives: Any) -> None:
    """Broken: a job that was stopped just before the crash runs after it."""
    life = lives("1.9.3")
    cluster = await life.next()
    job = cluster.submit("a", kind="service")
    await cluster.settle()
    cluster.orchestrator.stop_job(job)
    cluster = await life.next()
    assert (cluster.state(job), states(cluster, job)) == (JobState.STOPPED, [ComputeState.CANCELLED])
    assert cluster.orchestrator.active() == []


async def test_what_runs_on_holds_its_capacity_and_can_be_stopped(lives: Any) -> None:
    """Broken: a node gives away what a service has, or a service can never be stopped after a restart."""
    life = lives("1.9.3")
    cluster = await life.next()
    wants = {"task_resources": Resources(cpu="2")}
    service = cluster.submit("s", kind="service", **wants)
    await cluster.settle()
    for _ in range(2):
        cluster = await life.next()
        assert states(cluster, service) == [ComputeState.ASK_FOR_BID_ACCEPTED]
    assert [execution.job_id for execution, _ in cluster.orchestrator.active()] == [service]
    assert (await cluster.told()).available.cpu == 0
    cluster.orchestrator.stop_job(service)
    await cluster.settle()
    assert states(cluster, service) == [ComputeState.CANCELLED]
    assert (await cluster.told()).available.cpu == 2.0


async def test_limits_hold_after_a_restart(lives: Any) -> None:
    """Broken: the rounds that look for overdue jobs begin with the first submit, so an old job never times out."""
    life = lives("1.5.2")
    cluster = await life.next()
    job = cluster.submit("a", task_timeouts=Timeouts(total=60))
    await cluster.settle()
    cluster = await life.next()
    await cluster.advance(250, step=5)
    assert cluster.state(job) is JobState.FAILED


async def test_an_engine_that_is_gone_fails_what_ran_with_it(lives: Any) -> None:
    """Broken: a stub that starts with another runner does not start at all."""
    life = lives("1.9.3")
    cluster = await life.next()
    job = cluster.submit("a", kind="service")
    await cluster.settle()
    made = life.build

    def without(*args: Any, **more: Any) -> Any:
        built = made(*args, **more)
        built.orchestrator._workbench.runners.clear()
        return built

    life.build = without
    cluster = await life.next()
    assert states(cluster, job)[0] is ComputeState.FAILED
    assert cluster.execution(job).compute_message == "no runner for engine fake on this node"


MADE = Node("n-1", labels={"name": "n-1"}, engines=("docker",), capacity=Capacity(16, 64, 500, 1))


def test_a_node_keeps_what_became_of_it() -> None:
    """Broken: a node that was rejected works again after a restart, or has its old labels, capacity and figures."""
    was = replace(
        MADE,
        labels={"zone": "b"},
        capacity=Capacity(2, 2, 2, 0),
        membership=Membership.REJECTED,
        connection=Connection.DISCONNECTED,
        engines=("wasm",),
        running=3,
        disconnected_since=5,
    )
    (node,) = nodes_again([MADE], [(was, True)], as_before=True)
    assert node == replace(
        MADE, labels={"zone": "b"}, capacity=Capacity(2, 2, 2, 0), membership=Membership.REJECTED
    ), "what it runs is up to the flags of this start"


def test_other_flags_are_right_about_everything_but_memberships() -> None:
    """Broken: a cluster file that was corrected has no effect while there is a data directory."""
    was = replace(MADE, labels={"zone": "b"}, capacity=Capacity(2, 2, 2, 0), membership=Membership.PENDING)
    (node,) = nodes_again([MADE], [(was, True), (replace(MADE, id="n-9"), True)], as_before=False)
    assert node == replace(MADE, membership=Membership.PENDING)


def test_nodes_that_were_added_are_there_again_and_deleted_ones_register_anew() -> None:
    """Broken: a node that was added while the stub ran is lost, or one that was deleted keeps its rejection."""
    added = replace(MADE, id="n-2", running=2, connection=Connection.DISCONNECTED)
    deleted = replace(MADE, membership=Membership.REJECTED)
    nodes = nodes_again([MADE], [(deleted, False), (added, True), (replace(MADE, id="n-3"), False)], as_before=True)
    assert nodes == [MADE, replace(MADE, id="n-2")]
