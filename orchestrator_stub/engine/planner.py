"""The only writer of the store: applies plans and observations, and writes history in the same breath."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator_stub.clock import Clock
from orchestrator_stub.domain.events import Event, HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.plan import ChangeExecution, NewExecution, Observation, Plan
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState, JobType
from orchestrator_stub.domain.topics import (
    JOB_CREATED,
    JOB_RERUN,
    JOB_SUBMITTED,
    JOB_UPDATED,
    UNEXPECTED_END,
    stop_requested,
)
from orchestrator_stub.domain.transitions import ExecutionEvent, JobEvent, execution_after, job_after
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.store.memory import MemoryStore, Record

_ENDED = {
    ExecutionEvent.COMPLETED: "execution completed",
    ExecutionEvent.FAILED: "execution failed",
    ExecutionEvent.REJECTED: "bid rejected",
}
"""DesiredState's message of an execution that its node ended (fact sheet 5.2)."""


@dataclass(slots=True)
class Orders:
    """What nodes have to be told after a change."""

    bid: list[Execution] = field(default_factory=list)
    start: list[Execution] = field(default_factory=list)
    cancel: list[Execution] = field(default_factory=list)


class Planner:
    """Writes what was decided and seen."""

    def __init__(self, store: MemoryStore, release: Release, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._release = release
        self._clock = clock
        self._ids = ids

    # Jobs.

    def create(self, job: Job) -> Record:
        """Store a new job. Raises OrchestratorError 409 when its id is taken."""
        now = self._clock.now()
        version = 1 if self._release.unique_names else 0
        job = replace(
            job, state=JobState.PENDING, message="", version=version, revision=1, create_time=now, modify_time=now
        )
        record = self._store.add_job(job)
        event = JOB_CREATED if self._release.page_shapes else JOB_SUBMITTED
        self._note_job(record, event, JobState.PENDING, now)
        return record

    def update(self, record: Record, job: Job) -> None:
        """A new version: only the fields that servers take over; name, type and creation stay (fact sheet 4.7)."""
        taken = replace(
            record.job,
            priority=job.priority,
            count=self._release.everywhere_count if JobType(record.job.type).runs_everywhere else job.count,
            constraints=job.constraints,
            meta=job.meta,
            labels=job.labels,
            tasks=job.tasks,
        )
        self._resubmit(record, taken, "Job update requested by user", JOB_UPDATED)

    def rerun(self, record: Record, job: Job) -> None:
        """A new version with the contents of `job`, one of its versions."""
        self._resubmit(record, replace(job, create_time=record.job.create_time), "job rerun", JOB_RERUN)

    def _resubmit(self, record: Record, job: Job, message: str, event: Event) -> None:
        now = self._clock.now()
        before = record.job
        state = job_after(before.state, JobEvent.RESUBMIT) or JobState.PENDING
        self._store.put_job(
            record,
            replace(
                job,
                state=state,
                message=message,
                state_details={},
                version=before.version + 1,
                revision=before.revision + 1,
                modify_time=now,
            ),
        )
        self._note_job(record, event, before.state, now)

    def forget_jobs(self) -> None:
        """There is no job any more."""
        self._store.forget_jobs()

    def stop(self, record: Record, reason: str) -> None:
        """A user stops a live job."""
        self._change_job(record, JobEvent.STOP, reason, [stop_requested(reason)])

    def apply(self, plan: Plan) -> Orders:
        """Carry out a plan; what it says about executions that have moved on meanwhile is dropped."""
        orders = Orders()
        record = self._store.by_id(plan.job_id)
        if record is None:
            return orders
        placed_for = record.job
        created = [self._create_execution(record, new, plan.eval_id, placed_for) for new in plan.new]
        if plan.job_change is not None:
            self._change_job(record, plan.job_change, plan.job_message, list(plan.job_events))
        for execution, new in zip(created, plan.new, strict=True):
            self._note_execution(record, execution, execution.compute, new.event)
            orders.bid.append(execution)
        for change in plan.changes:
            self._change_execution(record, change, orders)
        return orders

    def _change_job(self, record: Record, change: JobEvent, message: str, events: list[Event]) -> None:
        before = record.job
        after = job_after(before.state, change)
        if after is None or (change is JobEvent.RUN and not self._release.job_running_shown):
            return
        now = self._clock.now()
        job = replace(before, state=after, message=message, revision=before.revision + 1, modify_time=now)
        self._store.put_job(record, job)
        for event in events:
            self._note_job(record, event, before.state, now)

    # Executions.

    def _create_execution(self, record: Record, new: NewExecution, eval_id: str, job: Job) -> Execution:
        now = self._clock.now()
        execution = Execution(
            id=self._ids.execution(),
            namespace=job.namespace,
            eval_id=eval_id,
            node_id=new.node_id,
            job_id=job.id,
            job=job,
            job_version=job.version,
            partition=new.partition,
            desired=new.desired,
            create_time=now,
            modify_time=now,
        )
        self._store.add_execution(record, execution)
        return execution

    def _change_execution(self, record: Record, change: ChangeExecution, orders: Orders) -> None:
        before = self._store.execution(change.execution_id)
        if before is None:
            return
        after = execution_after(before.compute, change.change, self._release)
        if after is None:
            return
        message = change.event.message
        if change.change is ExecutionEvent.APPROVED:
            shown = message if self._release.approval_shown else ""
            execution = replace(
                before, desired=DesiredState.RUNNING, desired_message=shown, compute=after, compute_message=shown
            )
            told = orders.start
        else:
            execution = replace(before, desired=DesiredState.STOPPED, desired_message=message)
            told = orders.cancel
            if change.change is not ExecutionEvent.STOPPED or not self._release.node_reports_stop:
                execution = replace(execution, compute=after, compute_message=message)
        execution = self._put(record, execution)
        told.append(execution)
        self._note_execution(record, execution, before.compute, change.event, record.job.version)

    def observe(self, seen: Observation) -> bool:
        """Write what a node reports; False when it does not fit any more (late, or not wanted)."""
        record = self._store.by_execution(seen.execution_id)
        before = self._store.execution(seen.execution_id)
        if record is None or before is None:
            return False
        after = execution_after(before.compute, seen.change, self._release)
        if after is None or (before.desired is DesiredState.STOPPED and seen.change is not ExecutionEvent.STOPPED):
            return False
        if self._goes_unheard(before, seen.change):
            return False
        if seen.change in _ENDED:
            execution = self._ended(record, before, after, seen)
        else:
            execution = replace(before, compute=after)
        execution = self._put(record, execution)
        if seen.event is not None or self._release.page_shapes:
            self._note_execution(record, execution, before.compute, seen.event)
        return True

    def _ended(self, record: Record, before: Execution, after: ComputeState, seen: Observation) -> Execution:
        """The execution as its node left it."""
        message, wish = "", _ENDED[seen.change]
        details: Mapping[str, str] = {}
        if seen.change is ExecutionEvent.COMPLETED:
            # Servers merge what they store: the message of the approval is still there (FINDINGS 2, row 5.2).
            message = before.compute_message
        elif seen.event is not None:
            message = seen.event.message
            details = seen.event.details if self._release.state_details else {}
        if seen.change is ExecutionEvent.COMPLETED and JobType(record.job.type).is_long_running:
            after, message, wish = ComputeState.FAILED, UNEXPECTED_END, UNEXPECTED_END
        return replace(
            before,
            desired=DesiredState.STOPPED,
            desired_message=wish,
            compute=after,
            compute_message=message,
            compute_details=details,
            published=seen.published or before.published,
            output=seen.output,
        )

    def _goes_unheard(self, before: Execution, change: ExecutionEvent) -> bool:
        """An offer for an execution that needs no approval: only 1.5.2 shows it."""
        unasked = self._release.unapproved_shown_as_new or self._release.bid_steps_shown
        return change is ExecutionEvent.BID and before.desired is DesiredState.RUNNING and unasked

    def _put(self, record: Record, execution: Execution) -> Execution:
        """Store the execution as its next revision."""
        execution = replace(execution, revision=execution.revision + 1, modify_time=self._clock.now())
        self._store.put_execution(record, execution)
        return execution

    # Nodes and history.

    def put_node(self, node: Node) -> None:
        """A node's latest word about itself."""
        self._store.put_node(node)

    def remove_node(self, node_id: str) -> None:
        """Forget a node."""
        self._store.remove_node(node_id)

    def _note_job(self, record: Record, event: Event, previous: JobState, now: int) -> None:
        job = record.job
        self._store.add_history(
            record,
            HistoryItem(
                len(record.history) + 1,
                now,
                job.id,
                job.version,
                event=event,
                previous=previous if self._release.page_shapes else None,
                new=job.state if self._release.page_shapes else None,
                revision=job.revision if self._release.page_shapes else 0,
                comment=_comment(event, job.message) if self._release.page_shapes else "",
            ),
        )

    def _note_execution(
        self,
        record: Record,
        execution: Execution,
        previous: ComputeState,
        event: Event | None,
        version: int | None = None,
    ) -> None:
        """`version`: of the job, where the orchestrator speaks; a node speaks of its execution's own."""
        page = self._release.page_shapes
        self._store.add_history(
            record,
            HistoryItem(
                len(record.history) + 1,
                self._clock.now(),
                execution.job_id,
                execution.job_version if version is None else version,
                execution.id,
                execution.node_id,
                event,
                previous if page else None,
                execution.compute if page else None,
                execution.revision if page else 0,
            ),
        )


def _comment(event: Event, message: str) -> str:
    """What the user's document prints beside a job's transition: why, where there is a why."""
    return event.message if event is JOB_CREATED else message
