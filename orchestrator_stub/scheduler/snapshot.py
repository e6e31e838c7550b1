"""What the scheduler may know when it decides: one job, its executions, the nodes, the time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from orchestrator_stub.domain.events import Evaluation
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import Connection, Membership
from orchestrator_stub.scheduler.workers import Workers

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Snapshot:
    """The world at one moment."""

    job: Job
    executions: tuple[Execution, ...]
    """Of all versions of the job, oldest first."""
    workers: Workers
    """Nodes that may get work: compute side, approved, connected."""
    release: Release
    now: int
    """Unix nanoseconds."""
    luck: Iterable[int] | None = None
    """One small random number for each node, decides among equals; None where there is nothing to decide."""
    in_touch: frozenset[str] | None = None
    """Ids of nodes whose executions are not lost; None = those of `workers`."""
    busy_nodes_refuse: bool = True
    """A node that said it is full gets no more work; False: it does, and the work waits there."""

    @cached_property
    def current(self) -> tuple[Execution, ...]:
        """Executions of the job's current version."""
        return tuple(e for e in self.executions if e.job_version == self.job.version)

    @cached_property
    def live(self) -> tuple[Execution, ...]:
        """Executions of any version that may still run."""
        return tuple(e for e in self.executions if e.is_live)


def takes_work(node: Node) -> bool:
    """True for a node that the scheduler may use."""
    return (
        node.is_compute and node.membership is Membership.APPROVED and node.connection is Connection.CONNECTED
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Times the scheduler goes by, in nanoseconds (fact sheet 5.9)."""

    queue_backoff: int = 60 * SECOND
    """A job that waits in the queue is looked at again after this."""


@dataclass(frozen=True, slots=True)
class Look:
    """One evaluation with the world it sees."""

    snapshot: Snapshot
    evaluation: Evaluation
    settings: Settings = Settings()
