"""Where a job's log comes from, in the release's ways (fact sheet 11.3; FINDINGS 1 row 11.3; FINDINGS-docker 8)."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.release import Release
from orchestrator_stub.engine.compute import Compute
from orchestrator_stub.logs.buffer import LogBuffer
from orchestrator_stub.store.memory import MemoryStore, Record, is_full_id


@dataclass(frozen=True, slots=True)
class LogSource:
    """Where the log of an execution comes from; one of `buffer`, `output`, `error`, `silent`, `waiting` is set."""

    execution: Execution | None = None
    engine: str = ""
    """Engine type in lower case."""
    buffer: LogBuffer | None = None
    """Log of the node: running (followers wait) or closed (the whole log, 1.8+)."""
    output: RunOutput | None = None
    """What a finished execution reported (up to 1.7); empty for one that failed or was stopped."""
    error: str = ""
    """Text of the one error frame; the socket is closed after it."""
    silent: bool = False
    """No frame ever comes (wasm on 1.8+ and while it runs; executions of 1.8+ that left no log)."""
    waiting: bool = False
    """The execution has no log yet; ask again."""


class Logs:
    """Finds logs."""

    def __init__(self, store: MemoryStore, compute: Compute, release: Release, *, strict: bool = False) -> None:
        """`strict`: nodes of 1.8+ keep silent about executions that failed or were killed (scenarios 74, 76)."""
        self._strict = strict
        self._store = store
        self._compute = compute
        self._release = release

    def source(self, ref: str, execution_id: str, namespace: str, version: int) -> LogSource:
        """The log of one execution of a job, by default the latest that counts."""
        head = f"failed to open log stream for job {ref}: "
        try:
            record = self._store.find(ref, namespace)
        except OrchestratorError as error:
            if self._release.logs_from_node:
                return LogSource(error=error.message)
            if self._release.full_id_lenient and is_full_id(ref):
                return LogSource(error=f"{head}bucket not found")
            return LogSource(error=head + error.message)
        job = record.job
        known = self._executions(record, version)
        if not known:
            text = f"no executions found for job {ref}"
            if self._release.unique_names:
                text = f"no executions found for job {job.name} with ID {job.id}, and version {version}"
            return LogSource(error=head + text)
        execution = _chosen(known, execution_id)
        if execution is None:
            text = f"unable to find execution {execution_id} in job {job.id}"
            if self._release.unique_names:
                text = f"{text} and job version {job.version}"
            return LogSource(error=head + text)
        return self._of(execution)

    def _executions(self, record: Record, version: int) -> list[Execution]:
        if not version or not self._release.unique_names:
            return record.executions
        return [e for e in record.executions if e.job_version == version]

    def _of(self, execution: Execution) -> LogSource:
        engine = execution.job.task.engine.type.lower()
        log = self._compute.log(execution.id)
        if execution.is_live and log is None:
            return LogSource(execution, engine, waiting=True)
        if engine == "wasm" and (self._release.logs_from_node or execution.is_live):
            return LogSource(execution, engine, silent=True)
        if not execution.is_live and not self._release.logs_from_node:
            return LogSource(execution, engine, output=execution.output or RunOutput())
        kept_back = self._strict and execution.compute.is_discarded
        if log is not None and not kept_back:
            return LogSource(execution, engine, buffer=log)
        return LogSource(execution, engine, silent=True)


def _chosen(executions: list[Execution], execution_id: str) -> Execution | None:
    """The one asked for (by full id), else the latest changed one that is live or completed."""
    if execution_id:
        return next((e for e in executions if e.id == execution_id), None)
    counted = [e for e in executions if not e.compute.is_discarded]
    return max(counted, key=lambda e: e.modify_time, default=None)
