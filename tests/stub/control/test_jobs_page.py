"""The plain page of jobs."""

from __future__ import annotations

from orchestrator_stub.control.jobs_page import MOST, render
from orchestrator_stub.domain.events import Event, HistoryItem
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.states import ComputeState, JobState

JOB = Job(
    id="j-1",
    name="<script>alert(1)</script>",
    namespace="default",
    type="batch",
    priority=0,
    count=1,
    tasks=(Task("main", SpecConfig("wasm")),),
    state=JobState.FAILED,
    message="a <b> & c",
    create_time=1_735_689_600 * 10**9,
)
EXECUTION = Execution(
    id="e-1", namespace="default", eval_id="", node_id="n-1", job_id="j-1", job=JOB, job_version=1,
    compute=ComputeState.COMPLETED, output=RunOutput(stdout="hello <world>\n", exit_code=3),
)  # fmt: skip
HISTORY = HistoryItem(seq=1, time=JOB.create_time, job_id="j-1", job_version=1, event=Event("Submission", "Job submitted"))


def test_each_job_is_what_the_job_link_points_at():
    """The link in Airflow would open a page that does not show the job."""
    assert 'id="/jobs/j-1"' in render("1.9.3", 1, [(JOB, [EXECUTION], [HISTORY])])


def test_what_jobs_say_is_text_on_the_page():
    """A job's name or output could run scripts in the user's browser."""
    page = render("1.9.3", 1, [(JOB, [EXECUTION], [HISTORY])])
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "a &lt;b&gt; &amp; c" in page
    assert "hello &lt;world&gt;" in page


def test_executions_and_history_are_shown():
    """The page would not answer why a job failed."""
    page = render("1.9.3", 1, [(JOB, [EXECUTION], [HISTORY])])
    assert "exit code 3" in page
    assert "Job submitted" in page
    assert "2025-01-01 00:00:00" in page


def test_the_page_says_when_it_does_not_show_all():
    """A user would look for a job that is not on the page."""
    assert f"the newest {MOST} of 5000 jobs" in render("1.9.3", 5000, [])
    assert "No job yet." in render("1.9.3", 0, [])
