"""Every 30 seconds: jobs and executions beyond their limits, logs beyond their hour (fact sheet 5.5f, 5.9)."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator_stub.clock import SECOND, Clock
from orchestrator_stub.domain.states import ComputeState, JobType
from orchestrator_stub.store.memory import MemoryStore, Record

INTERVAL = 30 * SECOND
GRACE = 120 * SECOND
"""Nodes enforce limits themselves; the orchestrator steps in this much later."""

JOB_TIMEOUT = "job-timeout"
EXECUTION_TIMEOUT = "exec-timeout"


class Housekeeping:
    """Looks at live jobs only: what is finished costs nothing."""

    def __init__(
        self, clock: Clock, store: MemoryStore, look_at: Callable[[str, str], object], drop_old_logs: Callable[[], None]
    ) -> None:
        """`look_at(job_id, trigger)` enqueues an evaluation."""
        self._clock = clock
        self._store = store
        self._look_at = look_at
        self._drop_old_logs = drop_old_logs
        self._started = False

    def start(self) -> None:
        """Begin the rounds; a second call does nothing."""
        if not self._started:
            self._started = True
            self._wait()

    def _wait(self) -> None:
        self._clock.call_at(self._clock.now() + INTERVAL, self._round, holds=False)

    def _round(self) -> None:
        try:
            self._drop_old_logs()
            for record in self._store.live():
                trigger = self._overdue(record)
                if trigger:
                    self._look_at(record.job.id, trigger)
        finally:
            self._wait()

    def _overdue(self, record: Record) -> str:
        """Why the job must be looked at, "" when there is no reason."""
        job = record.job
        limits = job.task.timeouts
        if JobType(job.type).is_long_running:
            return ""
        now = self._clock.now()
        if limits.total > 0 and job.create_time < now - limits.total * SECOND - GRACE:
            return JOB_TIMEOUT
        limit = limits.execution or limits.total
        if limit > 0:
            since = now - limit * SECOND - GRACE
            for execution in record.executions:
                if execution.compute is ComputeState.BID_ACCEPTED and execution.modify_time < since:
                    return EXECUTION_TIMEOUT
        return ""
