"""Every 30 seconds: jobs and executions beyond their limits, logs beyond their hour (fact sheet 5.5f, 5.9)."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable

from orchestrator_stub.clock import SECOND, Clock, Timer
from orchestrator_stub.domain.states import ComputeState, JobType
from orchestrator_stub.engine.keptlogs import LOG_KEPT
from orchestrator_stub.store.memory import MemoryStore, Record

INTERVAL = 30 * SECOND
GRACE = 120 * SECOND
"""Nodes enforce limits themselves; the orchestrator steps in this much later."""

JOB_TIMEOUT = "job-timeout"
EXECUTION_TIMEOUT = "exec-timeout"


class Housekeeping:
    """Goes its rounds only when one would find something: a day of waiting costs a virtual clock nothing."""

    def __init__(
        self,
        clock: Clock,
        store: MemoryStore,
        look_at: Callable[[str, str], object],
        drop_old_logs: Callable[[], int | None],
    ) -> None:
        """`look_at(job_id, trigger)` enqueues an evaluation. `drop_old_logs` says when the next one will be too old."""
        self._clock = clock
        self._store = store
        self._look_at = look_at
        self._drop_old_logs = drop_old_logs
        self._began = 0
        self._order = itertools.count(1)
        self._places: dict[str, int] = {}
        """Job id -> its place in the order of looking; whoever has none will not be overdue."""
        self._due: list[tuple[int, int, Record]] = []
        self._logs_due = 0
        self._timer: Timer | None = None

    def start(self, jobs: Iterable[Record] | None = None) -> None:
        """Begin the rounds, with these jobs, or all that there are; a second call does nothing."""
        if self._began:
            return
        self._began = self._logs_due = self._clock.now()
        for record in self._store.live() if jobs is None else jobs:
            self.watch(record)
        self._wait()

    def watch(self, record: Record) -> None:
        """A job is new, or has a new version with limits of its own."""
        place = self._places[record.job.id] = next(self._order)
        self._expect(record, place, self._clock.peek())
        self._wait()

    def _expect(self, record: Record, place: int, now: int) -> None:
        due = _earliest(record, now)
        if due is None:
            del self._places[record.job.id]
        else:
            heapq.heappush(self._due, (due, place, record))

    def _wait(self) -> None:
        """For the first round that may find something."""
        due = min(self._logs_due, self._due[0][0]) if self._due else self._logs_due
        rounds = max(-(-(due - self._began) // INTERVAL), (self._clock.peek() - self._began) // INTERVAL + 1)
        point = self._began + rounds * INTERVAL
        if self._timer is not None:
            if self._timer.due <= point:
                return
            self._timer.cancel()
        self._timer = self._clock.call_at(point, self._round, holds=False)

    def _round(self) -> None:
        self._timer = None
        now = self._clock.now()
        try:
            if self._logs_due <= now:
                self._logs_due = self._drop_old_logs() or now + LOG_KEPT
            for place, record in self._ripe(now):
                trigger = overdue(record, now)
                if trigger:
                    self._look_at(record.job.id, trigger)
                if self._places.get(record.job.id) == place:
                    self._expect(record, place, now)
        finally:
            self._wait()

    def _ripe(self, now: int) -> list[tuple[int, Record]]:
        """Jobs that may be overdue, in the order in which they came."""
        ripe = []
        while self._due and self._due[0][0] <= now:
            _, place, record = heapq.heappop(self._due)
            job = record.job
            if self._places.get(job.id) != place:
                continue
            if job.state.is_terminal or self._store.by_id(job.id) is not record:
                del self._places[job.id]
            else:
                ripe.append((place, record))
        return sorted(ripe, key=lambda each: each[0])


def overdue(record: Record, now: int) -> str:
    """Why the job must be looked at, "" when there is no reason. `now`: unix nanoseconds."""
    job = record.job
    limits = job.task.timeouts
    if JobType(job.type).is_long_running:
        return ""
    if limits.total > 0 and job.create_time < now - limits.total * SECOND - GRACE:
        return JOB_TIMEOUT
    limit = limits.execution or limits.total
    if limit > 0:
        since = now - limit * SECOND - GRACE
        for execution in record.executions:
            if execution.compute is ComputeState.BID_ACCEPTED and execution.modify_time < since:
                return EXECUTION_TIMEOUT
    return ""


def _earliest(record: Record, now: int) -> int | None:
    """When the job may be overdue, whatever its executions do until then, unix nanoseconds; None = never."""
    job = record.job
    limits = job.task.timeouts
    limit = limits.execution or limits.total
    if JobType(job.type).is_long_running or limit <= 0:
        return None
    running = (e.modify_time for e in record.executions if e.compute is ComputeState.BID_ACCEPTED)
    due = min((now, *running)) + limit * SECOND
    if limits.total > 0:
        due = min(due, job.create_time + limits.total * SECOND)
    return due + GRACE + 1
