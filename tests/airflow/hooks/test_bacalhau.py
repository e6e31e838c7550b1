"""BacalhauHook: plain JSON values in one spelling, and an async twin of every method."""

from __future__ import annotations

import inspect
import json

import pytest

from airflow_provider_bacalhau.errors import BacalhauJobFailed, ConfigError, NotFound, SpecError
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook

METHODS = (
    "submit_job get_job list_jobs iter_jobs stop_job get_job_history get_job_executions get_job_results "
    "get_node list_nodes wait_for_job get_job_logs download_results"
).split()


@pytest.fixture
def job(orchestrator, spec):
    """A finished job that published something."""
    made = orchestrator.add({**spec, "Name": "a", "Labels": {"team": "etl"}}, "Pending")
    url = "https://s3/b/k?X-Amz-Signature=secret"
    result = {"Type": "s3PreSigned", "Params": {"PreSignedURL": url, "SourceSpec": {"Bucket": "b", "Key": "k"}}}
    orchestrator.results[made["ID"]] = [result]
    orchestrator.become(made["ID"], "Completed")
    return made


@pytest.fixture(params=["sync", "async"])
def hook(request, orchestrator):
    """Call a method of either kind and get its plain result."""
    import asyncio

    one = BacalhauHook()

    async def collect(value):
        return [item async for item in value] if inspect.isasyncgen(value) else await value

    def call(name, *args, **kwargs):
        if request.param == "sync":
            value = getattr(one, name)(*args, **kwargs)
            value = list(value) if inspect.isgenerator(value) else value
        else:
            value = asyncio.run(collect(getattr(one, f"a{name}")(*args, **kwargs)))
        return json.loads(json.dumps(value))

    yield call
    one.close()


def test_every_method_has_an_async_twin():
    """Triggers and async tasks would have to block their loop."""
    missing = [name for name in METHODS if not hasattr(BacalhauHook, f"a{name}")]
    assert missing == []


def test_jobs_come_in_the_spelling_of_193(hook, job):
    """A model returned by a @task fails in the next one, and other spellings break users' code at an upgrade."""
    assert hook("get_job", job["ID"])["State"]["StateType"] == "Completed"
    assert [one["ID"] for one in hook("list_jobs", labels="team=etl")["Items"]] == [job["ID"]]
    assert [one["Name"] for one in hook("iter_jobs")] == ["a"]


def test_executions_history_and_nodes_too(hook, job, orchestrator):
    """They would need the user's own client."""
    orchestrator.nodes = [{"Info": {"NodeID": "n-1"}, "Membership": "APPROVED", "Connection": "CONNECTED"}]
    assert hook("get_job_executions", job["ID"])["Items"][0]["RunOutput"]["ExitCode"] == 0
    assert hook("get_job_history", job["ID"]) == {"NextToken": "", "Items": []}
    assert hook("list_nodes")["Nodes"][0]["Info"]["NodeID"] == "n-1"


def test_results_carry_no_credential(hook, job):
    """A signed URL returned by a @task would stand in XCom for everybody."""
    (result,) = hook("get_job_results", job["ID"])["Items"]
    assert result["Params"]["PreSignedURL"] == "https://s3/b/k"
    assert "secret" not in json.dumps(result)


def test_a_submitted_job_is_one_job(hook, orchestrator, spec):
    """A @task that submits would have to write its own protocol."""
    orchestrator.faults = [lambda method, path: method == "PUT"]
    job_id = hook("submit_job", spec)
    assert job_id == orchestrator.only_job()["ID"]
    assert orchestrator.only_job()["Labels"]["airflow-lifetime"] == "detached"


def test_two_calls_are_two_jobs(hook, orchestrator, spec):
    """A loop over items would run one of them."""
    assert hook("submit_job", spec) != hook("submit_job", spec)
    assert len(orchestrator.jobs) == 2


def test_a_wrong_spec_is_never_sent(hook, orchestrator):
    """The server's text would name no field."""
    with pytest.raises(SpecError, match="Tasks: missing"):
        hook("submit_job", {"Type": "batch"})
    assert orchestrator.puts == 0


def test_other_identities_are_refused(hook, spec):
    """A job would be submitted under an identity that it does not get."""
    with pytest.raises(ConfigError, match="is unknown: pass 'task' or 'call'"):
        hook("submit_job", spec, identity="run")
    with pytest.raises(ConfigError, match="needs a running task"):
        hook("submit_job", spec, identity="task")


def test_waiting_gives_the_handle(hook, job):
    """Users would poll by themselves."""
    handle = hook("wait_for_job", job["ID"], timeout=10)
    assert handle["state"] == "Completed"
    assert handle["results"] == ["s3://b/k"]


def test_waiting_for_a_failure_raises_it(hook, orchestrator, spec):
    """The caller would go on with a job that failed."""
    failed = orchestrator.add({**spec, "Name": "b"})
    orchestrator.become(failed["ID"], "Completed", exit_code=3)
    with pytest.raises(BacalhauJobFailed, match="exit code 3"):
        hook("wait_for_job", failed["ID"])
    assert hook("wait_for_job", failed["ID"], fail_on_exit_code=False)["exit_codes"] == [3]


def test_waiting_has_an_end(hook, orchestrator, spec):
    """A @task would wait for ever."""
    running = orchestrator.add({**spec, "Name": "b"}, "Running")
    with pytest.raises(Exception, match="timeout was over"):
        hook("wait_for_job", running["ID"], timeout=0)


def test_stopping(hook, orchestrator, spec):
    """A job could not be stopped from code."""
    running = orchestrator.add({**spec, "Name": "b"}, "Running")
    hook("stop_job", running["ID"], reason="enough")
    assert orchestrator.stops == [(running["ID"], "enough")]


def test_an_unknown_job_is_not_found(hook, orchestrator):
    """Callers could not tell it from a server that is away."""
    with pytest.raises(NotFound):
        hook("get_job", "j-00000000-0000-4000-8000-000000000001")


def test_the_namespace_of_the_call_wins(connection, orchestrator):
    """Jobs would be looked for where they are not."""
    connection(extra={"namespace": "conn"})
    assert BacalhauHook().namespace == "conn"
    assert BacalhauHook(namespace="own").namespace == "own"


def test_the_user_agent_names_both_versions(orchestrator):
    """A Bacalhau admin could not tell which client misbehaves."""
    from airflow import __version__ as airflow_version

    from airflow_provider_bacalhau import __version__

    agent = BacalhauHook().config.user_agent
    assert agent == f"airflow-provider-bacalhau/{__version__} airflow/{airflow_version}"
