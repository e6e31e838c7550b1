"""Executions and history in the released servers' keys (fact sheet 3.8, 3.9)."""

from __future__ import annotations

from typing import Any

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.moment import rfc3339
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import DesiredState
from orchestrator_stub.wire.gojson import sorted_map
from orchestrator_stub.wire.job import job_fields, spec_fields, state_fields

DESIRED_NUMBERS = {DesiredState.PENDING: 0, DesiredState.RUNNING: 1, DesiredState.STOPPED: 2}
_NO_OUTPUT = RunOutput()


def time_text(nanoseconds: int) -> str:
    """Unix nanoseconds as RFC 3339 with the digits that are needed, in UTC; 0 is the zero time of year 1."""
    if not nanoseconds:
        return "0001-01-01T00:00:00Z"
    return rfc3339(nanoseconds).rstrip("Z").rstrip("0").rstrip(".") + "Z"


def execution_fields(execution: Execution, release: Release) -> dict[str, Any]:
    """An execution."""
    fields: dict[str, Any] = {
        "ID": execution.id,
        "Namespace": execution.namespace,
        "EvalID": execution.eval_id,
        "Name": "",
        "NodeID": execution.node_id,
        "JobID": execution.job_id,
    }
    if release.executions_embed_job:
        fields["Job"] = job_fields(execution.job)
        fields["JobVersion"] = execution.job_version
    fields["AllocatedResources"] = {"Tasks": {}}
    fields["DesiredState"] = state_fields(DESIRED_NUMBERS[execution.desired], execution.desired_message)
    fields["ComputeState"] = state_fields(
        release.compute_number(execution.compute),
        execution.compute_message,
        execution.compute_details if release.state_details else None,
    )
    fields["PublishedResult"] = spec_fields(execution.published)
    fields["RunOutput"] = _output_fields(execution.output or _NO_OUTPUT)
    fields["PreviousExecution"] = ""
    fields["NextExecution"] = ""
    fields["FollowupEvalID"] = ""
    if execution.partition and release.partitions:
        fields["PartitionIndex"] = execution.partition
    fields["Revision"] = execution.revision
    fields["CreateTime"] = execution.create_time
    fields["ModifyTime"] = execution.modify_time
    return fields


def _output_fields(output: RunOutput) -> dict[str, Any]:
    return {
        "Stdout": output.stdout,
        "StdoutTruncated": output.stdout_truncated,
        "stderr": output.stderr,
        "StderrTruncated": output.stderr_truncated,
        "ExitCode": output.exit_code,
        "ErrorMsg": output.error,
    }


def history_fields(item: HistoryItem, release: Release, *, with_states: bool = False) -> dict[str, Any] | None:
    """One line of a history; None for a transition without event, which released servers do not show.

    `with_states`: the client says it is older than 1.5 and gets the empty objects it expects (fact sheet 3.9).
    """
    if item.event is None:
        return None
    when = time_text(item.time)
    fields: dict[str, Any] = {
        "SeqNum": item.seq,
        "Type": "ExecutionLevel" if item.execution_id else "JobLevel",
        "JobID": item.job_id,
    }
    if release.unique_names:
        fields["JobVersion"] = item.job_version
    if item.execution_id:
        fields["ExecutionID"] = item.execution_id
    event: dict[str, Any] = {"Message": item.event.message, "Topic": item.event.topic, "Timestamp": when}
    if item.event.details:
        event["Details"] = sorted_map(item.event.details)
    fields["Event"] = event
    fields["Time"] = when
    if with_states:
        fields["ExecutionState" if item.execution_id else "JobState"] = {}
    return fields
