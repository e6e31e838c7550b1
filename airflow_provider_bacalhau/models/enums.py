"""State names. The wire mixes text and integers; here every state is its name, and an unknown name survives as text."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """States of a job (fact sheet 3.1; text on the wire in every release)."""

    UNDEFINED = "Undefined"
    PENDING = "Pending"
    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"


class DesiredState(StrEnum):
    """What the orchestrator wants of an execution (0, 1, 2 on the wire in every release)."""

    PENDING = "Pending"
    RUNNING = "Running"
    STOPPED = "Stopped"


class ComputeState(StrEnum):
    """States of an execution by name; which integer means which depends on the release, see `Capabilities`."""

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


TERMINAL_JOB_STATES = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.STOPPED})
TERMINAL_COMPUTE_STATES = frozenset(
    {
        ComputeState.ASK_FOR_BID_REJECTED,
        ComputeState.BID_REJECTED,
        ComputeState.COMPLETED,
        ComputeState.FAILED,
        ComputeState.CANCELLED,
    }
)


def is_terminal(text: str) -> bool:
    """Whether a job in this state never runs again by itself. An unknown state is not terminal: one keeps looking."""
    return text in TERMINAL_JOB_STATES


def job_state(text: str) -> str:
    """The usual spelling of a job state; Go reads it in any case (fact sheet 3.1). Unknown text comes back as it is."""
    return next((state.value for state in JobState if state.lower() == text.lower()), text)
