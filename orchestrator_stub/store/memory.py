"""Everything the orchestrator remembers, in memory, with the indices that keep questions cheap.

Only the planner calls what changes something (`put_*`, `add_*`). Values are frozen and shared, never copied.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.states import JobState

_HEX = "[0-9a-f]"
_FULL_ID = re.compile(rf"(?:j-)?{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}")
DEFAULT_NAMESPACE = "default"


@dataclass(slots=True)
class Record:
    """All about one job. Lists are only grown or changed in place by the planner."""

    job: Job
    """The latest version."""
    earlier: list[Job] = field(default_factory=list)
    """Earlier versions as they ended, ascending."""
    executions: list[Execution] = field(default_factory=list)
    """Oldest first."""
    history: list[HistoryItem] = field(default_factory=list)
    """Grown by `MemoryStore.add_history` alone."""

    def version(self, number: int) -> Job | None:
        """The job as of that version, None when there never was one."""
        return next((j for j in (*self.earlier, self.job) if j.version == number), None)


class Follower(Protocol):
    """Somebody who keeps what is about to change; there is none but while a replica lags."""

    def adding(self, record: Record) -> None:
        """A job is new."""
        ...

    def changing(self, record: Record) -> None:
        """Something of a job is going to change."""
        ...

    def changing_nodes(self) -> None:
        """The nodes are going to change."""
        ...


def not_found(ref: str) -> OrchestratorError:
    """A job that nobody knows."""
    return OrchestratorError(404, f"job not found: {ref}", code="NotFound", component="JobStore")


def is_full_id(ref: str) -> bool:
    """True for a complete job id (only such ids are never taken as a prefix)."""
    return _FULL_ID.fullmatch(ref) is not None


class MemoryStore:
    """Jobs, executions, history and nodes."""

    def __init__(self, *, names: bool) -> None:
        """`names`: jobs can also be looked up by name (1.8+)."""
        self._names_count = names
        self._records: dict[str, Record] = {}
        self._sorted_ids: list[str] = []
        self._in_order: list[Record] = []
        self._by_namespace: dict[str, list[Record]] = {}
        self._by_name: dict[tuple[str, str], Record] = {}
        self._by_execution: dict[str, Record] = {}
        self._live: dict[str, Record] = {}
        self.nodes: dict[str, Node] = {}
        self.label_keys: set[str] = set()
        """Label keys that any job ever had."""
        self.followers: list[Follower] = []

    # What the planner changes.

    def add_job(self, job: Job) -> Record:
        """A new job. Raises OrchestratorError 409 when its id is taken; also 400, 404 and 500, see `_refuse_id`."""
        self._refuse_id(job.id)
        record = self._record(job)
        self._records[job.id] = record
        insort(self._sorted_ids, job.id)
        self._in_order.append(record)
        self._by_namespace.setdefault(job.namespace, []).append(record)
        if self._names_count:
            self._by_name[job.name, job.namespace] = record
        self._live[job.id] = record
        self.label_keys.update(job.labels)
        for follower in self.followers:
            follower.adding(record)
        return record

    def put_job(self, record: Record, job: Job) -> None:
        """The job's next revision; a new version keeps the one before."""
        self._tell(record)
        if job.version != record.job.version:
            record.earlier.append(record.job)
            self.label_keys.update(job.labels)
        record.job = job
        if job.state.is_terminal:
            self._live.pop(job.id, None)
        else:
            self._live[job.id] = record

    def add_execution(self, record: Record, execution: Execution) -> None:
        """A new execution."""
        self._tell(record)
        record.executions.append(execution)
        self._by_execution[execution.id] = record

    def put_execution(self, record: Record, execution: Execution) -> None:
        """An execution's next revision."""
        self._tell(record)
        for at, known in enumerate(record.executions):
            if known.id == execution.id:
                record.executions[at] = execution
                return

    def add_history(self, record: Record, item: HistoryItem) -> None:
        """What happened to a job or one of its executions."""
        self._tell(record)
        record.history.append(item)

    def forget_jobs(self) -> None:
        """All jobs are gone, and all that belongs to them; nodes stay."""
        self._records.clear()
        self._sorted_ids.clear()
        self._in_order.clear()
        self._by_namespace.clear()
        self._by_name.clear()
        self._by_execution.clear()
        self._live.clear()
        self.label_keys.clear()

    def put_node(self, node: Node) -> None:
        """A node's latest word about itself."""
        self._tell_of_nodes()
        self.nodes[node.id] = node

    def remove_node(self, node_id: str) -> None:
        """Forget a node."""
        self._tell_of_nodes()
        self.nodes.pop(node_id, None)

    def _tell(self, record: Record) -> None:
        for follower in self.followers:
            follower.changing(record)

    def _tell_of_nodes(self) -> None:
        for follower in self.followers:
            follower.changing_nodes()

    def _record(self, job: Job) -> Record:
        return Record(job)

    # What everybody may ask.

    def __len__(self) -> int:
        return len(self._records)

    def live(self) -> list[Record]:
        """Jobs that are not over; what is finished costs nothing here."""
        return list(self._live.values())

    def live_ids(self) -> list[str]:
        """Ids of the jobs that are not over."""
        return list(self._live)

    def by_id(self, job_id: str) -> Record | None:
        """The job with exactly this id."""
        return self._records.get(job_id)

    def by_name(self, name: str, namespace: str) -> Record | None:
        """The job with this name (1.8+)."""
        return self._by_name.get((name, namespace))

    def by_execution(self, execution_id: str) -> Record | None:
        """The job of an execution."""
        return self._by_execution.get(execution_id)

    def execution(self, execution_id: str) -> Execution | None:
        """The execution with exactly this id."""
        record = self._by_execution.get(execution_id)
        return next((e for e in record.executions if e.id == execution_id), None) if record else None

    def _refuse_id(self, job_id: str) -> None:
        """A new id is looked up like any other: the beginning of a known id is taken, that of several is ambiguous.
        Its parts between slashes are names of nested buckets (released servers of 1.5.2 and 1.9.3).
        """
        parts = job_id.split("/")
        if "" in parts:
            raise OrchestratorError(400, "bucket name required", code="BadRequest", component="BoltDB")
        if len(parts) > 1:
            raise not_found(job_id)
        if (job_id in self._records) if is_full_id(job_id) else self._beginning_with(job_id):
            text = f"job already exists: {job_id}"
            raise OrchestratorError(409, text, code="ResourceInUse", component="JobStore")

    def _beginning_with(self, ref: str) -> str:
        """The one id that begins so, "" for none. Raises OrchestratorError 500 for more than one."""
        at = bisect_left(self._sorted_ids, ref)
        hits = [i for i in self._sorted_ids[at : at + 2] if i.startswith(ref)]
        if len(hits) > 1:
            raise OrchestratorError(
                500,
                f"multiple jobs found for id {ref}",
                code="MultipleJobsFound",
                component="JobStore",
                hint="Use full job ID",
            )
        return hits[0] if hits else ""

    def find(self, ref: str, namespace: str = "") -> Record:
        """A job by name (1.8+), full id or any prefix of an id (fact sheet 6).

        Raises OrchestratorError 404 for none, 500 for more than one.
        """
        record = self._by_name.get((ref, namespace or DEFAULT_NAMESPACE))
        if record is not None:
            return record
        known = (ref if ref in self._records else "") if is_full_id(ref) else self._beginning_with(ref)
        if not known:
            raise not_found(ref)
        return self._records[known]

    def in_order(self, namespace: str, *, reverse: bool = False) -> Iterator[Record]:
        """Jobs by creation; "" and "*" mean all namespaces."""
        records: Sequence[Record] = self._in_order
        if namespace not in ("", "*"):
            records = self._by_namespace.get(namespace, [])
        return reversed(records) if reverse else iter(records)

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in which state (for pages that show the stub itself)."""
        counts: dict[JobState, int] = {}
        for record in self._in_order:
            counts[record.job.state] = counts.get(record.job.state, 0) + 1
        return counts
