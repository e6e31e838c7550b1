"""What has changed since it was last written to disk: frozen values, so that another thread may write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node

Version = tuple[int, int]
"""Number of a job, number of one of its versions."""
Place = tuple[int, int]
"""Number of a job, place of one of its executions among all of them."""


@dataclass(frozen=True, slots=True)
class SavedLog:
    """The log of a finished execution: what is known of it beside its two files."""

    folder: str
    """Name of the folder that they lie in; "" where there are none."""
    due: int
    """When its time is over, unix nanoseconds."""
    killed_at: int
    """When the program was killed, unix nanoseconds; 0 for one that was not."""
    is_complete: bool
    """The program came to its own end."""
    writes: bytes = b""
    """Length and stream of each write, as the log packs them."""
    streams: tuple[bytes, bytes] | None = None
    """What was written, where there are no files for it."""


@dataclass(slots=True)
class Changes:
    """The latest value of everything that is not on disk yet."""

    forgets: bool = False
    """All jobs of before are gone, with all that belongs to them."""
    new: dict[int, Job] = field(default_factory=dict)
    """First versions of jobs that are new, by number."""
    versions: dict[Version, Job] = field(default_factory=dict)
    """New versions, the first ones too, as they are now."""
    standings: dict[Version, Job] = field(default_factory=dict)
    """Versions of before that stand otherwise now."""
    executions: dict[Place, Execution] = field(default_factory=dict)
    history: list[tuple[int, HistoryItem]] = field(default_factory=list)
    """By number of the job."""
    nodes: dict[str, tuple[Node, bool]] = field(default_factory=dict)
    """Whether the orchestrator knows it; a machine that was deleted there is still a machine."""
    label_keys: set[str] = field(default_factory=set)
    logs: dict[str, SavedLog | None] = field(default_factory=dict)
    """By execution; None: its time is over."""
    facts: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(
            self.forgets
            or self.new
            or self.versions
            or self.standings
            or self.executions
            or self.history
            or self.nodes
            or self.label_keys
            or self.logs
            or self.facts
        )

    def put_job(self, number: int, job: Job, *, is_new: bool) -> None:
        """A job's version as it is now. `is_new`: nobody has seen this version before."""
        key = number, job.version
        if is_new or key in self.versions:
            self.versions[key] = job
        else:
            self.standings[key] = job

    def forget(self) -> None:
        """All jobs are gone, with what was to be written of them."""
        for part in (self.new, self.versions, self.standings, self.executions, self.history, self.logs):
            part.clear()
        self.label_keys.clear()
        self.forgets = True

    def followed_by(self, later: Changes) -> Changes:
        """Both, where the later ones win. Neither may be used any more."""
        if later.forgets:
            later.nodes = {**self.nodes, **later.nodes}
            later.facts = {**self.facts, **later.facts}
            return later
        self.new |= later.new
        for (number, _), job in later.standings.items():
            self.put_job(number, job, is_new=False)
        self.versions |= later.versions
        self.executions |= later.executions
        self.history += later.history
        self.nodes |= later.nodes
        self.label_keys |= later.label_keys
        self.logs |= later.logs
        self.facts |= later.facts
        return self


@dataclass(frozen=True, slots=True)
class Indexed:
    """A job as the index knows it."""

    number: int
    id: str
    name: str
    namespace: str
    is_over: bool


@dataclass(slots=True)
class Index:
    """What has to be known of everything at start; all else is read when somebody asks for it."""

    jobs: list[Indexed] = field(default_factory=list)
    """Oldest first."""
    executions: list[tuple[str, int]] = field(default_factory=list)
    """Id, number of the job."""
    nodes: list[tuple[Node, bool]] = field(default_factory=list)
    """Every machine in the order of joining; whether the orchestrator knew it."""
    label_keys: set[str] = field(default_factory=set)
    logs: dict[str, int] = field(default_factory=dict)
    """Execution -> when its log's time is over, unix nanoseconds."""
    facts: Mapping[str, str] = field(default_factory=dict)
