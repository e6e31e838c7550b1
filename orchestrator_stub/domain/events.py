"""Things that happened: the history of a job, append-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator_stub.domain.states import ComputeState, JobState


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, in the released servers' words (topics: fact sheet 5.3)."""

    topic: str
    message: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One line of a job's history.

    Released servers show the `event`; the user's document shows the transition (`previous` -> `new`, `revision`).
    An item without event is only shown by the latter, one without `new` state only by the former.
    """

    seq: int
    """From 1 for each job, shared by both levels, dense over the items that have an event; 0 without one."""
    time: int
    """Unix nanoseconds."""
    job_id: str
    job_version: int
    execution_id: str = ""
    """"" for an item of the job itself."""
    node_id: str = ""
    event: Event | None = None
    previous: JobState | ComputeState | None = None
    new: JobState | ComputeState | None = None
    revision: int = 0
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A request to look at a job again, now or at a time."""

    id: str
    job_id: str
    triggered_by: str
    due: int = 0
    """Unix nanoseconds; 0 = now."""
    kind: str = ""
    """Type of job it was made for, where that is not the job's own: an update with another type is decided as that
    type once, although the job keeps its type (scenario 34, type-change)."""
