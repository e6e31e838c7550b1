"""The sentence between deciding and doing: what the scheduler wants changed, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState


@dataclass(frozen=True, slots=True)
class NewExecution:
    """Place the job on a node. `desired` is Running for jobs that need no approval (ops, daemon)."""

    node_id: str
    partition: int
    desired: DesiredState
    event: Event


@dataclass(frozen=True, slots=True)
class ChangeExecution:
    """Move an existing execution; None leaves a side as it is."""

    execution_id: str
    desired: DesiredState | None = None
    desired_message: str = ""
    compute: ComputeState | None = None
    compute_message: str = ""
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one look at a job decided; applied whole by the planner, job events first (fact sheet 5.4)."""

    job_id: str
    eval_id: str
    job_state: JobState | None = None
    job_message: str = ""
    job_event: Event | None = None
    new: tuple[NewExecution, ...] = field(default=())
    changes: tuple[ChangeExecution, ...] = field(default=())
    look_again_at: int | None = None
    """Unix nanoseconds of a delayed evaluation."""
