"""A server, or a proxy before it, that says back whatever it was sent: nothing of it goes any further."""

from __future__ import annotations

import base64
import json
import time

import pytest

from airflow_provider_bacalhau.errors import AuthError, BacalhauJobFailed
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.lifecycle.watch import Watch, WatchPolicy
from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator
from airflow_provider_bacalhau.triggers.job import BacalhauJobTrigger
from airflow_provider_bacalhau.version_compat import redacted

PASSWORD, TOKEN, HEADER, KEY = (f"echoed-{name}-5f1c9e" for name in ("password", "token", "header", "key"))
BASIC = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
CONNECTIONS = {
    "basic": ({"login": "ada", "password": PASSWORD}, (PASSWORD, BASIC)),
    "key": ({"password": KEY, "extra": {"headers": {"X-Gate-Token": HEADER}}}, (KEY, HEADER)),
    "token": ({"extra": {"token": TOKEN, "headers": {"Cookie": f"gate={HEADER}"}}}, (TOKEN, HEADER)),
}


@pytest.fixture(params=CONNECTIONS)
def secrets(request, connection):
    """The secrets of a connection, which is the default one."""
    fields, secrets = CONNECTIONS[request.param]
    connection(**fields)
    return secrets


@pytest.fixture
def parrot(orchestrator, secrets):
    """A server that repeats the secrets wherever a text may stand."""
    echo = f"request had {' and '.join(secrets)}"
    plain = orchestrator.answer

    def answer(method, path, query, body):
        status, shown = plain(method, path, query, body)
        text = json.loads(json.dumps(shown))
        for job in [text.get("Job"), *text.get("Items", [])]:
            if job and "Tasks" in job:
                job["State"]["Message"] = echo
        for one in [*(text.get("Executions") or {}).get("Items", []), *text.get("Items", [])]:
            if "ComputeState" in one:
                one["ComputeState"]["Message"] = one["NodeID"] = echo
                one["RunOutput"] = {"Stdout": echo, "stderr": echo, "ErrorMsg": echo, "ExitCode": 3}
                one["PublishedResult"] = {"Type": "urlDownload", "Params": {"URL": f"http://x.example/{secrets[0]}?s=1"}}
        if "JobID" in text:
            text["Warnings"] = [echo]
        return status, text

    orchestrator.answer = answer
    return orchestrator


def found(secrets, *places):
    """The secrets that stand in texts or plain values."""
    text = " ".join(one if isinstance(one, str) else json.dumps(one) for one in places)
    return [secret for secret in secrets if secret in text]


@pytest.mark.parametrize("outcome", ["Failed", "Completed"])
def test_nothing_of_an_echo_leaves_a_task(parrot, secrets, context, spec, store, caplog, capsys, outcome):
    """Whoever may read the task's log or XCom could take over the cluster."""
    caplog.set_level("DEBUG")
    parrot.outcome = lambda job: outcome
    op = BacalhauSubmitJobOperator(task_id="clean", job_spec=spec, fail_on_exit_code=False, xcom_value="stdout")
    ctx = context(op)
    try:
        value, error = op.execute(ctx), ""
    except BacalhauJobFailed as failed:
        value, error = "", f"{failed} {vars(failed)}"
    assert ("***" in value) is (outcome == "Completed")
    assert ("***" in error) is (outcome == "Failed")
    said = caplog.text + capsys.readouterr().out
    assert found(secrets, value, error, said, ctx["ti"].xcom, store.values) == []


async def test_nothing_of_an_echo_is_in_a_triggers_event(parrot, secrets, spec):
    """Airflow keeps events in its database, readable for everybody who may see the task."""
    job = parrot.add({**spec, "Name": "a"}, "Failed")
    watch = Watch.start(WatchPolicy(poll_interval=0.01), submitted_at=time.time(), job_id=job["ID"])
    trigger = BacalhauJobTrigger(
        bacalhau_conn_id="bacalhau_default", job_id=job["ID"], namespace="default", watch=watch.to_plain()
    )
    event = (await anext(trigger.run())).payload
    assert "***" in json.dumps(event)
    assert found(secrets, event, trigger.serialize()[1]) == []


def test_nothing_of_an_echo_is_in_what_the_hook_returns(parrot, secrets, spec):
    """What a @task returns is stored in XCom."""
    job, hook = parrot.add({**spec, "Name": "a"}, "Failed"), BacalhauHook()
    given = [hook.get_job(job["ID"]), hook.get_job_executions(job["ID"]), hook.list_jobs()]
    assert json.dumps(given).count("***") >= 3
    assert found(secrets, given) == []


def test_a_refusal_that_quotes_the_credential_does_not(orchestrator, secrets):
    """The first thing that a user shares when a connection does not work is this text."""
    orchestrator.answer = lambda *_: (401, {"Message": f"refused: {secrets}", "Code": "Unauthorized"})
    with pytest.raises(AuthError) as caught:
        BacalhauHook().get_job("j-1")
    good, told = BacalhauHook().test_connection()
    assert not good
    assert found(secrets, f"{caught.value} {vars(caught.value)}", told) == []
    assert "***" in told


def test_airflow_masks_what_a_job_prints(parrot, secrets):
    """The job itself, or another provider's task, may print what our client never sees."""
    BacalhauHook().parsed()
    assert found(secrets, redacted(f"it printed {secrets}")) == []


async def test_airflow_masks_what_a_trigger_prints(parrot, secrets):
    """The triggerer writes the logs of deferred tasks, and reads the connection on its own."""
    await BacalhauHook().aparsed()
    assert found(secrets, redacted(f"it printed {secrets}")) == []
