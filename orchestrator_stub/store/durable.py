"""The store that outlives its process: as `memory`, but it notes what changes, and begins with what is on disk.

Of what is on disk only the index is read at start; a job, its executions and its history are read when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.store.changes import Changes, Indexed, SavedLog
from orchestrator_stub.store.database import Database
from orchestrator_stub.store.memory import MemoryStore, Record


class SavedRecord(Record):
    """A job with its number on disk. A part that was not read yet is no attribute: to ask for it reads it."""

    __slots__ = ("_database", "number")

    def __init__(self, number: int, database: Database) -> None:
        """A job of which nothing was read yet."""
        self.number = number
        self._database = database

    def __getattr__(self, name: str) -> Any:
        """Called only for what is not there. What is changed is read before, so the disk still has it as it was."""
        if name in ("job", "earlier"):
            *self.earlier, self.job = self._database.versions(self.number)
        elif name == "executions":
            versions = {job.version: job for job in (*self.earlier, self.job)}
            self.executions = self._database.executions(self.number, versions)
        elif name == "history":
            self.history = self._database.history(self.number, self.job.id)
        else:
            raise AttributeError(name)
        return object.__getattribute__(self, name)


class DurableStore(MemoryStore):
    """Knows what has changed since it was last taken away to be written."""

    def __init__(self, database: Database, *, names: bool) -> None:
        """Begin with what is on disk. `names`: as of `MemoryStore`. Raises sqlite3.Error."""
        super().__init__(names=names)
        self._database = database
        self._changes = Changes()
        self._is_quiet = True
        self._number = 0
        self.count = 0
        """How many changes there were; only ever grows."""
        self.changed: Callable[[], None] = _nothing
        """Called at the first change after a `take`."""
        index = database.index()
        self.machines = index.nodes
        """Every node of before, in the order of joining, and whether the orchestrator knew it."""
        self.facts = dict(index.facts)
        self.label_keys |= index.label_keys
        self.logs: dict[str, int] = index.logs
        """Execution -> when the time of its log is over, unix nanoseconds."""
        by_number = {job.number: self._index(job) for job in index.jobs}
        self._sorted_ids.sort()
        for execution_id, number in index.executions:
            self._by_execution[execution_id] = by_number[number]

    def _index(self, job: Indexed) -> SavedRecord:
        record = SavedRecord(job.number, self._database)
        self._number = job.number
        self._records[job.id] = record
        self._sorted_ids.append(job.id)
        self._in_order.append(record)
        self._by_namespace.setdefault(job.namespace, []).append(record)
        if self._names_count:
            self._by_name[job.name, job.namespace] = record
        if not job.is_over:
            self._live[job.id] = record
        return record

    # What the planner changes.

    def add_job(self, job: Job) -> Record:
        """A new job, see `MemoryStore`."""
        record = super().add_job(job)
        number = _number_of(record)
        self._changes.new[number] = job
        self._changes.put_job(number, job, is_new=True)
        self._changes.label_keys.update(job.labels)
        self._note()
        return record

    def put_job(self, record: Record, job: Job) -> None:
        """The job's next revision."""
        is_new = job.version != record.job.version
        super().put_job(record, job)
        self._changes.put_job(_number_of(record), job, is_new=is_new)
        if is_new:
            self._changes.label_keys.update(job.labels)
        self._note()

    def add_execution(self, record: Record, execution: Execution) -> None:
        """A new execution."""
        super().add_execution(record, execution)
        self._put_execution(record, len(record.executions) - 1)

    def put_execution(self, record: Record, execution: Execution) -> None:
        """An execution's next revision."""
        super().put_execution(record, execution)
        for place, known in enumerate(record.executions):
            if known is execution:
                self._put_execution(record, place)
                return

    def _put_execution(self, record: Record, place: int) -> None:
        self._changes.executions[_number_of(record), place] = record.executions[place]
        self._note()

    def add_history(self, record: Record, item: HistoryItem) -> None:
        """What happened to a job or one of its executions."""
        super().add_history(record, item)
        self._changes.history.append((_number_of(record), item))
        self._note()

    def put_node(self, node: Node) -> None:
        """A node's latest word about itself."""
        super().put_node(node)
        self._changes.nodes[node.id] = node, True
        self._note()

    def remove_node(self, node_id: str) -> None:
        """Forget a node; its machine is still there."""
        node = self.nodes.get(node_id)
        super().remove_node(node_id)
        if node is not None:
            self._changes.nodes[node_id] = node, False
            self._note()

    def forget_jobs(self) -> None:
        """All jobs are gone, and all that belongs to them."""
        super().forget_jobs()
        self.logs.clear()
        self._changes.forget()
        self._note()

    def put_log(self, execution_id: str, log: SavedLog) -> None:
        """The log of a finished execution is kept from now on."""
        self.logs[execution_id] = log.due
        self._changes.logs[execution_id] = log
        self._note()

    def drop_log(self, execution_id: str) -> None:
        """The time of a log is over."""
        if self.logs.pop(execution_id, None) is not None:
            self._changes.logs[execution_id] = None
            self._note()

    def log(self, execution_id: str) -> SavedLog | None:
        """A log that was kept before this start."""
        return self._database.log(execution_id) if execution_id in self.logs else None

    def put_fact(self, name: str, value: str) -> None:
        """Something about the stub itself."""
        if self.facts.get(name) != value:
            self.facts[name] = value
            self._changes.facts[name] = value
            self._note()

    # What the writer takes.

    def take(self) -> Changes:
        """All that is not on disk yet; whoever takes it writes it, or puts it back."""
        taken, self._changes = self._changes, Changes()
        self._is_quiet = True
        return taken

    def put_back(self, taken: Changes) -> None:
        """It could not be written; what has changed since is newer."""
        self._changes = taken.followed_by(self._changes)

    def _note(self) -> None:
        self.count += 1
        if self._is_quiet:
            self._is_quiet = False
            self.changed()

    def _record(self, job: Job) -> Record:
        self._number += 1
        record = SavedRecord(self._number, self._database)
        record.job, record.earlier, record.executions, record.history = job, [], [], []
        return record


def _number_of(record: Record) -> int:
    assert isinstance(record, SavedRecord), "this store makes no others"
    return record.number


def _nothing() -> None:
    pass
