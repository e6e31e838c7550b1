"""Ops jobs: one execution on every node that suits, once (fact sheet 5.8)."""

from __future__ import annotations

from orchestrator_stub.domain.states import ComputeState, DesiredState
from orchestrator_stub.domain.topics import JOB_COMPLETED, JOB_EXECUTIONS_FAILED
from orchestrator_stub.scheduler.draft import (
    Draft,
    fail_lost,
    fail_timed_out,
    stop_outdated,
    stop_with_failed_job,
)
from orchestrator_stub.scheduler.matching import match


def decide_ops(draft: Draft) -> None:
    """Place on suitable nodes that have not seen this version; over when nothing is live any more."""
    snapshot = draft.snapshot
    failed = any(e.compute is ComputeState.FAILED for e in snapshot.executions)
    live, lost = fail_lost(draft, list(snapshot.live))
    live, late = fail_timed_out(draft, live)
    live = stop_outdated(draft, live)
    if not draft.fails_job:
        _place(draft)
    if draft.fails_job:
        stop_with_failed_job(draft, live)
    elif not live and not draft.new:
        if failed or lost or late:
            draft.fail_job(JOB_EXECUTIONS_FAILED)
        else:
            draft.complete_job(JOB_COMPLETED)
    draft.run_job()


def _place(draft: Draft) -> None:
    snapshot = draft.snapshot
    seen = {e.node_id for e in snapshot.current}
    if seen and len(seen) >= len(snapshot.workers.nodes):
        return
    found = match(snapshot)
    if not found.suitable and not seen:
        draft.fail_job(found.none_event())
        return
    for node in found.best():
        if node.id not in seen:
            draft.place(node.id, 0, DesiredState.RUNNING)
