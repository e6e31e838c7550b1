"""BacalhauSubmitJobOperator: submit exactly once, wait or defer, end with its task."""

from __future__ import annotations

import asyncio
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
)
from airflow_provider_bacalhau.operators.job import MOST_CRASHES, BacalhauSubmitJobOperator
from airflow_provider_bacalhau.version_compat import AirflowFailException, TaskDeferralTimeout


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
    """The retry would run beside the job of the first try (P15)."""
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
    """A rollout of the workers would cancel work that was meant to go on (P11)."""
    orchestrator.outcome = lambda job: "Running"
    op = operator(on_kill_action="leave")
    pauses.append(op.on_kill)
    with pytest.raises(AttemptOver):
        op.execute(context(op))
    assert orchestrator.stops == []
    assert orchestrator.only_job()["Labels"]["airflow-lifetime"] == "detached"


# --- waiting in the triggerer -----------------------------------------------------------------------------------------


def test_a_deferral_carries_plain_values_and_no_credential(orchestrator, operator, context, connection, deferral):
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

    async def fire():
        return await anext(deferred.trigger.run())

    return json.loads(json.dumps(asyncio.run(fire()).payload))


def test_the_event_alone_is_enough_to_go_on(orchestrator, operator, context, deferral):
    """dag.test() drops the deferral's own arguments, and a resumed leg is another process (P16)."""
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator(deferrable=True))
    deferred = deferral(lambda: op.execute(ctx))
    orchestrator.exit_code = 3
    orchestrator.become(orchestrator.only_job()["ID"], "Completed")
    event = event_of(orchestrator, deferred)
    with pytest.raises(BacalhauJobFailed, match="exit code 3"):
        operator(deferrable=True).execute_complete(ctx, event=event)
    assert orchestrator.puts == 1


def test_the_event_of_another_try_is_void(orchestrator, operator, context, deferral):
    """A cleared task would succeed at once with the result from before the clear (T2)."""
    orchestrator.outcome = lambda job: "Running"
    deferred = deferral(lambda: (op := operator(deferrable=True)).execute(context(op)))
    orchestrator.become(orchestrator.only_job()["ID"], "Completed")
    event = event_of(orchestrator, deferred)
    orchestrator.outcome = lambda job: "Completed"
    ctx = context(op := operator(deferrable=True), try_number=2, clear_number=1)
    handle = op.execute_complete(ctx, event=event)
    assert len(orchestrator.jobs) == 2
    assert handle["job_id"] != event["job_id"]


def test_a_broken_trigger_is_no_broken_job(orchestrator, operator, context, pauses, deferral):
    """Without retries a crash in the triggerer would fail the task and leave the job (T15)."""
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator(deferrable=True))
    deferral(lambda: op.execute(ctx))
    fail = ("__fail__", {"error": "Trigger failure"}, ctx)
    for _ in range(MOST_CRASHES):
        deferral(lambda: operator(deferrable=True).resume_execution(*fail))
    pauses.append(lambda: orchestrator.become(orchestrator.only_job()["ID"], "Completed"))
    handle = operator(deferrable=True).resume_execution(*fail)
    assert handle["state"] == "Completed"
    assert orchestrator.puts == 1


def test_a_deferral_that_takes_too_long_stops_its_job(orchestrator, operator, context, deferral):
    """Airflow fails the task without a word to us; the job would run on (P7)."""
    orchestrator.outcome = lambda job: "Running"
    ctx = context(op := operator(deferrable=True))
    deferral(lambda: op.execute(ctx))
    with pytest.raises(TaskDeferralTimeout):
        operator(deferrable=True).resume_execution("__fail__", {"error": "Trigger timeout"}, ctx)
    assert orchestrator.only_job()["State"]["StateType"] == "Stopped"


def test_a_kill_of_the_resumed_leg_stops_the_job(orchestrator, operator, context, deferral):
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


@pytest.mark.parametrize(
    "limit", [{"queue_timeout": "abc"}, {"accept_timeout": -1}, {"poll_interval": -0.1}, {"run_timeout": [1]}], ids=str
)
def test_a_limit_that_is_no_time_is_refused_where_it_is_written(limit):
    """The task would fail in the middle of its work with a TypeError."""
    with pytest.raises(ConfigError, match="pass seconds or a timedelta"):
        BacalhauSubmitJobOperator(task_id="t", job_spec={"Type": "batch"}, **limit)
