"""What the orchestrator says to who wants a log: an error, what it knows itself, or the execution whose node to ask.

Fact sheet 11.3; FINDINGS 1 row 11.3; FINDINGS-docker 8. What nodes answer: `logservice`.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.release import Release
from orchestrator_stub.store.memory import MemoryStore, Record, is_full_id


@dataclass(frozen=True, slots=True)
class LogSource:
    """Where the log of a job comes from; one field is set."""

    error: str = ""
    """Text of the one error frame; the socket is closed after it."""
    output: RunOutput | None = None
    """What a finished execution reported (up to 1.7); empty for one that failed or was stopped."""
    execution: Execution | None = None
    """The execution whose node has the log."""


class Logs:
    """Finds logs."""

    def __init__(self, store: MemoryStore, release: Release) -> None:
        self._store = store
        self._release = release

    def source(self, ref: str, execution_id: str, namespace: str, version: int) -> LogSource:
        """The log of one execution of a job, by default the latest that counts."""
        head = "failed to open log stream for job "
        try:
            record = self._store.find(ref, namespace)
        except OrchestratorError as error:
            if self._release.logs_from_node:
                return LogSource(error=error.message)
            if self._release.full_id_lenient and is_full_id(ref):
                return LogSource(error=f"{head}{ref}: bucket not found")
            return LogSource(error=f"{head}{ref}: {error.message}")
        job = record.job
        shown = job.id if self._release.unique_names else ref
        known = self._executions(record, version)
        if not known:
            text = f"no executions found for job {shown}"
            if self._release.unique_names:
                text = f"no executions found for job {job.name} with ID {job.id}, and version {version}"
            return LogSource(error=f"{head}{shown}: {text}")
        execution = _chosen(known, execution_id)
        if execution is None:
            text = f"unable to find execution {execution_id} in job {shown}"
            if self._release.unique_names:
                text = f"{text} and job version {job.version}"
            return LogSource(error=f"{head}{shown}: {text}")
        if execution.is_live or self._release.logs_from_node:
            return LogSource(execution=execution)
        return LogSource(output=execution.output or RunOutput())

    def _executions(self, record: Record, version: int) -> list[Execution]:
        if not version or not self._release.unique_names:
            return record.executions
        return [e for e in record.executions if e.job_version == version]


def _chosen(executions: list[Execution], execution_id: str) -> Execution | None:
    """The one asked for (by full id), else the latest changed one that is live or completed."""
    if execution_id:
        return next((e for e in executions if e.id == execution_id), None)
    counted = [e for e in executions if not e.compute.is_discarded]
    return max(counted, key=lambda e: e.modify_time, default=None)
