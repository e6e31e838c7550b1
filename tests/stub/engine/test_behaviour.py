"""Nodes that are worse than others, by themselves; over HTTP they are in control/test_nodes.py."""

from __future__ import annotations

import random
from typing import Any

import pytest

from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.domain.job import Timeouts
from orchestrator_stub.domain.plan import Observation
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.shape import Behaviour
from orchestrator_stub.domain.states import ComputeState, JobState
from orchestrator_stub.domain.transitions import ExecutionEvent
from orchestrator_stub.engine.behaviour import Behaviours
from orchestrator_stub.store.queries import ExecutionQuery

NODE = "n-00000001-0000-4000-8000-000000000001"


@pytest.fixture
def behaviours() -> Behaviours:
    """Of a cluster that has none yet."""
    return Behaviours(RELEASES["1.9.3"], VirtualClock(), random.Random(3))


def heard(behaviours: Behaviours, *changes: ExecutionEvent) -> list[ExecutionEvent]:
    """What is heard of one execution on node `a`."""
    found: list[ExecutionEvent] = []
    report = behaviours.heard(lambda _, seen: found.append(seen.change))
    for change in changes:
        report("a", Observation("e-1", change))
    return found


STORY = (ExecutionEvent.ASKED, ExecutionEvent.BID, ExecutionEvent.STARTED, ExecutionEvent.COMPLETED)


def test_nothing_is_heard_of_a_lost_execution_once_it_has_begun(behaviours: Behaviours) -> None:
    """A lost execution would look as if it had never begun, or its end would be known."""
    assert heard(behaviours, *STORY) == list(STORY)
    behaviours.put("a", Behaviour(lossy=1.0))
    assert heard(behaviours, *STORY) == list(STORY[:3])
    assert heard(behaviours, ExecutionEvent.REJECTED) == [ExecutionEvent.REJECTED]
    assert behaviours._lost == set(), "what is over is forgotten"


def test_a_share_is_lost(behaviours: Behaviours) -> None:
    """A node that loses one in four would lose half, or none."""
    behaviours.put("a", Behaviour(lossy=0.25))
    ends = sum(ExecutionEvent.COMPLETED in heard(behaviours, *STORY) for _ in range(2000))
    assert 1400 < ends < 1600


async def test_a_node_that_goes_down_in_a_slow_step_forgets_it(build: Any) -> None:
    """A program would begin on a machine that has no power."""
    cluster = build("1.9.3", outcome={"after": 5})
    cluster.orchestrator.fleet.behave([(NODE, Behaviour(slow=10))])
    job = cluster.submit("a")
    await cluster.advance(5)
    held = cluster.orchestrator._compute._held[cluster.execution(job).id]
    assert held.pause is not None
    cluster.orchestrator.fleet.drop(NODE)
    assert held.pause is None, "nothing of it holds the clock"
    await cluster.advance(20)
    assert cluster.runner.works == []
    cluster.orchestrator.fleet.rejoin(NODE)
    await cluster.advance(5)
    assert cluster.state(job) is JobState.PENDING


@pytest.mark.parametrize("release", ["1.5.2", "1.9.3", "docs"])
async def test_a_job_on_a_slow_node_ends_in_every_release(build: Any, release: str) -> None:
    """In a release whose nodes keep offers back a slow one would never begin."""
    cluster = build(release, outcome={"after": 5})
    cluster.orchestrator.fleet.behave([(NODE, Behaviour(slow=10))])
    first, second = cluster.submit("a", task_timeouts=Timeouts(execution=60)), cluster.submit("b", kind="ops")
    await cluster.advance(24)
    assert cluster.state(first) is not JobState.COMPLETED
    await cluster.advance(60)
    assert (cluster.state(first), cluster.state(second)) == (JobState.COMPLETED, JobState.COMPLETED)


async def test_a_service_on_a_slow_node_comes_back_after_a_restart(build: Any) -> None:
    """A service would be gone for good after its slow machine started again."""
    cluster = build("1.9.3", outcome={"hang": True})
    cluster.orchestrator.fleet.behave([(NODE, Behaviour(slow=10))])
    job = cluster.submit("a", kind="service")
    await cluster.advance(25)
    cluster.orchestrator.fleet.drop(NODE)
    await cluster.advance(5)
    cluster.orchestrator.fleet.rejoin(NODE)
    await cluster.advance(9)
    assert len(cluster.runner.works) == 1
    await cluster.advance(2)
    assert len(cluster.runner.works) == 2
    assert cluster.state(job) is JobState.RUNNING
    await cluster.orchestrator.close()


async def test_an_ordinary_cluster_draws_no_luck_for_its_behaviour(build: Any) -> None:
    """A stub whose nodes are as good as any would give other ids because of a power that nobody uses."""
    plain, used = build("1.9.3", nodes=3), build("1.9.3", nodes=3)
    used.orchestrator.fleet.behave([(NODE, Behaviour(rejecting="no"))])
    used.orchestrator.fleet.behave([(NODE, Behaviour())])
    found = []
    for cluster in (plain, used):
        jobs = [cluster.submit(f"job{number}") for number in range(5)]
        await cluster.settle()
        pages = [cluster.orchestrator.executions(job, ExecutionQuery()).items for job in jobs]
        found.append([(e.id, e.node_id, e.compute) for page in pages for e in page])
    assert found[0] == found[1]
    assert {state for _, _, state in found[0]} == {ComputeState.COMPLETED}
