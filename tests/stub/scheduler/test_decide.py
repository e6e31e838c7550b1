"""The look at a job whatever its type."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.domain.transitions import ExecutionEvent, JobEvent

GB = 1_000_000_000
BID, RUNS = ComputeState.ASK_FOR_BID_ACCEPTED, ComputeState.BID_ACCEPTED
DONE, FAILED = ComputeState.COMPLETED, ComputeState.FAILED


def test_a_stopped_job_takes_its_executions_along(world: Any) -> None:
    """Broken: executions of a stopped job run on."""
    job = world.job(state=JobState.STOPPED)
    plan = world.decide(job, [world.node()], [world.execution(job, world.node(), BID)], trigger="job-cancel")
    assert [c.change for c in plan.changes] == [ExecutionEvent.STOPPED]
    assert plan.job_change is None


@pytest.mark.parametrize("kind", ["ops", "daemon"])
def test_everywhere_jobs_run_at_once_on_all_nodes(world: Any, kind: str) -> None:
    """Broken: ops and daemon wait for bids or leave a node out."""
    plan = world.decide(world.job(kind, count=0), [world.node(1), world.node(2), world.node(3, engines=())])
    assert [n.desired for n in plan.new] == [DesiredState.RUNNING] * 2
    assert plan.job_change is JobEvent.RUN
