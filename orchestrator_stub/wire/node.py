"""Nodes and build information in the released servers' keys (fact sheet 1.2, 3.10)."""

from __future__ import annotations

from typing import Any

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.wire.execution import time_text
from orchestrator_stub.wire.gojson import plain, sorted_map

OS, ARCHITECTURE = "linux", "amd64"


def version_fields(release: Release) -> dict[str, Any]:
    """Build information, as GET /agent/version and every node show it."""
    major, minor, _ = release.git_version.removeprefix("v").split(".", 2)
    return {
        "Major": major,
        "Minor": minor,
        "GitVersion": release.git_version,
        "GitCommit": release.git_commit,
        "BuildDate": release.build_date,
        "GOOS": OS,
        "GOARCH": ARCHITECTURE,
    }


def node_fields(node: Node, release: Release) -> dict[str, Any]:
    """A node's state."""
    fields: dict[str, Any] = {
        "Info": info_fields(node, release),
        "Membership": node.membership.value,
        "Connection": node.connection.value,
    }
    if release.connection_state:
        state: dict[str, Any] = {
            "Status": node.connection.value,
            "LastHeartbeat": time_text(node.last_heartbeat),
            "ConnectedSince": time_text(node.connected_since),
            "DisconnectedSince": time_text(node.disconnected_since),
        }
        if node.last_error:
            state["LastError"] = node.last_error
        fields["ConnectionState"] = state
    return fields


def info_fields(node: Node, release: Release) -> dict[str, Any]:
    """What a node says about itself."""
    fields: dict[str, Any] = {
        "NodeID": node.id,
        "NodeType": "Compute" if node.is_compute else "Requester",
        "Labels": sorted_map(node.labels),
        "SupportedProtocols": ["bprotocol/v2", "ncl/v1"],
    }
    if node.is_compute or release.connection_state:
        fields["ComputeNodeInfo"] = compute_fields(node, release)
    fields["BacalhauVersion"] = version_fields(release)
    return fields


def compute_fields(node: Node, release: Release) -> dict[str, Any]:
    """The compute side of a node; of an orchestrator alone: nothing but zeros."""
    fields: dict[str, Any] = {
        "ExecutionEngines": list(node.engines) if node.is_compute else None,
        "Publishers": list(node.publishers) if node.is_compute else None,
        "StorageSources": list(node.storage_sources) if node.is_compute else None,
        "MaxCapacity": _capacity_fields(node.capacity),
        "QueueCapacity": {},
        "AvailableCapacity": _capacity_fields(node.available),
        "MaxJobRequirements": _capacity_fields(node.capacity),
        "RunningExecutions": node.running,
        "EnqueuedExecutions": node.enqueued,
    }
    if release.connection_state:
        fields["address"] = node.address
    return fields


def running_fields(execution: Execution, resources: Capacity) -> dict[str, Any]:
    """What GET /agent/debug says of something that runs on a node: nodes know such an execution as BidAccepted.

    `resources`: what it was given (fact sheet 1.2; FINDINGS-docker 6, 75/*-debug).
    """
    return {
        "ExecutionID": execution.id,
        "JobID": execution.job_id,
        "State": "BidAccepted",
        "AllocatedResources": {"Tasks": {execution.job.task.name: _capacity_fields(resources)}},
    }


def _capacity_fields(capacity: Capacity) -> dict[str, Any]:
    amounts = {"CPU": plain(capacity.cpu), "Memory": capacity.memory, "Disk": capacity.disk, "GPU": capacity.gpu}
    return {key: value for key, value in amounts.items() if value}
