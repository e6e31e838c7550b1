"""The tables of state changes, cell by cell, and what executions make of a job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.domain.transitions import (
    EXECUTIONS,
    JOBS,
    ExecutionEvent,
    JobEvent,
    derived_state,
    execution_after,
    job_after,
)

EXECUTION_TABLE = """
                   asked     bid  rejected approved refused started taken-up completed failed stopped
New                AskForBid AskForBidAccepted AskForBidRejected - - BidAccepted - Completed Failed Cancelled
AskForBid          - AskForBidAccepted AskForBidRejected - - - - Completed Failed Cancelled
AskForBidAccepted  - - - BidAccepted BidRejected BidAccepted - Completed Failed Cancelled
BidAccepted        - - - - - - AskForBidAccepted Completed Failed Cancelled
Undefined          - - - - - - - - - -
Running            - - - - - - - - - -
Publishing         - - - - - - - - - -
AskForBidRejected  - - - - - - - - - -
BidRejected        - - - - - - - - - -
Completed          - - - - - - - - - -
Failed             - - - - - - - - - -
Cancelled          - - - - - - - - - -
"""

JOB_TABLE = """
           run     queue  complete  fail   stop    resubmit
Undefined  -       -      -         -      -       -
Pending    Running Queued Completed Failed Stopped Pending
Queued     Running -      Completed Failed Stopped Pending
Running    -       Queued Completed Failed Stopped Pending
Completed  -       -      -         -      -       Pending
Failed     -       -      -         -      -       Pending
Stopped    -       -      -         -      -       Pending
"""


def cells(table: str) -> list[tuple[str, str, str]]:
    """(state, event, state after or "-") of every cell."""
    head, *rows = [line.split() for line in table.strip().splitlines()]
    return [(row[0], event, after) for row in rows for event, after in zip(head, row[1:], strict=True)]


@pytest.mark.parametrize(("state", "event", "after"), cells(EXECUTION_TABLE))
def test_every_execution_transition(state: str, event: str, after: str) -> None:
    """Broken: an execution goes where the servers' never go, or does not go where they do."""
    found = EXECUTIONS.get((ComputeState(state), ExecutionEvent(event)))
    assert (found or "-") == after


@pytest.mark.parametrize(("state", "event", "after"), cells(JOB_TABLE))
def test_every_job_transition(state: str, event: str, after: str) -> None:
    """Broken: a job goes where the servers' never go, or does not go where they do."""
    assert (job_after(JobState(state), JobEvent(event)) or "-") == after


def test_the_tables_above_are_complete() -> None:
    """Broken: a state or event was added without saying what it does."""
    assert len(cells(EXECUTION_TABLE)) == len(ComputeState) * len(ExecutionEvent)
    assert len(cells(JOB_TABLE)) == len(JobState) * len(JobEvent)
    assert len(EXECUTIONS) == sum(after != "-" for *_, after in cells(EXECUTION_TABLE))
    assert len(JOBS) == sum(after != "-" for *_, after in cells(JOB_TABLE))


def test_terminal_executions_never_change() -> None:
    """Broken: an execution that is over comes back."""
    assert not [state for state, _ in EXECUTIONS if state.is_terminal]


@pytest.mark.parametrize(
    ("release", "approved"),
    [("1.5.2", ComputeState.ASK_FOR_BID_ACCEPTED), ("docs", ComputeState.ASK_FOR_BID_ACCEPTED)]
    + [(name, ComputeState.BID_ACCEPTED) for name in ("1.6.5", "1.7.0", "1.8.0", "1.9.3")],
)
def test_what_an_approval_shows(release: str, approved: ComputeState) -> None:
    """Broken: 1.5.2 shows 5 while a job runs, or 1.6+ shows 3 (FINDINGS 3)."""
    after = execution_after(ComputeState.ASK_FOR_BID_ACCEPTED, ExecutionEvent.APPROVED, RELEASES[release])
    assert after is approved


@pytest.mark.parametrize("release", sorted(RELEASES))
def test_only_the_document_shows_requests_and_starts(release: str) -> None:
    """Broken: released servers show AskForBid, or the document does not."""
    table = RELEASES[release]
    asked = execution_after(ComputeState.NEW, ExecutionEvent.ASKED, table)
    started = execution_after(ComputeState.ASK_FOR_BID_ACCEPTED, ExecutionEvent.STARTED, table)
    shown = (ComputeState.ASK_FOR_BID, ComputeState.BID_ACCEPTED) if release == "docs" else (None, None)
    assert (asked, started) == shown


JOB = Job("j-1", "a", "default", "batch", 0, 2, state=JobState.RUNNING, version=1)


def execution(compute: ComputeState, partition: int = 0, version: int = 1) -> Execution:
    """An execution of JOB."""
    live = not compute.is_terminal
    desired = DesiredState.RUNNING if live else DesiredState.STOPPED
    return Execution(
        f"e-{partition}", "default", "", "n", "j-1", JOB, version, partition=partition, desired=desired, compute=compute
    )


DONE, FAILED, RUNS = ComputeState.COMPLETED, ComputeState.FAILED, ComputeState.BID_ACCEPTED


@pytest.mark.parametrize(
    ("kind", "executions", "state"),
    [
        ("batch", [execution(DONE, 0), execution(DONE, 1)], JobState.COMPLETED),
        ("batch", [execution(DONE, 0), execution(RUNS, 1)], JobState.RUNNING),
        ("batch", [execution(DONE, 0), execution(DONE, 0)], JobState.PENDING),
        ("batch", [execution(DONE, 0, version=0), execution(DONE, 1)], JobState.PENDING),
        ("service", [execution(RUNS, 0)], JobState.RUNNING),
        ("service", [execution(FAILED, 0)], JobState.PENDING),
        ("ops", [execution(DONE), execution(DONE)], JobState.COMPLETED),
        ("ops", [execution(DONE), execution(FAILED)], JobState.FAILED),
        ("ops", [execution(FAILED), execution(RUNS)], JobState.RUNNING),
        ("ops", [], JobState.PENDING),
        ("daemon", [execution(FAILED)], JobState.PENDING),
        ("daemon", [execution(RUNS)], JobState.RUNNING),
    ],
)
def test_what_executions_make_of_a_job(kind: str, executions: list[Execution], state: JobState) -> None:
    """Broken: a job's state does not follow from its executions."""
    assert derived_state(replace(JOB, type=kind, state=JobState.PENDING), executions) is state


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.STOPPED])
def test_a_job_that_is_over_stays_so(state: JobState) -> None:
    """Broken: a late execution revives a finished job."""
    assert derived_state(replace(JOB, state=state), [execution(RUNS)]) is state
