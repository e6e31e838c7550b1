"""What pages that show the stub itself may see: jobs of all namespaces, their executions, what they print."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.logs.buffer import LogBuffer
from orchestrator_stub.logs.streams import Stream
from orchestrator_stub.store.memory import MemoryStore, Record, is_full_id

if TYPE_CHECKING:
    from orchestrator_stub.engine.replica import Replica

PIECE = 256 * 1024
"""Bytes of a log that are read at once."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs a page lists, newest first."""

    words: str = ""
    """Each word stands in the job's id, name, namespace, image or labels; "" = all."""
    state: JobState | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of one job."""

    job: Job
    executions: tuple[Execution, ...]
    """Of all versions, oldest first."""
    history: tuple[HistoryItem, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of jobs."""

    jobs: tuple[tuple[Job, tuple[Execution, ...]], ...]
    total: int
    """How many there are in all that were asked for."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a stream that an execution wrote."""

    data: bytes
    next: int
    """Where the next piece begins, bytes."""
    is_last: bool
    """Nothing will come after it."""


class Overview:
    """Reads; changes nothing."""

    def __init__(
        self,
        store: MemoryStore,
        log_of: Callable[[str], LogBuffer | None],
        runner_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        """`log_of` gives the log of an execution, None where there is none (any more); `runner_of` the name of what
        runs it."""
        self._store = store
        self._log_of = log_of
        self._runner_of = runner_of

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in which state."""
        return self._store.counts()

    def jobs(self, wanted: Wanted) -> Found:
        """A page of jobs, newest first."""
        if not wanted.words and wanted.state is None:
            records = itertools.islice(
                self._store.in_order("", reverse=True), wanted.offset, wanted.offset + wanted.limit
            )
            return Found(_pairs(records), len(self._store))
        fitting = list(self._fitting(wanted))
        return Found(_pairs(fitting[wanted.offset : wanted.offset + wanted.limit]), len(fitting))

    def _fitting(self, wanted: Wanted) -> Iterator[Record]:
        words = wanted.words.lower().split()
        for record in self._store.in_order("", reverse=True):
            if wanted.state is not None and record.job.state is not wanted.state:
                continue
            if not words or _speaks_of(record.job, words):
                yield record

    def job(self, ref: str) -> Seen:
        """All about a job, by id or the beginning of one, of any namespace. Raises OrchestratorError 404, 500."""
        record = self._store.find(ref)
        return Seen(record.job, tuple(record.executions), tuple(record.history))

    def named(self, ref: str, namespace: str = "") -> tuple[str, ...]:
        """Id of the job that a request names; () for a name or a part of an id that is nobody's."""
        if is_full_id(ref):
            return (ref,)
        try:
            return (self._store.find(ref, namespace).job.id,)
        except OrchestratorError:
            return ()  # unknown, or several

    def runner_of(self, job_id: str) -> str:
        """Name of what runs a job, "" before it is on a node and once it is over."""
        record = self._store.by_id(job_id)
        names = (self._runner_of(each.id) for each in reversed(record.executions)) if record else ()
        return next(filter(None, names), "")

    def follow(self, lag: float) -> Replica:
        """A replica that hears of everything so many real seconds late, until it is closed."""
        from orchestrator_stub.engine.replica import Replica  # hardly any stub has one

        return Replica(self._store, lag)

    def live_on(self, node_id: str) -> list[Execution]:
        """Executions on a node that may still run."""
        return [
            execution
            for record in self._store.live()
            for execution in record.executions
            if execution.node_id == node_id and execution.is_live
        ]

    def piece(self, execution_id: str, stream: Stream, since: int) -> Piece | None:
        """What an execution wrote to a stream from byte `since` on; None when its log is not kept any more, or not yet.

        A finished execution of which no log is kept still has the head of its output in `Execution.output`.
        """
        log = self._log_of(execution_id)
        if log is None:
            return None
        is_last = log.closed
        try:
            data = log.piece(stream, since, PIECE)
        except FileNotFoundError:  # its hour ended a moment ago
            return None
        return Piece(data, since + len(data), is_last and since + len(data) >= log.size(stream))


def _pairs(records: Iterable[Record]) -> tuple[tuple[Job, tuple[Execution, ...]], ...]:
    return tuple((record.job, tuple(record.executions)) for record in records)


def _speaks_of(job: Job, words: list[str]) -> bool:
    image = str((job.task.engine.params or {}).get("Image", "")) if job.tasks else ""
    labels = " ".join(f"{key}={value}" for key, value in job.labels.items())
    text = f"{job.id} {job.name} {job.namespace} {image} {labels}".lower()
    return all(word in text for word in words)
