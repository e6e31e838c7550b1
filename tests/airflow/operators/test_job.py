"""BacalhauSubmitJobOperator: submit exactly once, wait or defer, hand over, and say why it failed."""

from __future__ import annotations

import datetime
import json

import pytest
from airflow.sdk import DAG

from airflow_provider_bacalhau.errors import (
    AttemptOver,
    BacalhauJobFailed,
    BacalhauJobStopped,
    BacalhauJobTimedOut,
    ConfigError,
    Rejected,
    SpecError,
)
from airflow_provider_bacalhau.links.job import XCOM_KEY, BacalhauJobLink
from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator
from airflow_provider_bacalhau.version_compat import (
    AirflowFailException,
    AirflowSkipException,
    TaskDeferralError,
    TaskDeferralTimeout,
)


@pytest.fixture
def operator(spec):
    """Make an operator with a small job."""

    def make(**arguments):
        return BacalhauSubmitJobOperator(task_id="clean", **{"job_spec": spec, **arguments})

    return make


def deferral(call):
    """The deferral that a call ends with."""
    with pytest.raises(BaseException) as caught:
        call()
    assert type(caught.value).__name__ == "TaskDeferred", caught.value
    return caught.value


# --- what a task leaves behind ---------------------------------------------------------------------------------------


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
    """Nobody could open or stop a running job from the UI."""
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


# --- how it fails -----------------------------------------------------------------------------------------------------


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
    """"Nothing to do today" would be red."""
    orchestrator.exit_code = 3
    with pytest.raises(AirflowSkipException, match="exit code 3"):
        (op := operator(skip_on_exit_code=codes)).execute(context(op))


def test_another_exit_code_does_not_skip(orchestrator, operator, context):
    """A crash would be grey."""
    orchestrator.exit_code = 5
    with pytest.raises(BacalhauJobFailed):
        (op := operator(skip_on_exit_code=3)).execute(context(op))


def stopped_by(orchestrator, reason):
    """A step that stops the running job."""
    return lambda: orchestrator.become(orchestrator.only_job()["ID"], "Stopped", reason)


def test_somebody_elses_stop_is_final(orchestrator, operator, context, pauses):
    """Airflow would start again what a person has just stopped."""
    orchestrator.outcome = lambda job: "Running"
    pauses.append(stopped_by(orchestrator, "too expensive"))
    with pytest.raises(BacalhauJobStopped, match="too expensive") as caught:
        (op := operator()).execute(context(op))
    assert isinstance(caught.value, AirflowFailException)


def test_somebody_elses_stop_can_be_retried(orchestrator, operator, context, pauses):
    """The switch would do nothing."""
    orchestrator.outcome = lambda job: "Running"
    pauses.append(stopped_by(orchestrator, "too expensive"))
    with pytest.raises(BacalhauJobStopped) as caught:
        (op := operator(retry_on_external_stop=True)).execute(context(op))
    assert not isinstance(caught.value, AirflowFailException)


def test_a_wrong_spec_is_never_sent(orchestrator, operator, context):
    """A job would fail on a node minutes later, with a text that names no field."""
    with pytest.raises(SpecError, match=r"Tasks\[0\]\.Engine\.Type") as caught:
        (op := operator(job_spec={"Type": "batch", "Tasks": [{"Name": "a", "Engine": {}}]})).execute(context(op))
    assert isinstance(caught.value, AirflowFailException)
    assert orchestrator.puts == 0


def test_a_refused_submit_is_final(orchestrator, operator, context):
    """Airflow would send three times what the server will never take."""
    orchestrator._submit = lambda body: (400, {"Message": "job type is not allowed", "Code": "BadRequest"})
    with pytest.raises(Rejected, match="not allowed") as caught:
        (op := operator()).execute(context(op))
    assert isinstance(caught.value, AirflowFailException)
    assert orchestrator.puts == 1


# --- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"api_version": "v1"}, "bacalhau_conn_id"),
        ({"input_volumes": ["a:/b"]}, "inputs={'/inputs'"),
        ({"on_existing": "replace"}, "not available yet"),
        ({"on_existing": "keep"}, "not available yet"),
        ({"stream_logs": "tail"}, "'live', 'end', 'off'"),
        ({"xcom_value": "stdout", "wait_for_completion": False}, "wait_for_completion=True"),
        ({"job_file": "a.yaml"}, "exactly one of job_spec and job_file"),
        ({"job_spec": None}, "exactly one of job_spec and job_file"),
    ],
)
def test_a_wrong_argument_is_refused_with_what_to_write(operator, arguments, sentence):
    """A DAG author would get a TypeError, or a task that does something else."""
    with pytest.raises(ConfigError, match=sentence):
        operator(**arguments)


def test_template_fields_are_kept_as_they_are(operator, spec):
    """Mapped tasks and rendering replace them later; a changed value would be rendered wrong."""
    op = operator(job_spec=spec, namespace="{{ params.ns }}")
    assert op.job_spec is spec
    assert op.namespace == "{{ params.ns }}"
    assert op.template_ext == ()
    assert {"job_spec", "job_file", "bacalhau_conn_id", "namespace", "job_overrides"} <= set(op.template_fields)


def test_a_command_may_end_in_a_file_name(orchestrator, spec):
    """With a template_ext Airflow would look for a template called like the last word of a command."""
    spec["Tasks"][0]["Engine"]["Params"]["Parameters"] = ["--config", "conf.yaml", "{{ ds }}"]
    op = BacalhauSubmitJobOperator(task_id="a", job_spec=spec, dag=DAG("d", schedule=None))
    op.render_template_fields({"ds": "2026-01-01"})
    assert op.job_spec["Tasks"][0]["Engine"]["Params"]["Parameters"][1:] == ["conf.yaml", "2026-01-01"]


def test_a_spec_in_a_file_is_read_and_rendered(orchestrator, context, tmp_path, spec):
    """A spec kept beside the DAG would be sent with its braces."""
    spec["Meta"] = {"day": "{{ ds }}"}
    (tmp_path / "job.yaml").write_text(json.dumps(spec))
    dag = DAG("d", schedule=None, template_searchpath=[str(tmp_path)])
    op = BacalhauSubmitJobOperator(task_id="clean", job_file="job.yaml", dag=dag)
    op.execute({**context(op), "ds": "2026-01-01"})
    assert orchestrator.only_job()["Meta"]["day"] == "2026-01-01"


def test_a_missing_file_names_where_it_was_looked_for(context, orchestrator):
    """TemplateNotFound alone tells nobody what to do."""
    op = BacalhauSubmitJobOperator(task_id="clean", job_file="nope.yaml", dag=DAG("d", schedule=None))
    with pytest.raises(ConfigError, match=r"nope\.yaml.*template_searchpath"):
        op.execute(context(op))


def test_overrides_namespace_and_timeouts_end_in_the_spec(orchestrator, operator, context):
    """Arguments of the operator would have no effect on the server."""
    op = operator(
        namespace="etl",
        job_overrides={"Priority": 5},
        run_timeout=datetime.timedelta(minutes=5),
        execution_timeout=datetime.timedelta(hours=1),
    )
    op.execute(context(op))
    job = orchestrator.only_job()
    assert job["Namespace"] == "etl"
    assert job["Priority"] == 5
    assert job["Tasks"][0]["Timeouts"] == {"ExecutionTimeout": 300, "TotalTimeout": 4200}


def test_a_scheduled_service_must_be_meant(orchestrator, operator, context, spec):
    """Every run of the schedule would add one more service that never ends."""
    spec["Type"] = "service"
    ctx = context(op := operator())
    ctx["dag"].schedule = "@daily"
    with pytest.raises(ConfigError, match="on_existing='new'"):
        op.execute(ctx)
    assert orchestrator.puts == 0


# --- exactly once -----------------------------------------------------------------------------------------------------


def first_put(method, path):
    """Loses the answer to a submit; its effect stays."""
    return method == "PUT" and path.endswith("/jobs")


@pytest.mark.parametrize("version", ["v1.9.3", "v1.7.0"])
def test_a_lost_reply_leads_to_the_job_not_to_another(orchestrator, operator, context, pauses, version):
    """Two jobs would do the work twice."""
    orchestrator.version = version
    orchestrator.faults = [first_put]
    op = operator()
    handle = op.execute(context(op))
    assert handle["job_id"] == orchestrator.only_job()["ID"]
    assert not handle["adopted"]
    assert orchestrator.puts == 1


def test_a_retry_takes_over_the_job_of_a_dead_worker(orchestrator, operator, context, pauses):
    """The retry would run beside the job of the first try."""
    orchestrator.outcome = lambda job: "Running"

    def die():
        raise MemoryError

    pauses.append(die)
    with pytest.raises(MemoryError):
        (op := operator()).execute(context(op))
    orchestrator.become(orchestrator.only_job()["ID"], "Completed")
    handle = (op := operator()).execute(context(op, try_number=2))
    assert handle["adopted"]
    assert len(orchestrator.jobs) == 1


def test_a_retry_after_a_failure_submits_afresh(orchestrator, operator, context):
    """The retry would fail with the failure of the first try."""
    orchestrator.exit_code = 3
    with pytest.raises(BacalhauJobFailed):
        (op := operator()).execute(context(op))
    orchestrator.exit_code = 0
    (op := operator()).execute(context(op, try_number=2))
    assert [job["Labels"]["airflow-slot"] for job in orchestrator.jobs.values()] == ["1", "2"]


def test_a_stale_stop_is_repaired(orchestrator, operator, context, pauses):
    """A zombie of an earlier try would make this one fail."""
    states = iter(["Running", "Completed"])
    orchestrator.outcome = lambda job: next(states)
    ctx = context(op := operator(), try_number=2)
    born = round(ctx["dag_run"].start_date.timestamp() * 1_000_000)
    pauses.append(stopped_by(orchestrator, f"airflow {born}.1 on_kill"))
    handle = op.execute(ctx)
    assert handle["state"] == "Completed"
    assert len(orchestrator.jobs) == 2


def test_a_newer_tries_stop_ends_this_one(orchestrator, operator, context, pauses):
    """Two tries would fight for ever."""
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator())
    born = round(ctx["dag_run"].start_date.timestamp() * 1_000_000)
    pauses.append(stopped_by(orchestrator, f"airflow {born}.2 superseded"))
    with pytest.raises(AttemptOver):
        op.execute(ctx)
    assert len(orchestrator.jobs) == 1


def test_a_superseded_worker_sends_nothing(orchestrator, operator, context, store):
    """A worker that was paused for an hour would stop or submit beside its successor."""
    store.lost = True
    with pytest.raises(AttemptOver, match="another try has replaced"):
        (op := operator()).execute(context(op, stored=True))
    assert orchestrator.puts == 0
    assert orchestrator.stops == []


def test_a_job_that_is_never_taken_up_is_replaced(orchestrator, operator, context, pauses):
    """Jobs that were Pending when a server crashed stay so for ever, and the task with them."""
    states = iter(["Pending", "Completed"])
    orchestrator.outcome = lambda job: next(states)
    op = operator(accept_timeout=0)
    handle = op.execute(context(op))
    assert handle["state"] == "Completed"
    assert [reason.rpartition(" ")[2] for _, reason in orchestrator.stops] == ["accept"]


def test_it_is_not_replaced_for_ever(orchestrator, operator, context, pauses):
    """A server that schedules nothing would be flooded with jobs."""
    orchestrator.outcome = lambda job: "Pending"
    op = operator(accept_timeout=0)
    with pytest.raises(BacalhauJobTimedOut, match="not taken up"):
        op.execute(context(op))
    assert len(orchestrator.jobs) == 4
    assert {job["State"]["StateType"] for job in orchestrator.jobs.values()} == {"Stopped"}


# --- being ended ------------------------------------------------------------------------------------------------------


def test_a_kill_stops_the_job_and_nothing_more_is_submitted(orchestrator, operator, context, pauses):
    """The job would run on without its task."""
    orchestrator.outcome = lambda job: "Running"
    op = operator()
    pauses.append(op.on_kill)
    with pytest.raises(AttemptOver):
        op.execute(context(op))
    assert orchestrator.only_job()["State"]["StateType"] == "Stopped"
    assert orchestrator.stops[0][1].endswith(".1 on_kill")


def test_a_kill_during_the_submit_leaves_nothing_alive(orchestrator, operator, context):
    """The answer to the submit would arrive after the kill, and its job run on."""
    op = operator()
    submit = orchestrator._submit

    def killed_meanwhile(body):
        op.on_kill()
        return submit(body)

    orchestrator._submit = killed_meanwhile
    orchestrator.outcome = lambda job: "Running"
    with pytest.raises(AttemptOver):
        op.execute(context(op))
    assert orchestrator.only_job()["State"]["StateType"] == "Stopped"


def test_a_kill_before_the_submit_sends_none(orchestrator, operator, context):
    """A task that was ended while it started would leave a job behind."""
    op = operator()
    op.on_kill()
    with pytest.raises(AttemptOver):
        op.execute(context(op))
    assert orchestrator.puts == 0


def test_a_job_may_outlive_a_kill(orchestrator, operator, context, pauses):
    """A rollout of the workers would cancel work that was meant to go on."""
    orchestrator.outcome = lambda job: "Running"
    op = operator(on_kill_action="leave")
    pauses.append(op.on_kill)
    with pytest.raises(AttemptOver):
        op.execute(context(op))
    assert orchestrator.stops == []
    assert orchestrator.only_job()["Labels"]["airflow-lifetime"] == "detached"


# --- waiting in the triggerer -----------------------------------------------------------------------------------------


def test_a_deferral_carries_plain_values_and_no_credential(orchestrator, operator, context, connection):
    """Airflow keeps them in its database, for everybody who may read it."""
    connection(password="s3cret-key")
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator(deferrable=True, execution_timeout=datetime.timedelta(hours=1)))
    deferred = deferral(lambda: op.execute(ctx))
    path, arguments = deferred.trigger.serialize()
    assert "s3cret-key" not in json.dumps(arguments)
    assert arguments["job_id"] == orchestrator.only_job()["ID"]
    assert arguments["pin"]["try"] == 1
    assert deferred.method_name == "execute_complete"
    assert datetime.timedelta(hours=1) < deferred.timeout < datetime.timedelta(hours=1, minutes=2)
    assert ctx["ti"].xcom["job_id"] == orchestrator.only_job()["ID"]


def test_a_job_that_has_ended_already_is_not_deferred(orchestrator, operator, context):
    """A second process would be started to learn what is known."""
    op = operator(deferrable=True)
    assert op.execute(context(op))["state"] == "Completed"


def event_of(orchestrator, deferred):
    """The event that the trigger of a deferral fires."""
    import asyncio

    async def fire():
        return await anext(deferred.trigger.run())

    return json.loads(json.dumps(asyncio.run(fire()).payload))


def test_the_event_alone_is_enough_to_go_on(orchestrator, operator, context):
    """dag.test() drops the deferral's own arguments, and a resumed leg is another process."""
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator(deferrable=True))
    deferred = deferral(lambda: op.execute(ctx))
    orchestrator.exit_code = 3
    orchestrator.become(orchestrator.only_job()["ID"], "Completed")
    event = event_of(orchestrator, deferred)
    with pytest.raises(BacalhauJobFailed, match="exit code 3"):
        operator(deferrable=True).execute_complete(ctx, event=event)
    assert orchestrator.puts == 1


def test_the_event_of_another_try_is_void(orchestrator, operator, context):
    """A cleared task would succeed at once with the result from before the clear."""
    orchestrator.outcome = lambda job: "Running"
    deferred = deferral(lambda: (op := operator(deferrable=True)).execute(context(op)))
    orchestrator.become(orchestrator.only_job()["ID"], "Completed")
    event = event_of(orchestrator, deferred)
    orchestrator.outcome = lambda job: "Completed"
    ctx = context(op := operator(deferrable=True), try_number=2, clear_number=1)
    handle = op.execute_complete(ctx, event=event)
    assert len(orchestrator.jobs) == 2
    assert handle["job_id"] != event["job_id"]


def test_a_broken_trigger_is_no_broken_job(orchestrator, operator, context, pauses):
    """Without retries a crash in the triggerer would fail the task and leave the job."""
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator(deferrable=True))
    deferral(lambda: op.execute(ctx))
    pauses.append(lambda: orchestrator.become(orchestrator.only_job()["ID"], "Completed"))
    handle = operator(deferrable=True).resume_execution("__fail__", {"error": "Trigger failure"}, ctx)
    assert handle["state"] == "Completed"
    assert orchestrator.puts == 1


def test_a_deferral_that_takes_too_long_stops_its_job(orchestrator, operator, context):
    """Airflow fails the task without a word to us; the job would run on."""
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator(deferrable=True))
    deferral(lambda: op.execute(ctx))
    with pytest.raises(TaskDeferralTimeout):
        operator(deferrable=True).resume_execution("__fail__", {"error": "Trigger timeout"}, ctx)
    assert orchestrator.only_job()["State"]["StateType"] == "Stopped"
    assert issubclass(TaskDeferralTimeout, Exception) and TaskDeferralError is not None


def test_a_kill_of_the_resumed_leg_stops_the_job(orchestrator, operator, context):
    """The second process would not know what to stop."""
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator(deferrable=True))
    deferred = deferral(lambda: op.execute(ctx))
    event = {**deferred.trigger.pin, "deadline": None, "error": "lost the connection"}
    op = operator(deferrable=True)
    op.on_kill()
    with pytest.raises(AttemptOver):
        op.execute_complete(ctx, event=event)
    op.on_kill()
    assert orchestrator.only_job()["State"]["StateType"] == "Stopped"
