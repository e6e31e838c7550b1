"""Batch and service jobs: Count partitions, each with one execution that counts (fact sheet 5.7, 5.8)."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState, JobType
from orchestrator_stub.domain.topics import BID_REFUSED, EXECUTION_RUNNING, JOB_COMPLETED, NOT_NEEDED, queued
from orchestrator_stub.domain.transitions import ExecutionEvent, derived_state
from orchestrator_stub.scheduler.draft import (
    Draft,
    fail_lost,
    fail_timed_out,
    stop_outdated,
    stop_with_failed_job,
)
from orchestrator_stub.scheduler.matching import match
from orchestrator_stub.scheduler.snapshot import SECOND

SUBMITTED = "job-register"
"""Trigger of a new job's evaluation: only such a job, or one that runs, is shown as Queued."""


def decide_batch(draft: Draft) -> None:
    """Approve offers, replace what failed, complete or fail the job."""
    snapshot = draft.snapshot
    job = snapshot.job
    service = job.type == JobType.SERVICE
    live = stop_outdated(draft, fail_lost(draft, list(snapshot.live))[0])
    if not service:
        live, _late = fail_timed_out(draft, live)
    counted = live if service else live + [e for e in snapshot.current if e.compute is ComputeState.COMPLETED]
    _approve(draft, counted)
    if not draft.fails_job or snapshot.release.retry_past_total_timeout:
        _place_missing(draft, counted)
    if draft.fails_job:
        stop_with_failed_job(draft, live)
        return
    if _all_done(draft):
        draft.complete_job(JOB_COMPLETED)
    draft.run_job()


def _all_done(draft: Draft) -> bool:
    """1.5.2 counts a service without partitions as done, too (FINDINGS 1 row 4.4)."""
    snapshot = draft.snapshot
    if not snapshot.release.partitions and snapshot.job.count == 0:
        return True
    return derived_state(snapshot.job, snapshot.executions) is JobState.COMPLETED


def _approve(draft: Draft, counted: list[Execution]) -> None:
    """In each partition the oldest offer is taken unless one runs or is done; the others are not needed."""
    for everyone in _by_partition(counted):
        done = any(e.compute is ComputeState.COMPLETED for e in everyone)
        group = sorted((e for e in everyone if e.is_live), key=lambda e: e.modify_time)
        kept = next((e for e in group if e.desired is DesiredState.RUNNING), None)
        offers = [e for e in group if e.compute is ComputeState.ASK_FOR_BID_ACCEPTED and e is not kept]
        if not done and kept is None:
            if offers:
                draft.change(offers[:1], ExecutionEvent.APPROVED, EXECUTION_RUNNING)
            draft.change(offers[1:], ExecutionEvent.REFUSED, BID_REFUSED)
            continue
        pending = [e for e in offers if e.desired is DesiredState.PENDING]
        others = [e for e in group if e not in pending and (done or e is not kept)]
        draft.change(pending, ExecutionEvent.REFUSED, BID_REFUSED)
        draft.change(others, ExecutionEvent.STOPPED, NOT_NEEDED)


def _by_partition(executions: Iterable[Execution]) -> list[list[Execution]]:
    groups: dict[int, list[Execution]] = {}
    for execution in executions:
        groups.setdefault(execution.partition, []).append(execution)
    return list(groups.values())


def _place_missing(draft: Draft, counted: list[Execution]) -> None:
    """An execution for each partition that has none, on a node of its own; too few nodes queue or fail the job."""
    snapshot = draft.snapshot
    job = snapshot.job
    used = {e.partition for e in counted}
    wanted = (job.count or 0) - len(used)
    if wanted <= 0:
        return
    found = match(snapshot)
    if found.suitable < wanted:
        if job.create_time < snapshot.now - job.task.timeouts.queue * SECOND:
            draft.fail_job(found.not_enough_event(wanted))
            return
        draft.look_again_at = snapshot.now + draft.look.settings.queue_backoff
        fresh = draft.look.evaluation.triggered_by == SUBMITTED
        if not found.suitable and (fresh or job.state is JobState.RUNNING):
            draft.queue_job(queued(found.not_enough(wanted)))
    missing = (p for p in range(job.count or 0) if p not in used)
    for node, partition in zip(found.best(wanted), missing, strict=False):
        draft.place(node.id, partition, DesiredState.PENDING)
