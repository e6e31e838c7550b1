"""Words and sentences of the servers' events (fact sheet 5.3 to 5.6; FINDINGS-docker 5)."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.quantity import duration_text
from orchestrator_stub.domain.states import JobState

SUBMISSION = "Submission"
STATE_UPDATE = "State Update"
SCHEDULING = "Scheduling"
QUEUEING = "Queueing"
EXECUTION = "Execution"
EXEC_TIMEOUT = "Exec Timeout"
JOB_TIMEOUT = "Job Timeout"
EXEC_SCANNING = "Exec Scanning"
RUNNING_EXECUTION = "Running Execution"
PUBLISHING_RESULTS = "Publishing Results"

IS_ERROR: Mapping[str, str] = {"IsError": "true"}
_TIMEOUT_DETAILS: Mapping[str, str] = {
    "FailsExecution": "true",
    "Hint": "Increase the task timeout or allocate more resources",
    "IsError": "true",
}

JOB_SUBMITTED = Event(SUBMISSION, "Job submitted")
JOB_UPDATED = Event(SUBMISSION, "Job updated")
JOB_RERUN = Event(SUBMISSION, "Job rerun requested", {"Reason": "job rerun"})
JOB_CREATED = Event(SUBMISSION, "Job created")
"""How the user's document calls it."""
JOB_RUNNING = Event(STATE_UPDATE, str(JobState.RUNNING), {"NewState": str(JobState.RUNNING)})
JOB_COMPLETED = Event(STATE_UPDATE, str(JobState.COMPLETED), {"NewState": str(JobState.COMPLETED)})
JOB_EXECUTIONS_FAILED = Event(SCHEDULING, "Job failed because one or more executions failed")
JOB_RETRIES_EXHAUSTED = Event(SCHEDULING, "Job failed because it has been retried too many times")

EXECUTION_RUNNING = Event(EXECUTION, "Running")
EXECUTION_COMPLETED = Event(EXECUTION, "Completed successfully")
NODE_RESTARTED = Event(EXECUTION, "Failing due to node restart", {"FailsExecution": "true"})
"""A node found the execution in its books when it started again (fact sheet 5.5h)."""
STOPPED_WITH_JOB = Event(SCHEDULING, "Execution stop requested because job has been stopped")
NODE_DISAPPEARED = Event(SCHEDULING, "Execution stop requested because node has disappeared")
BID_REFUSED = Event(SCHEDULING, "Execution stop requested because node has been rejected")
NOT_NEEDED = Event(SCHEDULING, "Execution stop requested because there are more executions than needed")
STOPPED_BY_FAILURE = Event(SCHEDULING, "Execution stopped due to job failure")
STOPPED_FOR_UPDATE = Event(SCHEDULING, "Execution stopped for job update")

UNEXPECTED_END = "execution completed unexpectedly"
"""Both states of a service's or daemon's execution that ended."""


def requested_on(node_id: str) -> Event:
    """An execution was placed."""
    return Event(SCHEDULING, f"Requested execution on {short_id(node_id)}", {"NodeID": node_id})


def stop_requested(reason: str) -> Event:
    """A user stopped the job."""
    return Event(SCHEDULING, "Job requested to stop before completion", {"Reason": reason})


def queued(reason: str) -> Event:
    """The job waits for nodes."""
    return Event(QUEUEING, f"Job queued. {reason}")


def job_timed_out(seconds: int) -> Event:
    """The job's TotalTimeout is over."""
    return Event(JOB_TIMEOUT, f"Job timed out. Job took longer than {duration_text(seconds)}", _TIMEOUT_DETAILS)


def execution_timed_out(seconds: int) -> Event:
    """The orchestrator found an execution beyond its ExecutionTimeout."""
    text = f"Execution timed out. Execution took longer than {duration_text(seconds)}"
    return Event(EXEC_TIMEOUT, text, _TIMEOUT_DETAILS)


def execution_expired(seconds: int) -> Event:
    """The node ended a run at its limit."""
    return Event(RUNNING_EXECUTION, f"Execution timed out after {duration_text(seconds)}", IS_ERROR)


def short_id(full: str) -> str:
    """Prefix and first eight digits of a node, job or execution id; other names as they are (fact sheet 4.6)."""
    head, dash, rest = full.partition("-")
    if dash and len(head) == 1 and len(rest) == 36:
        return full[:10]
    return full[:8] if full.startswith("Qm") and len(full) == 46 else full
