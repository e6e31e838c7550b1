"""Recorded answers of real servers, and domain values rebuilt from them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from orchestrator_stub.domain.events import Event, HistoryItem
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import Connection, DesiredState, Membership

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
RELEASED = ("1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3")


@pytest.fixture(params=RELEASED)
def release(request):
    """Each released server."""
    return RELEASES[request.param]


@pytest.fixture
def steps(release):
    """Steps of a recorded scenario of the release, by id."""

    def load(scenario):
        (path,) = (GOLDEN / release.name).glob(f"{scenario}-*.json")
        return {step["id"]: step for step in json.loads(path.read_text())["steps"]}

    return load


@pytest.fixture
def page():
    """The bodies that the user's document prints."""
    return json.loads((GOLDEN / "docs" / "page.json").read_text())


@pytest.fixture
def rebuild():
    """Domain values from recorded bodies."""
    return Rebuild


class Rebuild:
    """Recorded JSON -> domain."""

    @staticmethod
    def execution(fields, job, release):
        """An execution of `job`."""
        states = {number: state for state, number in release.compute_numbers.items()}
        desired = (DesiredState.PENDING, DesiredState.RUNNING, DesiredState.STOPPED)[fields["DesiredState"]["StateType"]]
        output = fields["RunOutput"]
        return Execution(
            id=fields["ID"],
            namespace=fields["Namespace"],
            eval_id=fields["EvalID"],
            node_id=fields["NodeID"],
            job_id=fields["JobID"],
            job=job,
            job_version=fields.get("JobVersion", 0),
            partition=fields.get("PartitionIndex", 0),
            desired=desired,
            desired_message=fields["DesiredState"].get("Message", ""),
            compute=states[fields["ComputeState"]["StateType"]],
            compute_message=fields["ComputeState"].get("Message", ""),
            compute_details=fields["ComputeState"].get("Details", {}),
            published=SpecConfig(fields["PublishedResult"]["Type"], fields["PublishedResult"].get("Params")),
            output=RunOutput(
                output["Stdout"],
                output["StdoutTruncated"],
                output["stderr"],
                output["StderrTruncated"],
                output["ExitCode"],
                output["ErrorMsg"],
            ),
            revision=fields["Revision"],
            create_time=fields["CreateTime"],
            modify_time=fields["ModifyTime"],
        )

    @staticmethod
    def history_item(fields):
        """A line of a history."""
        event = fields["Event"]
        return HistoryItem(
            seq=fields["SeqNum"],
            time=nanoseconds(fields["Time"]),
            job_id=fields["JobID"],
            job_version=fields.get("JobVersion", 0),
            execution_id=fields.get("ExecutionID", ""),
            event=Event(event["Topic"], event["Message"], event.get("Details", {})),
        )

    @staticmethod
    def node(fields):
        """A node."""
        info, connection = fields["Info"], fields.get("ConnectionState", {})
        compute = info.get("ComputeNodeInfo") or {}
        return Node(
            id=info["NodeID"],
            is_compute=info["NodeType"] == "Compute",
            labels=info["Labels"],
            engines=tuple(compute.get("ExecutionEngines") or ()),
            publishers=tuple(compute.get("Publishers") or ()),
            storage_sources=tuple(compute.get("StorageSources") or ()),
            capacity=_capacity(compute.get("MaxCapacity", {})),
            available=_capacity(compute.get("AvailableCapacity", {})),
            running=compute.get("RunningExecutions", 0),
            membership=Membership(fields["Membership"]),
            connection=Connection(fields["Connection"]),
            last_heartbeat=nanoseconds(connection.get("LastHeartbeat", "")),
            connected_since=nanoseconds(connection.get("ConnectedSince", "")),
            disconnected_since=nanoseconds(connection.get("DisconnectedSince", "")),
        )


def _capacity(fields):
    return Capacity(fields.get("CPU", 0.0), fields.get("Memory", 0), fields.get("Disk", 0), fields.get("GPU", 0))


def nanoseconds(text):
    """RFC 3339 with up to nine digits -> unix nanoseconds; "" and year 1 -> 0."""
    if not text or text.startswith("0001"):
        return 0
    whole, _, digits = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 10**9 + int(digits.ljust(9, "0") or 0)
