"""THE table of state changes: (state, event) -> state, for executions and for jobs.

What is not in a table does not happen: the event is ignored there. `docs/` pictures are generated from these tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState, JobType


class ExecutionEvent(StrEnum):
    """What can happen to an execution."""

    ASKED = "asked"
    """The node has the request for a bid."""
    BID = "bid"
    """The node offers to run it."""
    REJECTED = "rejected"
    """The node does not want it."""
    APPROVED = "approved"
    """The orchestrator takes the offer."""
    REFUSED = "refused"
    """The orchestrator does not need the offer."""
    STARTED = "started"
    """The node has taken it into work."""
    TAKEN_UP = "taken-up"
    """The whole server has started again, and the node runs it anew."""
    COMPLETED = "completed"
    FAILED = "failed"
    """A step failed, it ran out of time, ended though it should not, or its node is gone."""
    STOPPED = "stopped"
    """The orchestrator does not want it any more."""


class JobEvent(StrEnum):
    """What can happen to a job."""

    RUN = "run"
    """One of its executions may run."""
    QUEUE = "queue"
    """No node can take it now, but it may wait."""
    COMPLETE = "complete"
    FAIL = "fail"
    STOP = "stop"
    """A user stops it."""
    RESUBMIT = "resubmit"
    """A user updates or reruns it (1.8+)."""


_S, _E = ComputeState, ExecutionEvent
_ENDS = {_E.COMPLETED: _S.COMPLETED, _E.FAILED: _S.FAILED, _E.STOPPED: _S.CANCELLED}

EXECUTIONS: Mapping[tuple[ComputeState, ExecutionEvent], ComputeState] = {
    (_S.NEW, _E.ASKED): _S.ASK_FOR_BID,
    (_S.NEW, _E.BID): _S.ASK_FOR_BID_ACCEPTED,
    (_S.NEW, _E.REJECTED): _S.ASK_FOR_BID_REJECTED,
    (_S.NEW, _E.STARTED): _S.BID_ACCEPTED,
    (_S.ASK_FOR_BID, _E.BID): _S.ASK_FOR_BID_ACCEPTED,
    (_S.ASK_FOR_BID, _E.REJECTED): _S.ASK_FOR_BID_REJECTED,
    (_S.ASK_FOR_BID_ACCEPTED, _E.APPROVED): _S.BID_ACCEPTED,
    (_S.ASK_FOR_BID_ACCEPTED, _E.REFUSED): _S.BID_REJECTED,
    (_S.ASK_FOR_BID_ACCEPTED, _E.STARTED): _S.BID_ACCEPTED,
    (_S.BID_ACCEPTED, _E.TAKEN_UP): _S.ASK_FOR_BID_ACCEPTED,
    **{
        (state, event): end
        for state in (_S.NEW, _S.ASK_FOR_BID, _S.ASK_FOR_BID_ACCEPTED, _S.BID_ACCEPTED)
        for event, end in _ENDS.items()
    },
}
"""Running and Publishing exist as words only: no server was ever seen to use them (FINDINGS 2)."""

_LIVE = (JobState.PENDING, JobState.QUEUED, JobState.RUNNING)
_OVER = (JobState.COMPLETED, JobState.FAILED, JobState.STOPPED)

JOBS: Mapping[tuple[JobState, JobEvent], JobState] = {
    (JobState.PENDING, JobEvent.RUN): JobState.RUNNING,
    (JobState.QUEUED, JobEvent.RUN): JobState.RUNNING,
    (JobState.PENDING, JobEvent.QUEUE): JobState.QUEUED,
    (JobState.RUNNING, JobEvent.QUEUE): JobState.QUEUED,
    **{(state, JobEvent.COMPLETE): JobState.COMPLETED for state in _LIVE},
    **{(state, JobEvent.FAIL): JobState.FAILED for state in _LIVE},
    **{(state, JobEvent.STOP): JobState.STOPPED for state in _LIVE},
    **{(state, JobEvent.RESUBMIT): JobState.PENDING for state in (*_LIVE, *_OVER)},
}


def execution_after(state: ComputeState, event: ExecutionEvent, release: Release) -> ComputeState | None:
    """The compute state after the event, None when the event means nothing in this state.

    Three facts of the release bend the table: an approval that is not shown leaves the state as it is, without
    `bid_steps_shown` nobody hears of requests and starts, and without `restart_repeats_offer` of what is taken up.
    """
    if event is ExecutionEvent.TAKEN_UP and not release.restart_repeats_offer:
        return None
    if event in (ExecutionEvent.ASKED, ExecutionEvent.STARTED) and not release.bid_steps_shown:
        return None
    after = EXECUTIONS.get((state, event))
    if event is ExecutionEvent.APPROVED and after is not None and not release.approval_shown:
        return state
    return after


def job_after(state: JobState, event: JobEvent) -> JobState | None:
    """The job's state after the event, None when the event means nothing in this state."""
    return JOBS.get((state, event))


def derived_state(job: Job, executions: Iterable[Execution]) -> JobState:
    """What the executions of its current version make of a live job; a job that is over stays what it is.

    Batch: Completed once every partition (0 to Count-1) has a completed execution. Ops: over when none is live,
    Failed if any failed. Any type: Running while an execution that may run is live. Else it stays what it is:
    being Queued, Failed for want of nodes, Stopped are decisions, not sums.
    """
    if job.state.is_terminal:
        return job.state
    current = [e for e in executions if e.job_version == job.version]
    if job.type == JobType.BATCH:
        done = {e.partition for e in current if e.compute is ComputeState.COMPLETED}
        if len(done) >= (job.count or 0):
            return JobState.COMPLETED
    if job.type == JobType.OPS and current and not any(e.is_live for e in current):
        failed = any(e.compute is ComputeState.FAILED for e in current)
        return JobState.FAILED if failed else JobState.COMPLETED
    if any(e.is_live and e.desired is DesiredState.RUNNING for e in current):
        return JobState.RUNNING
    return job.state
