"""The orchestrator's use-cases: everything the api and the control surface can ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator_stub.clock import Clock
from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.job import Job, SpecConfig
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.logs.buffer import LogBuffer
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery, NodeQuery, Page

if TYPE_CHECKING:
    from orchestrator_stub.engine.compute import Workbench
    from orchestrator_stub.engine.ids import Ids


@dataclass(frozen=True, slots=True)
class Submitted:
    """Answer to an accepted job."""

    job_id: str
    eval_id: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rerun:
    """Answer to an accepted rerun (1.8+)."""

    job_id: str
    eval_id: str
    job_version: int


@dataclass(frozen=True, slots=True)
class LogSource:
    """Where the log of an execution comes from; exactly one of `buffer`, `output`, `error`, `silent` is set."""

    execution: Execution | None = None
    engine: str = ""
    """Engine type in lower case."""
    buffer: LogBuffer | None = None
    """Log of the node: running (followers wait) or closed (whole log, 1.8+)."""
    output: RunOutput | None = None
    """What a finished execution reported (up to 1.7)."""
    error: str = ""
    """Text of the one error frame; the socket is closed after it."""
    silent: bool = False
    """No frame ever comes (wasm on 1.8+, executions that never started there)."""


class Orchestrator:
    """One orchestrator with its compute nodes. All methods are called on the event loop."""

    release: Release
    clock: Clock
    node_id: str
    """The orchestrator's own node id."""

    def __init__(
        self, *, release: Release, clock: Clock, ids: Ids, nodes: Sequence[Node], workbench: Workbench, node_id: str = ""
    ) -> None:
        raise NotImplementedError

    def submit(self, job: Job, *, force: bool = False, given: frozenset[str] = frozenset()) -> Submitted:
        raise NotImplementedError

    def get_job(self, ref: str, namespace: str = "", version: int | None = None) -> Job:
        raise NotImplementedError

    def list_jobs(self, query: JobQuery) -> Page[Job]:
        raise NotImplementedError

    def stop_job(self, ref: str, reason: str = "", namespace: str = "") -> str:
        raise NotImplementedError

    def history(self, ref: str, query: HistoryQuery) -> Page[HistoryItem]:
        raise NotImplementedError

    def executions(self, ref: str, query: ExecutionQuery) -> Page[Execution]:
        raise NotImplementedError

    def results(self, ref: str, namespace: str = "") -> list[SpecConfig]:
        raise NotImplementedError

    def versions(self, ref: str, namespace: str = "") -> list[Job]:
        raise NotImplementedError

    def list_nodes(self, query: NodeQuery) -> Page[Node]:
        raise NotImplementedError

    def get_node(self, ref: str) -> Node:
        raise NotImplementedError

    def update_node(self, ref: str, action: str, message: str = "") -> None:
        raise NotImplementedError

    def log_source(self, ref: str, execution_id: str = "", namespace: str = "", version: int = 0) -> LogSource:
        raise NotImplementedError
