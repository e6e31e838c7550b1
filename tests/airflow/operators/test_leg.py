"""One leg of an attempt: arguments and spec are checked before anything is sent."""

from __future__ import annotations

import datetime

import pytest

from airflow_provider_bacalhau.errors import ConfigError, Rejected, SpecError
from airflow_provider_bacalhau.version_compat import AirflowFailException


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


@pytest.mark.parametrize("rule", ["warn", "refuse", "allow"])
def test_a_secret_in_the_spec_is_noticed(orchestrator, operator, context, spec, monkeypatch, caplog, capsys, rule):
    """Everybody who may read the cluster's jobs could read it, and nobody would know."""
    monkeypatch.setenv("AIRFLOW__BACALHAU__SECRETS_IN_SPEC", rule)
    spec["Tasks"][0]["Env"] = {"DB_PASSWORD": "hunter2"}
    op = operator()
    if rule == "refuse":
        with pytest.raises(SpecError, match=r"Tasks\[0\]\.Env\.DB_PASSWORD.*secrets_in_spec"):
            op.execute(context(op))
        assert orchestrator.puts == 0
        return
    op.execute(context(op))
    said = capsys.readouterr().out + caplog.text
    assert ("holds a secret at Tasks[0].Env.DB_PASSWORD" in said) is (rule == "warn")
    assert "hunter2" not in said


def test_what_is_hardly_meant_is_said(orchestrator, operator, context, spec, caplog, capsys):
    """The next run would overwrite this one's result without a word."""
    spec["Tasks"][0]["Publisher"] = {"Type": "s3", "Params": {"Bucket": "b", "Key": "fixed"}}
    (op := operator()).execute(context(op))
    assert "the next run overwrites" in capsys.readouterr().out + caplog.text
