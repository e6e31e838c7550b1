"""The words of the domain: job, execution, node states and job types.

Execution states carry no numbers here: the numbers differ between releases and live in the release table.
"""

from __future__ import annotations

from enum import StrEnum


class JobType(StrEnum):
    """The four kinds of job. `batch` and `ops` end by themselves, `service` and `daemon` run until stopped."""

    BATCH = "batch"
    OPS = "ops"
    SERVICE = "service"
    DAEMON = "daemon"

    @property
    def is_long_running(self) -> bool:
        """True for jobs that only end when stopped."""
        return self in (JobType.SERVICE, JobType.DAEMON)

    @property
    def runs_everywhere(self) -> bool:
        """True for jobs that take one execution on every matching node instead of `Count` executions."""
        return self in (JobType.OPS, JobType.DAEMON)


class JobState(StrEnum):
    """State of a job as the wire spells it."""

    UNDEFINED = "Undefined"
    PENDING = "Pending"
    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"

    @property
    def is_terminal(self) -> bool:
        """True when the job is over."""
        return self in (JobState.COMPLETED, JobState.FAILED, JobState.STOPPED)


class ComputeState(StrEnum):
    """What the compute node does with an execution."""

    UNDEFINED = "Undefined"
    NEW = "New"
    ASK_FOR_BID = "AskForBid"
    ASK_FOR_BID_ACCEPTED = "AskForBidAccepted"
    ASK_FOR_BID_REJECTED = "AskForBidRejected"
    BID_ACCEPTED = "BidAccepted"
    RUNNING = "Running"
    PUBLISHING = "Publishing"
    BID_REJECTED = "BidRejected"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def is_terminal(self) -> bool:
        """True when the execution is over."""
        return self in _TERMINAL

    @property
    def is_discarded(self) -> bool:
        """True when the execution ended without counting for its job."""
        return self in _TERMINAL and self is not ComputeState.COMPLETED


_TERMINAL = frozenset(
    {
        ComputeState.ASK_FOR_BID_REJECTED,
        ComputeState.BID_REJECTED,
        ComputeState.COMPLETED,
        ComputeState.FAILED,
        ComputeState.CANCELLED,
    }
)


class DesiredState(StrEnum):
    """What the orchestrator wants of an execution."""

    PENDING = "Pending"
    RUNNING = "Running"
    STOPPED = "Stopped"


class Membership(StrEnum):
    """Whether the orchestrator lets a node take work."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class Connection(StrEnum):
    """Whether a node's heartbeats arrive."""

    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
