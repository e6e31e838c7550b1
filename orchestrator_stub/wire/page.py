"""The shapes that the user's document prints ("Orchestrator Endpoint"): its keys, in its order, with its defaults."""

from __future__ import annotations

from typing import Any

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import ComputeState, JobState
from orchestrator_stub.wire.execution import DESIRED_NUMBERS, time_text
from orchestrator_stub.wire.gojson import plain, sorted_map
from orchestrator_stub.wire.job import constraint_fields, network_fields, timeouts_fields
from orchestrator_stub.wire.node import version_fields

_S3_KEYS = ("Bucket", "Key", "Region", "ChecksumSHA256", "VersionID")
PEER_PORT = 1235
"""The port in the addresses of nodes."""


def job_fields(job: Job) -> dict[str, Any]:
    """A job; nothing is left out for being empty."""
    return {
        "ID": job.id,
        "Name": job.name,
        "Namespace": job.namespace,
        "Type": job.type,
        "Priority": job.priority,
        "Count": job.count or 0,
        "Constraints": [constraint_fields(constraint) for constraint in job.constraints],
        "Meta": sorted_map(job.meta),
        "Labels": sorted_map(job.labels),
        "Tasks": [_task_fields(task) for task in job.tasks],
        "State": {"StateType": job.state.value, "Message": job.message},
        "Version": job.version,
        "Revision": job.revision,
        "CreateTime": job.create_time,
        "ModifyTime": job.modify_time,
    }


def _task_fields(task: Task) -> dict[str, Any]:
    resources = task.resources
    return {
        "Name": task.name,
        "Engine": _given_spec(task.engine),
        "Publisher": _given_spec(task.publisher),
        "Env": sorted_map(task.env),
        "Meta": sorted_map(task.meta),
        "InputSources": [
            {"Source": _given_spec(source.source), "Alias": source.alias, "Target": source.target}
            for source in task.input_sources
        ],
        "ResultPaths": [{"Name": path.name, "Path": path.path} for path in task.result_paths],
        "Resources": {
            "CPU": resources.cpu,
            "Memory": resources.memory,
            "Disk": resources.disk,
            "GPU": resources.gpu,
        },
        "Network": network_fields(task.network),
        "Timeouts": timeouts_fields(task.timeouts),
    }


def _given_spec(spec: SpecConfig) -> dict[str, Any]:
    """What a user gave: without parameters `{}`."""
    return {"Type": spec.type, "Params": sorted_map(spec.params or {})}


def result_fields(spec: SpecConfig) -> dict[str, Any]:
    """What was published: without parameters null. The page shows the object in S3 itself, not a signed URL for it."""
    if spec.type == "s3PreSigned":
        spec = SpecConfig("s3", (spec.params or {}).get("SourceSpec"))
    if not spec.params:
        return {"Type": spec.type, "Params": None}
    if spec.type != "s3":
        return {"Type": spec.type, "Params": sorted_map(spec.params)}
    given = {key: value for key, value in spec.params.items() if value and key not in _S3_KEYS}
    return {"Type": "s3", "Params": {key: spec.params.get(key, "") for key in _S3_KEYS} | sorted_map(given)}


def execution_fields(execution: Execution, release: Release) -> dict[str, Any]:
    """An execution; result and output are null until it completed."""
    completed = execution.compute is ComputeState.COMPLETED
    return {
        "ID": execution.id,
        "Namespace": execution.namespace,
        "EvalID": "",
        "Name": "",
        "NodeID": execution.node_id,
        "JobID": execution.job_id,
        "AllocatedResources": {"Tasks": {}},
        "DesiredState": {
            "StateType": DESIRED_NUMBERS[execution.desired],
            "Message": execution.desired_message,
        },
        "ComputeState": {
            "StateType": release.compute_number(execution.compute),
            "Message": execution.compute_message,
        },
        "PublishedResult": result_fields(execution.published) if completed else None,
        "RunOutput": _output_fields(execution.output) if execution.output else None,
        "PreviousExecution": "",
        "NextExecution": "",
        "FollowupEvalID": "",
        "Revision": execution.revision,
        "CreateTime": execution.create_time,
        "ModifyTime": execution.modify_time,
    }


def _output_fields(output: RunOutput) -> dict[str, Any]:
    return {
        "stdout": output.stdout,
        "stdouttruncated": output.stdout_truncated,
        "stderr": output.stderr,
        "stderrtruncated": output.stderr_truncated,
        "exitCode": output.exit_code,
        "runnerError": output.error,
    }


def history_fields(item: HistoryItem, release: Release) -> dict[str, Any] | None:
    """A transition; None for an event that changed no state."""
    if item.new is None:
        return None
    return {
        "Type": "ExecutionLevel" if item.execution_id else "JobLevel",
        "JobID": item.job_id,
        "NodeID": item.node_id,
        "ExecutionID": item.execution_id,
        "JobState": None if item.execution_id else _change(item, release),
        "ExecutionState": _change(item, release) if item.execution_id else None,
        "NewRevision": item.revision,
        "Comment": item.comment,
        "Time": time_text(item.time),
    }


def _change(item: HistoryItem, release: Release) -> dict[str, Any]:
    """Execution states are numbers, job states words; a side that is undefined is left out."""
    sides = {"Previous": item.previous, "New": item.new}
    shown: dict[str, str | int] = {}
    for side, state in sides.items():
        if isinstance(state, ComputeState):
            shown[side] = release.compute_number(state)
        elif isinstance(state, JobState):
            shown[side] = state.value
    return shown


def node_fields(node: Node, release: Release) -> dict[str, Any]:
    """A node."""
    fields: dict[str, Any] = {
        "PeerInfo": {"ID": node.id, "Addrs": [f"/ip4/{node.address or '127.0.0.1'}/tcp/{PEER_PORT}"]},
        "NodeType": "Compute" if node.is_compute else "Requester",
        "Labels": sorted_map(node.labels),
    }
    if node.is_compute:
        fields["ComputeNodeInfo"] = {
            "ExecutionEngines": list(node.engines),
            "Publishers": list(node.publishers),
            "StorageSources": list(node.storage_sources),
            "MaxCapacity": _capacity_fields(node.capacity),
            "AvailableCapacity": _capacity_fields(node.available),
            "MaxJobRequirements": _capacity_fields(node.capacity),
            "RunningExecutions": node.running,
            "EnqueuedExecutions": node.enqueued,
        }
    fields["BacalhauVersion"] = version_fields(release)
    return fields


def _capacity_fields(capacity: Capacity) -> dict[str, Any]:
    return {"CPU": plain(capacity.cpu), "Memory": capacity.memory, "Disk": capacity.disk, "GPU": capacity.gpu}
