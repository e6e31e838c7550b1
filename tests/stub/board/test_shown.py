"""Jobs and executions as the page gets them."""

from __future__ import annotations

from orchestrator_stub.board.shown import MOST_EXECUTIONS, MOST_LINES, brief, listed, opened, time_text
from orchestrator_stub.domain.events import Event, HistoryItem
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.states import ComputeState, JobState
from orchestrator_stub.engine.overview import Found, Seen

START = 1_735_689_600 * 10**9
JOB = Job(
    id="j-1", name="one", namespace="default", type="batch", priority=0, count=2,
    tasks=(Task("main", SpecConfig("docker", {"Image": "acme/clean:1.4"})),),
    state=JobState.FAILED, message="why", create_time=START,
)  # fmt: skip
RUN = Execution(
    id="e-1", namespace="default", eval_id="", node_id="n-1", job_id="j-1", job=JOB, job_version=1,
    compute=ComputeState.COMPLETED, output=RunOutput(stdout="hello\n", exit_code=3), create_time=START,
)  # fmt: skip
LINE = HistoryItem(1, START + 5 * 10**6, "j-1", 1, event=Event("Scheduling", "no node", {"IsError": "true", "Hint": "add one"}))


def test_times_are_text_to_the_millisecond():
    """A browser counts in milliseconds, and nanoseconds of today do not fit its numbers."""
    assert time_text(START + 123_456_789) == "2025-01-01T00:00:00.123Z"
    assert time_text(0) == ""


def test_a_row_counts_executions_by_state():
    """A job of a hundred partitions would need a hundred lines to say how far it is."""
    (row,) = listed(Found(((JOB, (RUN, RUN)),), 1), {JobState.FAILED: 1})["jobs"]
    assert row["runs"] == {"Completed": 2}
    assert row["exit_codes"] == [3], "nothing else in the list tells that its program failed"
    assert (row["image"], row["state"], row["message"]) == ("acme/clean:1.4", "Failed", "why")


def test_a_job_of_many_executions_shows_the_newest_and_says_so():
    """The page would hang on a job of ten thousand partitions."""
    seen = opened(Seen(JOB, (RUN,) * (MOST_EXECUTIONS + 3), (LINE,) * (MOST_LINES + 2)))
    assert (len(seen["executions"]), seen["more_executions"]) == (MOST_EXECUTIONS, 3)
    assert (len(seen["history"]), seen["more_history"]) == (MOST_LINES, 2)


def test_history_shows_errors_with_their_hints():
    """The reader would have to guess what to do."""
    (line,) = opened(Seen(JOB, (), (LINE,)))["history"]
    assert (line["is_error"], line["hint"], line["time"]) == (True, "add one", "2025-01-01T00:00:00.005Z")


def test_history_of_the_users_document_shows_transitions():
    """A stub that answers like the document would have an empty history on its board."""
    item = HistoryItem(1, START, "j-1", 1, previous=JobState.PENDING, new=JobState.RUNNING, comment="c")
    (line,) = opened(Seen(JOB, (), (item,)))["history"]
    assert (line["topic"], line["message"]) == ("Pending to Running", "c")


def test_what_runs_on_a_node_names_its_job():
    """A list of execution ids says nothing to its reader."""
    assert brief(RUN) == {"id": "e-1", "job": "j-1", "name": "one", "partition": 0, "state": "Completed"}
