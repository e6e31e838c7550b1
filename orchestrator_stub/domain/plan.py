"""The sentences between deciding and doing: what the scheduler wants changed and what a node saw, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.execution import RunOutput
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.domain.states import DesiredState
from orchestrator_stub.domain.transitions import ExecutionEvent, JobEvent


@dataclass(frozen=True, slots=True)
class NewExecution:
    """Place the job on a node. `desired` is Running for jobs that need no approval (ops, daemon)."""

    node_id: str
    partition: int
    desired: DesiredState
    event: Event


@dataclass(frozen=True, slots=True)
class ChangeExecution:
    """Approve an execution or end it; the event's message becomes the message of both its states."""

    execution_id: str
    change: ExecutionEvent
    event: Event


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one look at a job decided; applied whole by the planner, job events first (fact sheet 5.4)."""

    job_id: str
    eval_id: str
    job_change: JobEvent | None = None
    job_message: str = ""
    job_events: tuple[Event, ...] = ()
    new: tuple[NewExecution, ...] = field(default=())
    changes: tuple[ChangeExecution, ...] = field(default=())
    look_again_at: int | None = None
    """Unix nanoseconds of a delayed evaluation."""

    @property
    def is_empty(self) -> bool:
        """True when nothing is to be done."""
        return self.job_change is None and not self.new and not self.changes and self.look_again_at is None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a node reports about one of its executions."""

    execution_id: str
    change: ExecutionEvent
    event: Event | None = None
    """What history shows; None where servers show nothing (an accepted bid)."""
    published: SpecConfig | None = None
    output: RunOutput | None = None
