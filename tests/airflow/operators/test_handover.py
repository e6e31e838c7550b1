"""What a task leaves behind: XCom, link, log, and its value or its error."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import BacalhauJobFailed
from airflow_provider_bacalhau.links.job import XCOM_KEY, BacalhauJobLink
from airflow_provider_bacalhau.version_compat import AirflowFailException, AirflowSkipException


def test_a_finished_job_leaves_its_handle_in_all_keys(orchestrator, operator, context):
    """Downstream tasks would find nothing, or not what the contract names."""
    ctx = context(op := operator())
    handle = op.execute(ctx)
    job = orchestrator.only_job()
    assert handle["job_id"] == job["ID"]
    assert handle["state"] == "Completed"
    assert handle["server"] == orchestrator.url
    kept = ctx["ti"].xcom
    assert kept["job_id"] == job["ID"]
    assert kept["bacalhau_job"] == handle
    assert kept["results"] == []
    assert kept["exit_codes"] == [0]
    assert "result" not in kept


def test_id_and_link_are_there_while_the_job_runs(orchestrator, operator, context, connection, pauses):
    """Nobody could open or stop a running job from the UI (P18)."""
    connection(extra={"webui_url": "https://ui.acme.io"})
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator())
    seen = {}

    def look():
        seen.update(ctx["ti"].xcom)
        orchestrator.become(orchestrator.only_job()["ID"], "Completed")

    pauses.append(look)
    op.execute(ctx)
    job_id = orchestrator.only_job()["ID"]
    assert seen["job_id"] == job_id
    assert seen["bacalhau_job"]["state"] == "Pending"
    assert seen[XCOM_KEY] == f"https://ui.acme.io/jobs?id={job_id}"
    assert BacalhauJobLink().get_link(op, ti_key=None) == seen[XCOM_KEY]


def test_a_failing_job_still_leaves_its_handle(orchestrator, operator, context):
    """A cleanup task could not tell which job to look at."""
    orchestrator.exit_code = 3
    ctx = context(op := operator())
    with pytest.raises(BacalhauJobFailed):
        op.execute(ctx)
    assert ctx["ti"].xcom["bacalhau_job"]["exit_codes"] == [3]
    assert ctx["ti"].xcom["exit_codes"] == [3]


RESULT = {"Type": "s3", "Params": {"Bucket": "b", "Key": "k/out.tar.gz", "Region": "eu-west-1"}}


@pytest.mark.parametrize(
    ("what", "value"),
    [("results", ["s3://b/k/out.tar.gz"]), ("result", "s3://b/k/out.tar.gz"), ("stdout", "42")],
)
def test_the_value_is_what_was_asked_for(orchestrator, operator, context, what, value):
    """expand() and XComArg take the return value only."""
    orchestrator.stdout = "42\n"
    store = orchestrator.add

    def add(job, state=None):
        job = store(job, "Pending")
        orchestrator.results[job["ID"]] = [RESULT]
        orchestrator.become(job["ID"], "Completed")
        return job

    orchestrator.add = add
    ctx = context(op := operator(xcom_value=what))
    assert op.execute(ctx) == value
    assert ctx["ti"].xcom["result"] == "s3://b/k/out.tar.gz"


def test_one_result_was_asked_for_and_there_is_none(operator, orchestrator, context):
    """The next task would get an empty uri."""
    with pytest.raises(Exception, match=r"published 0; use 'results'"):
        (op := operator(xcom_value="result")).execute(context(op))


def test_the_output_is_in_the_log(orchestrator, operator, context, caplog, capsys):
    """Users would have to open another tool to see what their program said."""
    orchestrator.stdout = "row 1\nrow 2\n"
    op = operator(stream_logs="end")
    op.execute(context(op))
    said = capsys.readouterr().out + caplog.text
    assert "row 1" in said
    assert "row 2" in said


def test_the_output_can_be_left_out(orchestrator, operator, context, caplog, capsys):
    """A chatty program would fill the log although nobody wants it."""
    orchestrator.stdout = "row 1\n"
    op = operator(stream_logs="off")
    op.execute(context(op))
    assert "row 1" not in capsys.readouterr().out + caplog.text


def test_a_task_that_does_not_wait_leaves_the_job_running(orchestrator, operator, context):
    """The task would wait, or a later kill would stop a job that is meant to live on."""
    orchestrator.outcome = lambda job: "Running"
    op = operator(wait_for_completion=False)
    handle = op.execute(context(op))
    assert handle["job_id"] == orchestrator.only_job()["ID"]
    assert orchestrator.only_job()["Labels"]["airflow-lifetime"] == "detached"
    op.on_kill()
    assert orchestrator.stops == []


def test_a_bad_exit_code_fails_and_says_so(orchestrator, operator, context):
    """Bacalhau says Completed; the task would be green."""
    orchestrator.exit_code = 3
    with pytest.raises(BacalhauJobFailed, match=r"\(etl\.clean\) failed: exit code 3 on n-1111") as caught:
        (op := operator()).execute(context(op))
    assert caught.value.exit_codes == (3,)
    assert caught.value.job_id == orchestrator.only_job()["ID"]
    assert not isinstance(caught.value, AirflowFailException)
    assert "airflow: try 1 of 3, the next try submits a new job" in str(caught.value)


def test_a_bad_exit_code_can_be_fine(orchestrator, operator, context):
    """Programs that use exit codes as answers could not be run."""
    orchestrator.exit_code = 3
    handle = (op := operator(fail_on_exit_code=False)).execute(context(op))
    assert handle["exit_codes"] == [3]


@pytest.mark.parametrize("codes", [3, [3, 4]])
def test_an_exit_code_can_skip(orchestrator, operator, context, codes):
    """ "Nothing to do today" would be red."""
    orchestrator.exit_code = 3
    with pytest.raises(AirflowSkipException, match="exit code 3"):
        (op := operator(skip_on_exit_code=codes)).execute(context(op))


def test_another_exit_code_does_not_skip(orchestrator, operator, context):
    """A crash would be grey."""
    orchestrator.exit_code = 5
    with pytest.raises(BacalhauJobFailed):
        (op := operator(skip_on_exit_code=3)).execute(context(op))
