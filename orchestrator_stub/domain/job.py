"""A job as the orchestrator keeps it: what was submitted after normalisation, and where it stands.

All values are frozen; a change makes a new value with a higher `revision`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator_stub.domain.states import JobState

EMPTY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class SpecConfig:
    """A type and its parameters: an engine, a publisher, a storage source or a published result."""

    type: str = ""
    params: Mapping[str, Any] | None = None
    """Parameters as submitted (JSON values); None when the key was absent or null."""
    absent: bool = field(default=False, compare=False)
    """True while a submission is checked whose engine or source was not given at all; gone once normalised."""


@dataclass(frozen=True, slots=True)
class InputSource:
    """Data that is mounted for a task."""

    source: SpecConfig
    target: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True)
class ResultPath:
    """A folder of the task that is published under a name."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Resources:
    """Requested resources, as text in the user's spelling ("500m", "512mb"); "" where not given."""

    cpu: str = ""
    memory: str = ""
    disk: str = ""
    gpu: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """A named port of a task's network."""

    name: str = ""
    static: int = 0
    target: int = 0
    host_network: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """Network of a task. `type` is the release's own word; "" until normalised to the release's zero value."""

    type: str = ""
    domains: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of a task in seconds; 0 = none (for `queue`: do not queue)."""

    execution: int = 0
    queue: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Constraint:
    """A requirement on node labels; operators are those of k8s selection plus `gt` and `lt`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()
    empty_list: bool = field(default=False, compare=False)
    """Its values were submitted as a list without elements, which no store keeps."""


@dataclass(frozen=True, slots=True)
class Task:
    """The one thing a job runs."""

    name: str
    engine: SpecConfig
    publisher: SpecConfig = SpecConfig()
    env: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)
    input_sources: tuple[InputSource, ...] = ()
    result_paths: tuple[ResultPath, ...] = ()
    resources: Resources = Resources()
    network: Network = Network()
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True, slots=True)
class Job:
    """A job. A freshly parsed submission carries the submitted (later ignored) id, state, version and times."""

    id: str
    name: str
    namespace: str
    type: str
    """As submitted; one of `JobType` once validated."""
    priority: int
    count: int | None
    """None: the submission had no `Count` key; never None once normalised."""
    constraints: tuple[Constraint, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    state: JobState = JobState.PENDING
    message: str = ""
    state_details: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    revision: int = 0
    create_time: int = 0
    """Unix nanoseconds."""
    modify_time: int = 0
    """Unix nanoseconds."""

    @property
    def task(self) -> Task:
        """The job's only task."""
        return self.tasks[0]
