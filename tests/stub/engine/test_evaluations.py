"""How a look at a job goes."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Constraint, Resources, Timeouts
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.scheduler.snapshot import takes_work
from orchestrator_stub.store.queries import NodeQuery

NOWHERE = (Constraint("zone", "=", ("nowhere",)),)


async def test_a_job_that_nobody_understands_is_left_alone(build: Any) -> None:
    """Broken: one senseless job ends the looking at all others."""
    cluster = build()
    odd = cluster.submit("odd", constraints=(Constraint("zone", "gt", ("abc",)),))
    fine = cluster.submit("fine")
    await cluster.settle()
    assert (cluster.state(odd), cluster.state(fine)) == (JobState.PENDING, JobState.COMPLETED)


async def test_a_queued_job_is_looked_at_every_60_s_until_its_time_is_over(build: Any) -> None:
    """Broken: a queued job fails before its QueueTimeout, or is never looked at again (FINDINGS 3)."""
    cluster = build()
    job = cluster.submit("a", constraints=NOWHERE, task_timeouts=Timeouts(queue=130))
    await cluster.advance(130 + 49, step=7)
    assert cluster.state(job) is JobState.QUEUED
    await cluster.advance(2)
    assert cluster.state(job) is JobState.FAILED
    assert cluster.orchestrator.get_job(job).revision == 3
    assert len(cluster.story(job)) == 3


async def test_rerun_of_a_job_that_was_queued_and_stopped_stays_pending(build: Any) -> None:
    """Broken: a rerun that finds no node says Queued, which only a new job does (FINDINGS 3, Rerun)."""
    cluster = build()
    job = cluster.submit("a", constraints=NOWHERE, task_timeouts=Timeouts(queue=600))
    await cluster.advance(20)
    cluster.orchestrator.stop_job(job, "over")
    again = cluster.orchestrator.rerun(job)
    assert (again.job_version, cluster.state(job)) == (2, JobState.PENDING)
    await cluster.advance(560, step=10)
    assert cluster.state(job) is JobState.PENDING
    assert cluster.story(job) == ["Job rerun requested"]
    await cluster.advance(80, step=10)
    assert cluster.state(job) is JobState.FAILED


@pytest.mark.parametrize("release", ["1.5.2", "1.9.3"])
async def test_the_scheduler_sees_every_node_as_it_last_spoke(build: Any, release: str) -> None:
    """Broken: jobs are placed by a load that nodes have spoken of long ago, or have not spoken of yet."""
    cluster = build(release, nodes=5, outcome={"after": 7})
    orchestrator, dice = cluster.orchestrator, random.Random(release)
    for _ in range(150):
        deed = dice.randrange(8)
        node_id = node_id_of(dice.randrange(1, 6))
        with contextlib.suppress(OrchestratorError):
            if deed < 4:
                cluster.submit(str(dice.random()), task_resources=Resources(dice.choice(["0.5", "1", "2"])))
            elif deed == 4:
                orchestrator.update_node(node_id, dice.choice(["approve", "reject", "delete"]))
            elif deed == 5:
                dice.choice([orchestrator.fleet.drop, orchestrator.fleet.rejoin])(node_id)
            elif deed == 6:
                dice.choice([orchestrator.fleet.freeze, orchestrator.fleet.thaw])(node_id)
            else:
                orchestrator.fleet.resize(node_id, Capacity(dice.choice([1.0, 4.0]), 10**9, 10**9))
        await cluster.advance(dice.choice([0.1, 3, 14.99, 31]), step=40)
        known = orchestrator._cluster.workers().nodes
        shown = [node for node in orchestrator.list_nodes(NodeQuery()).items if takes_work(node)]
        assert sorted(map(weighed, known)) == sorted(map(weighed, shown))
    await orchestrator.close()


def node_id_of(number: int) -> str:
    """Id of a node of the cluster."""
    return f"n-0000000{number}-0000-4000-8000-00000000000{number}"


def weighed(node: Node) -> tuple[Any, ...]:
    """All that the scheduler weighs."""
    return node.id, repr((node.capacity, node.available, node.queue_used, node.enqueued, node.labels))


async def test_answers_come_while_a_job_is_placed_everywhere(start_stub: Any) -> None:
    """Broken: reads wait until a job runs on each of many nodes, or the submit is answered before it does."""
    _, client = await start_stub(nodes=400)
    task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "a"}}}
    job = {"Job": {"Name": "everywhere", "Type": "ops", "Tasks": [task]}}
    submit = asyncio.ensure_future(client.put("/api/v1/orchestrator/jobs", json=job))
    answers = 0
    while not submit.done():
        assert (await client.get("/api/v1/agent/alive")).status_code == 200
        answers += 1
    assert answers > 4
    executions = f"/api/v1/orchestrator/jobs/{(await submit).json()['JobID']}/executions"
    states = [each["ComputeState"]["StateType"] for each in (await client.get(executions)).json()["Items"]]
    assert len(states) == 400
    assert min(states) > 0
