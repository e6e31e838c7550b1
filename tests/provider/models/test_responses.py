"""Reading lists, events, versions and the small answers."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.models.capabilities import Capabilities
from airflow_provider_bacalhau.models.job import Job
from airflow_provider_bacalhau.models.responses import HistoryItem, Page, Stopped, Submitted, Version

PAGE = Capabilities.from_version("v1.1.0")


def test_a_recorded_list_is_read(recorded, release):
    """A list of one of the releases would come out empty."""
    body = recorded(release, "06", "history")
    page = Page.read(body, "history", HistoryItem.read)
    assert [item.seq for item in page.items] == [1, 2, 3, 4, 5, 6]
    assert page.next_token == ""


def test_a_list_is_read_under_its_own_name(page):
    """The user's document names its lists Jobs, Executions, History, Results, Nodes."""
    jobs = Page.read(page["list_jobs"], "jobs", Job.read)
    assert [job.id[:10] for job in jobs.items] == ["j-f6331e9a", "j-f7853204", "j-f791ad14"]


def test_a_null_list_is_empty_and_a_missing_one_an_error():
    """A foreign answer would pass for an empty list."""
    assert Page.read({"Items": None}, "jobs", Job.read).items == ()
    with pytest.raises(ValueError, match="no list of jobs"):
        Page.read({"Message": "hello"}, "jobs", Job.read)


@pytest.mark.parametrize(
    ("came", "led_here", "following"), [("t2", "t1", "t2"), ("t2", None, "t2"), ("", "t1", None), ("t1", "t1", None)]
)
def test_the_next_page(came, led_here, following):
    """Following the token of a running job's history, which repeats, would never end."""
    assert Page((), came).following(led_here) == following


def test_recorded_events_are_read(recorded, release):
    """Topic, message, node or state of an event would be lost."""
    items = Page.read(recorded(release, "06", "history"), "history", HistoryItem.read).items
    assert [(item.type, item.topic, item.message) for item in items[:2]][0] == (
        "JobLevel",
        "Submission",
        "Job submitted",
    )
    requested = items[1]
    assert requested.topic == "Scheduling"
    assert requested.execution_id.startswith("e-")
    assert requested.node_id == requested.details["NodeID"]
    assert items[-1].new == "Completed"
    assert items[-1].previous is None


def test_recorded_events_come_back_as_they_were(recorded, release):
    """A hook method would return something else than the server's own words."""
    for sent in recorded(release, "06", "history")["Items"]:
        plain = HistoryItem.read(sent).to_plain()
        assert plain["Event"]["Message"] == sent["Event"]["Message"]
        assert plain["Event"]["Details"] == sent["Event"].get("Details", {})
        assert {key: plain[key] for key in ("SeqNum", "Type", "JobID", "Time")} == {
            key: sent[key] for key in ("SeqNum", "Type", "JobID", "Time")
        }


def test_the_documents_transitions_are_read(page):
    """Previous and new state of the user's document would be integers nobody can read."""
    items = [HistoryItem.read(item, PAGE) for item in page["job_history"]["History"]]
    assert [(item.previous, item.new) for item in items[-2:]] == [
        ("AskForBidAccepted", "BidAccepted"),
        ("BidAccepted", "Completed"),
    ]
    assert items[0].node_id.startswith("Qm")
    assert items[-1].to_plain()["Event"]["Details"]["NewState"] == "Completed"


def test_a_job_transition_with_its_comment_is_read():
    """The only reason of a failure that 1.1.0 gives stands in Comment."""
    item = HistoryItem.read(
        {
            "Type": "JobLevel",
            "JobID": "j-1",
            "JobState": {"Previous": "Pending", "New": "Failed"},
            "ExecutionState": None,
            "Comment": "not enough nodes",
            "Time": "2023-09-28T07:23:01Z",
        },
        PAGE,
    )
    assert (item.previous, item.new, item.message) == ("Pending", "Failed", "not enough nodes")


def test_the_submit_answer_is_read(recorded, release, page):
    """Warnings would be lost, or null warnings break a submit."""
    plain = Submitted.read(recorded(release, "06", "submit"))
    assert plain.job_id.startswith("j-")
    assert plain.warnings == []
    assert Submitted.read(page["create_job"]).warnings == ["job create time is ignored when submitting a job"]


@pytest.mark.parametrize("body", [{}, {"JobID": ""}, {"JobID": None}, []])
def test_a_submit_answer_without_id_is_refused(body):
    """A task would wait for a job without id."""
    with pytest.raises(ValueError):
        Submitted.read(body)


def test_the_stop_answer_is_read(recorded, release):
    """A second stop, which has an empty id, would be an error."""
    assert Stopped.read(recorded(release, "21", "stop-reason")).evaluation_id
    assert Stopped.read(recorded(release, "21", "stop-twice")).evaluation_id == ""


@pytest.mark.parametrize("key", ["GitVersion", "gitversion"])
def test_the_version_is_read_in_both_spellings(key):
    """1.1.0 would be taken for an unknown server and its integers misread."""
    version = Version.read({key: "v1.1.0"})
    assert version.release == "1.1.0"


def test_a_version_answer_without_version_is_refused():
    """Another service's JSON would pass for a Bacalhau server."""
    with pytest.raises(ValueError, match="GitVersion"):
        Version.read({"status": "up"})


def test_the_moment_of_an_event_can_be_reckoned_with():
    """How long a job was queued could not be told."""
    assert HistoryItem(time="2026-11-24T00:38:02.725495708Z").nanoseconds == pytest.approx(1_795_480_682_725_495_000, abs=1_000)
    assert HistoryItem(time="").nanoseconds == 0
