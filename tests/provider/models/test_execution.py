"""Reading an execution."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.models.capabilities import Capabilities
from airflow_provider_bacalhau.models.execution import Execution

PAGE = Capabilities.from_version("v1.1.0")


def read(body, release):
    """The only execution of an answer."""
    (one,) = body["Items"]
    return Execution.read(one, Capabilities.from_version(release))


def test_a_recorded_completed_execution_is_read(recorded, release):
    """State, exit code or output of one of the releases would be lost."""
    body = recorded(release, "06", "executions")
    one = read(body, release)
    assert (one.compute_state, one.desired_state, one.desired_message) == (
        "Completed",
        "Stopped",
        "execution completed",
    )
    assert (one.stdout, one.stderr, one.exit_code) == ("hello stdout\n", "hello stderr\n", 0)
    assert one.reported_exit_code == 0
    assert one.is_terminal
    assert not one.is_live
    assert one.node_id.startswith("n-")
    assert one.published is None
    assert one.partition == 0
    assert one.modify_time > one.create_time


def test_a_recorded_execution_comes_back_as_it_was(recorded, release):
    """A hook method would return something else than the server's own words."""
    sent = recorded(release, "06", "executions")["Items"][0]
    plain = read(recorded(release, "06", "executions"), release).to_plain()
    left_out = {"Name", "Job", "AllocatedResources", "PreviousExecution", "NextExecution", "FollowupEvalID"}
    assert {key: plain[key] for key in sent if key not in left_out} == {
        key: value for key, value in sent.items() if key not in left_out
    }


def test_a_recorded_stopped_execution_has_no_exit_code(recorded, release):
    """A stopped program would be reported with exit code 0, which it never had."""
    one = read(recorded(release, "21", "execution"), release)
    assert one.compute_state == "Cancelled"
    assert one.exit_code == 0
    assert one.reported_exit_code is None


def test_what_it_published_is_read(recorded, release):
    """The place of a result would be unknown before /results is asked."""
    one = read(recorded(release, "11", "executions"), release)
    assert one.published.type == "urlDownload"
    assert one.published.params["URL"].endswith(f"{one.id}.tar.gz")
    assert one.to_plain()["PublishedResult"] == one.published.to_plain()


def test_the_documents_executions_are_read(page):
    """Lower-case output keys and the integer 7 of the user's document would be misread."""
    found = [Execution.read(one, PAGE) for one in page["job_executions"]["Executions"]]
    assert [one.compute_state for one in found] == ["Completed"] * 3
    assert {one.stdout for one in found} == {"hello world\n"}
    assert [one.reported_exit_code for one in found] == [0, 0, 0]
    assert found[0].to_plain()["ComputeState"] == {"StateType": 9}


def test_null_output_and_result_of_the_documents_server_are_read():
    """A failed execution of 1.1.0 has RunOutput and PublishedResult null."""
    one = Execution.read(
        {"ID": "e-1", "ComputeState": {"StateType": 8, "Message": "boom"}, "RunOutput": None, "PublishedResult": None},
        PAGE,
    )
    assert (one.compute_state, one.compute_message, one.stdout, one.published) == ("Failed", "boom", "", None)
    assert one.reported_exit_code is None


@pytest.mark.parametrize(
    ("state", "message", "code", "reported"),
    [
        ("Completed", "Running", 3, 3),
        ("Completed", "", -1, -1),
        ("Failed", "execution completed unexpectedly", 1, 1),
        ("Failed", "Execution timed out after 3s", 0, None),
        ("Cancelled", "", 0, None),
        ("Running", "", 0, None),
    ],
)
def test_an_exit_code_is_reported_only_where_there_is_one(state, message, code, reported):
    """ExitCode 0 of a failed, stopped or running execution would pass for success."""
    one = Execution(id="e-1", compute_state=state, compute_message=message, exit_code=code)
    assert one.reported_exit_code == reported


@pytest.mark.parametrize(
    ("compute", "desired", "live"),
    [
        ("New", "Pending", True),
        ("New", "Running", True),
        ("AskForBidAccepted", "Running", True),
        ("BidAccepted", "Running", True),
        ("BidAccepted", "Stopped", False),
        ("AskForBidRejected", "Stopped", False),
        ("Completed", "Stopped", False),
        ("Unknown(42)", "Running", True),
    ],
)
def test_what_is_live(compute, desired, live):
    """A running service would look finished, or a refused bid would look like a run."""
    assert Execution(id="e-1", compute_state=compute, desired_state=desired).is_live is live


def test_the_error_of_the_runner_is_read_in_both_spellings():
    """`runnerError` of 1.1.0 would be lost."""
    for key in ("ErrorMsg", "runnerError"):
        assert Execution.read({"ID": "e-1", "RunOutput": {key: "no memory"}}).error == "no memory"


def test_an_unknown_state_survives_the_way_out():
    """A new state of a newer server would become a wrong number."""
    one = Execution.read({"ID": "e-1", "ComputeState": {"StateType": 42}}, Capabilities.from_version("v1.9.3"))
    assert one.to_plain()["ComputeState"] == {"StateType": "Unknown(42)"}
    assert not one.is_terminal
