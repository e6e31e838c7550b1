"""A cluster in one process: virtual time, and a runner whose outcomes are data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import InputSource, Job, SpecConfig, Task, Timeouts
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.orchestrator import Orchestrator, Workbench
from orchestrator_stub.inputs.base import WHOLE, Part
from orchestrator_stub.publishers.base import Output
from orchestrator_stub.runners.base import Finished, Mount, Work
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery

GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the fake program does: seconds it takes on the clock, then how it ends."""

    after: float = 0.0
    exit_code: int = 0
    stdout: bytes = b""
    refuse: str = ""
    """Refuse the bid with this text."""
    fail: str = ""
    """Break with this text."""
    hang: bool = False


@dataclass
class FakeRunner:
    """A runner by data; `by_node` beats `outcome`."""

    clock: VirtualClock
    outcome: Outcome = field(default_factory=Outcome)
    by_node: Mapping[str, Outcome] = field(default_factory=dict)
    works: list[Work] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    name: str = "scripted"

    def check(self, task: Task) -> None:
        """Refuses when the outcome says so."""
        if self.outcome.refuse:
            raise StepError(self.outcome.refuse, details={"ErrorCode": "Docker:ImageNotFound"})

    async def run(self, work: Work) -> Finished:
        """Waits on the clock, writes, ends."""
        self.works.append(work)
        outcome = self.by_node.get(work.execution.node_id, self.outcome)
        try:
            if outcome.hang:
                await work.clock.for_ever()
            if outcome.after:
                await work.clock.sleep(outcome.after)
        except asyncio.CancelledError:
            self.killed.append(work.execution.id)
            raise
        if outcome.stdout:
            work.log.write(1, outcome.stdout)
        if outcome.fail:
            raise StepError(outcome.fail)
        return Finished(outcome.exit_code)


@dataclass
class FakePublisher:
    """Says where the files would be."""

    type: str = "fake"
    fail: str = ""
    outputs: list[Output] = field(default_factory=list)

    async def publish(self, output: Output) -> SpecConfig:
        """Remember and answer."""
        self.outputs.append(output)
        if self.fail:
            raise StepError(self.fail)
        return SpecConfig("fake", {"Name": output.execution.id})

    def result(self, published: SpecConfig, now: int) -> SpecConfig:
        """Add that it was asked for."""
        return SpecConfig(published.type, {**(published.params or {}), "Signed": True})


@dataclass
class FakeSource:
    """Inline data that is there or not."""

    type: str = "inline"
    missing: str = ""
    parts: list[Part] = field(default_factory=list)

    async def check(self, source: InputSource, part: Part = WHOLE) -> int:
        """Refuse when missing."""
        if self.missing:
            raise StepError(self.missing, details={"ErrorCode": "Bacalhau:"})
        return 1

    async def fetch(self, source: InputSource, folder: Path, part: Part = WHOLE) -> tuple[Mount, ...]:
        """One file."""
        self.parts.append(part)
        (folder / "data").write_text("x")
        return (Mount(folder / "data", source.target),)


@dataclass
class Cluster:
    """An orchestrator under test."""

    orchestrator: Orchestrator
    clock: VirtualClock
    runner: FakeRunner
    publisher: FakePublisher
    source: FakeSource
    folder: Path

    def submit(self, name: str = "", kind: str = "batch", count: int | None = 1, **changes: Any) -> str:
        """Submit a job built by `job`; returns its id."""
        return self.orchestrator.submit(job(name, kind, count, **changes)).job_id

    def job(self, name: str = "", kind: str = "batch", count: int | None = 1, **changes: Any) -> Job:
        """A job as a client submits it, see `job`."""
        return job(name, kind, count, **changes)

    def add_node(self, number: int, **changes: Any) -> None:
        """One more node."""
        self.orchestrator.add_node(node(number, **changes))

    def node(self, number: int = 1) -> Node:
        """A node as the orchestrator shows it."""
        return self.orchestrator.get_node(node_id(number))

    async def told(self, number: int = 1) -> Node:
        """A node after it has spoken of its load again."""
        await self.advance(31, step=31)
        return self.node(number)

    def execution(self, job_id: str) -> Execution:
        """The job's first execution."""
        return self.orchestrator.executions(job_id, ExecutionQuery()).items[0]

    async def settle(self) -> None:
        """Let everything that needs no time happen."""
        await self.orchestrator.pace.settle()
        for _ in range(30):
            await asyncio.sleep(0)

    async def advance(self, seconds: float, step: float = 1.0) -> None:
        """Move time in steps, letting things happen after each."""
        await self.settle()
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            await self.settle()

    def state(self, job_id: str) -> JobState:
        """State of a job."""
        return self.orchestrator.get_job(job_id).state

    def story(self, job_id: str, **query: Any) -> list[str]:
        """Messages of the job's history, in order."""
        items = self.orchestrator.history(job_id, HistoryQuery(**query)).items
        return [item.event.message for item in items if item.event]

    def numbers(self, job_id: str) -> list[tuple[int, int]]:
        """(compute number, revision) of each execution."""
        executions = self.orchestrator.executions(job_id, ExecutionQuery()).items
        return [(self.orchestrator.release.compute_number(e.compute), e.revision) for e in executions]


Build = Callable[..., Cluster]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Makes clusters: `build("1.9.3", nodes=1, outcome={"fail": ...}, by_node={node id: {...}})`."""

    def make(release: str = "1.9.3", nodes: int = 1, **more: Any) -> Cluster:
        clock = VirtualClock()
        by_node = {key: Outcome(**value) for key, value in more.pop("by_node", {}).items()}
        runner = FakeRunner(clock, Outcome(**more.pop("outcome", {})), by_node)
        publisher, source = FakePublisher(), FakeSource()
        runners = {"fake": runner, "wasm": runner}
        hint = more.pop("hint", lambda _: "")
        bench = Workbench(runners, {"inline": source, "slow": source}, {"fake": publisher}, tmp_path, hint=hint)
        orchestrator = Orchestrator(
            release=RELEASES[release],
            clock=clock,
            ids=Ids(7),
            nodes=[node(number, **more.pop("node", {})) for number in range(1, nodes + 1)],
            workbench=bench,
            **more,
        )
        return Cluster(orchestrator, clock, runner, publisher, source, tmp_path)

    yield make


def node_id(number: int) -> str:
    """Id of a node."""
    return f"n-0000000{number}-0000-4000-8000-00000000000{number}"


def node(number: int, **changes: Any) -> Node:
    """A node with 2 cores; `n-0000000N-...`."""
    values: dict[str, Any] = {
        "engines": ("fake", "wasm"),
        "publishers": ("fake",),
        "storage_sources": ("inline", "slow"),
        "labels": {"zone": f"z{number}"},
        "capacity": Capacity(2.0, 16 * GB, 100 * GB, 0),
    }
    return Node(node_id(number), **(values | changes))


def job(name: str = "", kind: str = "batch", count: int | None = 1, **changes: Any) -> Job:
    """A job as a client submits it; `task_...` changes the task."""
    task = {key.removeprefix("task_"): changes.pop(key) for key in list(changes) if key.startswith("task_")}
    values: dict[str, Any] = {"engine": SpecConfig("fake", {}), "timeouts": Timeouts()}
    return Job(
        id=str(changes.pop("id", "")),
        name=name,
        namespace=str(changes.pop("namespace", "")),
        type=kind,
        priority=changes.pop("priority", 0),
        count=count,
        tasks=(Task("main", **(values | task)),),
        state=JobState.UNDEFINED,
        **changes,
    )
