"""The document's shapes, against the bodies that it prints."""

from __future__ import annotations

import json

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.job import Job, Network, SpecConfig, Task, Timeouts
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.wire.execution import time_text
from orchestrator_stub.wire.page import execution_fields, history_fields, job_fields, node_fields, result_fields

DOCS = RELEASES["docs"]


def same(shown, printed):
    """Equal, in the same order at every level."""
    assert json.dumps(shown, indent=1) == json.dumps(printed, indent=1)


def test_the_printed_job(page):
    """GET /jobs/:id would not print what the page prints."""
    printed = page["describe_job"]["Job"]
    engine = printed["Tasks"][0]["Engine"]
    task = Task("main", SpecConfig("docker", engine["Params"]), network=Network("None"), timeouts=Timeouts(1800))
    job = Job(
        printed["ID"],
        printed["Name"],
        "default",
        "batch",
        0,
        1,
        meta=printed["Meta"],
        labels=printed["Labels"],
        tasks=(task,),
        state=JobState.COMPLETED,
        revision=2,
        create_time=printed["CreateTime"],
        modify_time=printed["ModifyTime"],
    )
    shown = job_fields(job)
    assert sorted(shown["Meta"].items()) == sorted(printed["Meta"].items())
    shown["Meta"] = printed["Meta"]  # the page prints an order that no map of a server has
    same(shown, printed)


def test_the_printed_executions(page):
    """GET /jobs/:id/executions would not print what the page prints."""
    for printed in page["job_executions"]["Executions"]:
        execution = Execution(
            printed["ID"],
            "default",
            "evaluation",
            printed["NodeID"],
            printed["JobID"],
            job=None,
            job_version=0,
            desired=DesiredState.STOPPED,
            desired_message="execution completed",
            compute=ComputeState.COMPLETED,
            output=RunOutput("hello world\n"),
            revision=6,
            create_time=printed["CreateTime"],
            modify_time=printed["ModifyTime"],
        )
        same(execution_fields(execution, DOCS), printed)


def test_an_execution_that_has_not_completed_has_neither_result_nor_output():
    """A client that reads `RunOutput` of a running execution would see a success that is none."""
    execution = Execution("e-1", "default", "", "n", "j", job=None, job_version=0, compute=ComputeState.BID_ACCEPTED)
    shown = execution_fields(execution, DOCS)
    assert (shown["PublishedResult"], shown["RunOutput"], shown["ComputeState"]["StateType"]) == (None, None, 5)


def test_the_printed_history(page):
    """GET /jobs/:id/history would not print what the page prints."""
    numbers = {1: ComputeState.NEW, 2: ComputeState.ASK_FOR_BID, 3: ComputeState.ASK_FOR_BID_ACCEPTED}
    numbers |= {5: ComputeState.BID_ACCEPTED, 7: ComputeState.COMPLETED}
    for printed in page["job_history"]["History"]:
        change = printed["ExecutionState"]
        item = HistoryItem(
            0,
            1_695_885_781 * 10**9,
            printed["JobID"],
            0,
            printed["ExecutionID"],
            printed["NodeID"],
            previous=numbers[change["Previous"]],
            new=numbers[change["New"]],
            revision=printed["NewRevision"],
        )
        same(history_fields(item, DOCS), printed | {"Time": time_text(item.time)})


def test_a_job_level_line_has_words_for_states_and_null_for_the_execution():
    """A client would read an execution's number as a job's state."""
    item = HistoryItem(0, 1, "j", 0, previous=JobState.PENDING, new=JobState.COMPLETED, revision=2)
    shown = history_fields(item, DOCS)
    assert (shown["Type"], shown["JobState"], shown["ExecutionState"]) == (
        "JobLevel",
        {"Previous": "Pending", "New": "Completed"},
        None,
    )


def test_the_printed_results(page):
    """GET /jobs/:id/results would not print what the page prints."""
    (printed,) = page["job_results"]["Results"]
    same(result_fields(SpecConfig("s3", printed["Params"])), printed)
    assert result_fields(SpecConfig("")) == {"Type": "", "Params": None}


def test_the_printed_nodes(page):
    """GET /nodes would not print what the page prints."""
    for printed in [page["describe_node"]["Node"], *page["list_nodes"]["Nodes"]]:
        info = printed["ComputeNodeInfo"]
        maximum = Capacity(*(info["MaxCapacity"][key] for key in ("CPU", "Memory", "Disk", "GPU")))
        node = Node(
            printed["PeerInfo"]["ID"],
            labels=printed["Labels"],
            engines=tuple(info["ExecutionEngines"]),
            publishers=tuple(info["Publishers"]),
            storage_sources=tuple(info["StorageSources"]),
            capacity=maximum,
            available=maximum,
            address=printed["PeerInfo"]["Addrs"][0].split("/")[2],
        )
        shown = node_fields(node, DOCS)
        if info["MaxJobRequirements"] != info["MaxCapacity"]:  # one printed node takes smaller jobs than it is large
            shown["ComputeNodeInfo"]["MaxJobRequirements"] = info["MaxJobRequirements"]
        same(shown, printed)
