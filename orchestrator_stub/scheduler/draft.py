"""A plan in the making, and the rules that all job types share: stopping, losing, timing out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.plan import ChangeExecution, NewExecution, Plan
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.domain.topics import (
    JOB_RUNNING,
    NODE_DISAPPEARED,
    STOPPED_BY_FAILURE,
    STOPPED_FOR_UPDATE,
    execution_timed_out,
    job_timed_out,
    requested_on,
)
from orchestrator_stub.domain.transitions import ExecutionEvent, JobEvent
from orchestrator_stub.scheduler.snapshot import SECOND, Look, Snapshot


@dataclass(slots=True)
class Draft:
    """A plan in the making."""

    look: Look
    job_change: JobEvent | None = None
    job_message: str = ""
    job_events: list[Event] = field(default_factory=list)
    new: list[NewExecution] = field(default_factory=list)
    changes: dict[str, ChangeExecution] = field(default_factory=dict)
    look_again_at: int | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The world that the plan is made for."""
        return self.look.snapshot

    def place(self, node_id: str, partition: int, desired: DesiredState) -> None:
        """One more execution."""
        self.new.append(NewExecution(node_id, partition, desired, requested_on(node_id)))

    def change(self, executions: Iterable[Execution], change: ExecutionEvent, event: Event) -> None:
        """Approve or end executions."""
        for execution in executions:
            self.changes[execution.id] = ChangeExecution(execution.id, change, event)

    def fail_job(self, event: Event) -> None:
        """The job fails; what was to be approved is not."""
        self.job_change, self.job_message = JobEvent.FAIL, event.message
        self.job_events.append(event)
        approvals = [key for key, c in self.changes.items() if c.change is ExecutionEvent.APPROVED]
        for key in approvals:
            del self.changes[key]

    def complete_job(self, event: Event) -> None:
        """All is done."""
        self.job_change, self.job_message = JobEvent.COMPLETE, ""
        self.job_events.append(event)

    def queue_job(self, event: Event) -> None:
        """The job waits for nodes."""
        self.job_change, self.job_message = JobEvent.QUEUE, event.message
        self.job_events.append(event)

    def run_job(self) -> None:
        """The job runs as soon as one of its executions may, unless the plan says something else about it."""
        state = self.snapshot.job.state
        if self.job_change is not None or state not in (JobState.PENDING, JobState.QUEUED):
            return
        approved = any(c.change is ExecutionEvent.APPROVED for c in self.changes.values())
        if approved or any(n.desired is DesiredState.RUNNING for n in self.new):
            self.job_change = JobEvent.RUN
            self.job_events.append(JOB_RUNNING)

    @property
    def fails_job(self) -> bool:
        """True once the plan fails the job."""
        return self.job_change is JobEvent.FAIL

    def plan(self) -> Plan:
        """The finished plan."""
        return Plan(
            self.snapshot.job.id,
            self.look.evaluation.id,
            self.job_change,
            self.job_message,
            tuple(self.job_events),
            tuple(self.new),
            tuple(self.changes.values()),
            self.look_again_at,
        )


def stop_with_failed_job(draft: Draft, live: Iterable[Execution]) -> None:
    """A failing job takes its live executions with it."""
    draft.change(live, ExecutionEvent.STOPPED, STOPPED_BY_FAILURE)


def fail_lost(draft: Draft, live: list[Execution]) -> tuple[list[Execution], list[Execution]]:
    """Executions whose node is gone fail (in 1.5.2 they are cancelled); returns those left and those lost."""
    snapshot = draft.snapshot
    nodes = snapshot.in_touch if snapshot.in_touch is not None else {n.id for n in snapshot.workers.nodes}
    lost = [e for e in live if e.node_id not in nodes]
    end = ExecutionEvent.STOPPED if snapshot.release.lost_runs_cancelled else ExecutionEvent.FAILED
    draft.change(lost, end, NODE_DISAPPEARED)
    return [e for e in live if e.node_id in nodes], lost


def fail_timed_out(draft: Draft, live: list[Execution]) -> tuple[list[Execution], list[Execution]]:
    """Job or executions beyond their limit fail; returns executions left and those that timed out."""
    job, now = draft.snapshot.job, draft.snapshot.now
    limits = job.task.timeouts
    if limits.total > 0 and job.create_time < now - limits.total * SECOND:
        draft.fail_job(job_timed_out(limits.total))
        return live, []
    limit = limits.execution or limits.total
    if limit <= 0:
        return live, []
    late = [
        e for e in live if e.compute is ComputeState.BID_ACCEPTED and e.modify_time < now - limit * SECOND
    ]
    draft.change(late, ExecutionEvent.FAILED, execution_timed_out(limit))
    return [e for e in live if e not in late], late


def stop_outdated(draft: Draft, live: list[Execution]) -> list[Execution]:
    """Executions of earlier versions of the job make room (1.8+); returns those of the current version."""
    version = draft.snapshot.job.version
    old = [e for e in live if e.job_version != version]
    draft.change(old, ExecutionEvent.STOPPED, STOPPED_FOR_UPDATE)
    return [e for e in live if e.job_version == version]
