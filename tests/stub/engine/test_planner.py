"""How changes are written: states, revisions, messages and transitions, release by release."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.plan import ChangeExecution, NewExecution, Observation, Plan
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.domain.topics import EXECUTION_RUNNING, STOPPED_WITH_JOB, requested_on
from orchestrator_stub.domain.transitions import ExecutionEvent
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.planner import Planner
from orchestrator_stub.store.memory import MemoryStore
from orchestrator_stub.store.queries import HistoryQuery

RELEASED = ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"]
SINCE_16 = RELEASED[1:]
TWICE = (
    "not enough nodes to run job. requested: 1, available: 1, suitable: 0.\n"
    "• Node n-00000001: job already executed on this node more than once"
)
STOPPED = "Execution stop requested because job has been stopped"


@pytest.mark.parametrize(("release", "expected"), [("1.5.2", (3, 3, "")), ("1.6.5", (5, 3, "Running"))])
async def test_running_batch_job_shows_its_approval(build: Any, release: str, expected: tuple[int, int, str]) -> None:
    """Broken: while a job runs, compute state, revision or messages differ from the recorded ones."""
    cluster = build(release, outcome={"hang": True})
    job = cluster.submit("a")
    execution = cluster.execution(job)
    assert (*cluster.numbers(job)[0], execution.compute_message) == expected
    assert (execution.desired, execution.desired_message) == (DesiredState.RUNNING, expected[2])


async def test_stop_on_152_is_wished_first_and_reported_later(build: Any) -> None:
    """Broken: 1.5.2's stopped execution has a message, or not five revisions."""
    cluster = build("1.5.2", outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    cluster.orchestrator.stop_job(job, "because")
    assert cluster.numbers(job) == [(3, 4)]
    await cluster.settle()
    assert cluster.numbers(job) == [(11, 5)]
    assert cluster.execution(job).compute_message == ""
    assert cluster.execution(job).desired_message == STOPPED


@pytest.mark.parametrize(("release", "running", "done"), [("1.5.2", (3, 2), (9, 3)), ("1.7.0", (1, 1), (9, 2))])
async def test_ops_states(build: Any, release: str, running: tuple[int, int], done: tuple[int, int]) -> None:
    """Broken: ops executions show another state while they run (FINDINGS 1 row 3.8)."""
    cluster = build(release, outcome={"after": 5})
    job = cluster.submit("a", kind="ops", count=None)
    await cluster.settle()
    assert cluster.numbers(job) == [running]
    await cluster.advance(6)
    assert cluster.numbers(job) == [done]
    assert cluster.orchestrator.get_job(job).count == (1 if release == "1.5.2" else 0)


async def test_docs_history_is_the_page_example(build: Any) -> None:
    """Broken: the transitions that the user's document prints: 1>1 1>2 2>3 3>3 3>5 5>7, revisions 1 to 6."""
    cluster = build("docs")
    job = cluster.submit("a")
    assert cluster.state(job) is JobState.PENDING
    await cluster.settle()
    number = cluster.orchestrator.release.compute_number
    items = cluster.orchestrator.history(job, HistoryQuery()).items
    steps = [(number(i.previous), number(i.new), i.revision) for i in items if i.execution_id]
    assert steps == [(1, 1, 1), (1, 2, 2), (2, 3, 3), (3, 3, 4), (3, 5, 5), (5, 7, 6)]
    jobs = [(i.previous, i.new, i.revision, i.comment) for i in items if not i.execution_id]
    assert jobs == [
        (JobState.PENDING, JobState.PENDING, 1, "Job created"),
        (JobState.PENDING, JobState.COMPLETED, 2, ""),
    ]


async def test_docs_ops_skips_the_bidding(build: Any) -> None:
    """Broken: an ops execution of the user's document bids (FINDINGS-1.1.0 section 2: 1>1 1>5 5>7)."""
    cluster = build("docs")
    job = cluster.submit("a", kind="ops")
    await cluster.settle()
    number = cluster.orchestrator.release.compute_number
    items = cluster.orchestrator.history(job, HistoryQuery(level="execution")).items
    assert [(number(i.previous), number(i.new)) for i in items] == [(1, 1), (1, 5), (5, 7)]


@pytest.mark.parametrize("late", [ExecutionEvent.BID, ExecutionEvent.COMPLETED, ExecutionEvent.FAILED])
def test_a_late_report_does_not_undo_a_stop(late: ExecutionEvent) -> None:
    """Broken: between the wish to stop and the node's word, another report revives the execution (1.5.2)."""
    store = MemoryStore(names=False)
    planner = Planner(store, RELEASES["1.5.2"], VirtualClock(), Ids(1))
    spec = Job("j-1", "a", "default", "batch", 0, 1, tasks=(Task("main", SpecConfig("fake")),))
    record = planner.create(spec)
    placed = NewExecution("n-1", 0, DesiredState.PENDING, requested_on("n-1"))
    execution = planner.apply(Plan("j-1", "ev-1", new=(placed,))).bid[0]
    planner.apply(Plan("j-1", "ev-2", changes=(ChangeExecution(execution.id, ExecutionEvent.STOPPED, STOPPED_WITH_JOB),)))
    before = (store.execution(execution.id), len(record.history))
    assert not planner.observe(Observation(execution.id, late, EXECUTION_RUNNING))
    assert (store.execution(execution.id), len(record.history)) == before
    assert planner.observe(Observation(execution.id, ExecutionEvent.STOPPED))
    assert store.execution(execution.id).compute is ComputeState.CANCELLED
