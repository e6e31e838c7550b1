"""Daemon jobs: one execution on every node that suits, as long as the job is wanted (fact sheet 5.8)."""

from __future__ import annotations

from orchestrator_stub.domain.states import DesiredState
from orchestrator_stub.scheduler.draft import Draft, fail_lost, stop_outdated
from orchestrator_stub.scheduler.matching import match


def decide_daemon(draft: Draft) -> None:
    """Place on suitable nodes that have no execution; whether an ended one counts is a matter of the release."""
    snapshot = draft.snapshot
    live, _lost = fail_lost(draft, list(snapshot.live))
    live = stop_outdated(draft, live)
    here = live if snapshot.release.daemon_retries else snapshot.current
    taken = {e.node_id for e in here}
    for node in match(snapshot).best():
        if node.id not in taken:
            draft.place(node.id, 0, DesiredState.RUNNING)
    draft.run_job()
