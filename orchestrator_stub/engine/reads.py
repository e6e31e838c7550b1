"""What can be asked about jobs: the orchestrator's use-cases that change nothing."""

from __future__ import annotations

from orchestrator_stub.clock import Clock
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import ComputeState, JobType
from orchestrator_stub.engine.logsource import Logs, LogSource
from orchestrator_stub.engine.run import Workbench
from orchestrator_stub.store import reading
from orchestrator_stub.store.memory import MemoryStore, Record, is_full_id
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery, Page


class Reads:
    """The part of the orchestrator that reads jobs."""

    release: Release
    clock: Clock
    _store: MemoryStore
    _workbench: Workbench
    _logs: Logs

    def get_job(self, ref: str, namespace: str = "", version: int | None = None) -> Job:
        """A job by full id, prefix or (1.8+) name. Raises OrchestratorError 404, 500 for an ambiguous prefix."""
        record = self._store.find(ref, namespace)
        if not version or not self.release.unique_names:
            return record.job
        return self._version(record, version)

    def _version(self, record: Record, version: int) -> Job:
        job = record.version(version)
        if job is None:
            text = f"job version {version} not found for job {record.job.id}"
            raise OrchestratorError(404, text, code="NotFound", component="JobStore")
        return job

    def list_jobs(self, query: JobQuery) -> Page[Job]:
        """A page of jobs. Raises OrchestratorError 400 for a bad token, 500 for an unknown order."""
        return reading.list_jobs(self._store, query, self.release)

    def history(self, ref: str, query: HistoryQuery) -> Page[HistoryItem]:
        """A page of a job's history. Raises OrchestratorError 404, 400 for a bad token."""
        try:
            record = self._store.find(ref, query.namespace)
        except OrchestratorError:
            if self.release.full_id_lenient and is_full_id(ref):
                return Page(())
            raise
        return reading.history(record, query, self.release)

    def executions(self, ref: str, query: ExecutionQuery) -> Page[Execution]:
        """Executions of a job. Raises OrchestratorError 404, up to 1.7 500 for an unknown order."""
        try:
            record = self._store.find(ref, query.namespace)
        except OrchestratorError:
            if self.release.full_id_lenient and is_full_id(ref):
                raise OrchestratorError(
                    404, "bucket not found", code="BoltDBBucketNotFound", component="BoltDB"
                ) from None
            raise
        return reading.executions(record, query, self.release)

    def results(self, ref: str, namespace: str = "") -> list[SpecConfig]:
        """What completed executions published, as clients may fetch it now.

        Raises OrchestratorError 404, 500 (masked) for services and daemons.
        """
        record = self._store.find(ref, namespace)
        job = record.job
        if JobType(job.type).is_long_running:
            raise OrchestratorError(500, "Internal server error", component="Unknown")
        now = self.clock.peek()
        return [
            self._result(e.job.task.publisher.type, e.published, now)
            for e in record.executions
            if e.compute is ComputeState.COMPLETED and e.job_version == job.version and e.published.type
        ]

    def _result(self, kind: str, published: SpecConfig, now: int) -> SpecConfig:
        publisher = self._workbench.publishers.get(kind.lower())
        return published if publisher is None else publisher.result(published, now)

    def versions(self, ref: str, namespace: str = "") -> list[Job]:
        """All versions of a job, ascending (1.8+). Raises OrchestratorError 404."""
        record = self._store.find(ref, namespace)
        return [*record.earlier, record.job]

    def log_source(self, ref: str, execution_id: str = "", namespace: str = "", version: int = 0) -> LogSource:
        """Where the log of a job comes from; never raises: refusals are error frames."""
        return self._logs.source(ref, execution_id, namespace, version)
