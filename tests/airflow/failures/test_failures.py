"""Failures explain themselves: the same error whoever waits, tried again only where that can help."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from datetime import timedelta

import pytest
from airflow.sdk import DAG, task

from airflow_provider_bacalhau import errors
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator
from airflow_provider_bacalhau.version_compat import trigger_has_on_kill
from orchestrator_stub.testing import StubError

FIELDS = "summary kind job_id namespace exit_codes executions stderr_tail scheduler_reasons link retryable".split()
MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["inline", "deferred"])
MISSING = 'image not available: "acme/a:1"'
MARS = {"constraints": ["region = mars"]}
FAILED, TIMED_OUT = errors.BacalhauJobFailed, errors.BacalhauJobTimedOut


def exits(code):
    """A program that ends with a code after a while."""
    return lambda script: script.err("Killed").after("41m").exit(code)


def fails(text):
    """An engine that says why it cannot run."""
    return lambda script: script.fail(text)


def hangs(script):
    """A program without end."""
    script.hang()


CASES = {  # what becomes of the job, arguments, error, kind, what the first line says
    "137": (exits(137), {}, FAILED, "exit_code", r"exit code 137 on n-\w+ after 41m00s \(killed; out of memory\?\)$"),
    "126": (exits(126), {}, FAILED, "exit_code", r"exit code 126 .*\(found but not executable\)$"),
    "127": (exits(127), {}, FAILED, "exit_code", r"exit code 127 .*\(command not found in the image\)$"),
    "139": (exits(139), {}, FAILED, "exit_code", r"exit code 139 .*\(segmentation fault\)$"),
    "-1": (exits(-1), {}, FAILED, "exit_code", r"exit code -1 .*\(the node could not tell the exit code\)$"),
    "image": (fails(MISSING), {}, FAILED, "image", r"image not available: .*\(check the image's name"),
    "program": (fails("executable file not found: x"), {}, FAILED, "command", r"\(.*check entrypoint and command\)$"),
    "count": (None, {"count": 5}, FAILED, "no_nodes", r"failed: not enough nodes .*\(count=5 but 3 nodes match; .* per item\)$"),
    "labels": (None, MARS, FAILED, "no_nodes", r"\(labels don't match required selectors \[region = mars\]\)$"),
    "node": (lambda script: script.node_lost(), {}, FAILED, "node_lost", r"\(its node disappeared or restarted\)$"),
    "run": (hangs, {"run_timeout": 60}, TIMED_OUT, "timeout", r"timed out: .*\(raise run_timeout"),
    "total": (hangs, {"total_timeout": 60}, TIMED_OUT, "timeout", r"timed out: .*\(raise total_timeout\)$"),
}


@pytest.fixture
def failing(run_dag):
    """The run of a DAG whose one task fails."""

    def run(deferrable, *, retries=0, **arguments):
        given = {"task_id": "train", "image": "acme/a:1", "retry_delay": timedelta(0), **arguments}
        with DAG("etl", schedule=None) as dag:
            BacalhauDockerOperator(deferrable=deferrable, retries=retries, **given)
        done = run_dag(dag)
        assert done.state == "failed"
        return done

    return run


def plain(error):
    """The error's fields, without what differs between any two jobs: ids, ports and moments."""
    text = repr({name: getattr(error, name) for name in FIELDS})
    text = re.sub(r" after [\dhms.]+", " after T", text)
    text = re.sub(r"\b[jen]-[0-9a-f]{8}[0-9a-f-]*", "ID", text)
    return re.sub(r"'(started|ended)_at': \d+\.\d+", "T", text)


@pytest.mark.parametrize("case", CASES)
def test_the_error_is_the_same_whoever_waited(bacalhau_connection, failing, case):
    """A callback that works for one task would break when somebody adds deferrable=True."""
    fate, arguments, error, kind, words = CASES[case]
    if fate is not None:
        fate(bacalhau_connection.on(image="*"))
    raised = []
    for deferrable in (False, True):
        for node in bacalhau_connection.nodes:
            with contextlib.suppress(StubError):  # it has not been lost
                node.rejoin()
        run = failing(deferrable, **arguments)
        one = run.error("train")
        raised.append(one)
        assert isinstance(one, error), run.explain()
        assert one.kind == kind
        first, *_, last = str(one).splitlines()
        assert re.search(words, first), first
        assert first == one.summary
        assert len(first) <= 200
        known = r"^airflow: try 1 of 1, .* \| bacalhau job describe j-\w+ --namespace default \| request ([0-9a-f-]{36})$"
        asked = re.search(known, last)
        assert asked, last
        assert asked[1] in {entry.request_id for entry in bacalhau_connection.journal()}
    assert plain(raised[0]) == plain(raised[1])
    assert raised[0].job_id != raised[1].job_id
    assert raised[0].link.endswith(raised[0].job_id)


@MODES
def test_what_is_said_once_is_not_said_again(bacalhau_connection, failing, deferrable):
    """The cause would drown in its own repetitions."""
    bacalhau_connection.on(image="*").fail(MISSING)
    error = failing(deferrable).error("train")
    assert str(error).count("image not available") == 1
    assert len(error.executions) > 1


@MODES
@pytest.mark.parametrize(
    ("arguments", "kind"), [({}, "command"), ({"job_overrides": {"Type": "bacth"}}, "")], ids=["program", "spec"]
)
def test_a_typo_does_not_burn_five_retries(bacalhau_connection, failing, deferrable, arguments, kind):
    """An hour of retries would end with the sentence of the first one."""
    bacalhau_connection.on(image="*", optional=True).fail("executable file not found: x")
    run = failing(deferrable, retries=5, **arguments)
    assert run.tries("train") == 1, run.explain()
    assert getattr(run.error("train"), "kind", "") == kind


@MODES
@pytest.mark.parametrize(("status", "code"), [(401, "Unauthorized"), (403, "Forbidden")])
def test_a_refused_credential_does_not_burn_five_retries(bacalhau_connection, failing, deferrable, status, code):
    """The account would be locked by the retries of one task."""
    body = json.dumps({"Status": status, "Code": code, "Message": "no", "Component": "API"})
    bacalhau_connection.fault("PUT", "*/jobs", "status", status=status, body=body, times=0)
    run = failing(deferrable, retries=5)
    assert run.tries("train") == 1
    assert isinstance(run.error("train"), errors.AuthError)
    assert re.search(r"\(request [0-9a-f-]{36}\)$", str(run.error("train")))


def stop_when_it_runs(stub, reason):
    """Somebody who stops the first job that runs."""

    def work():
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for job in stub.jobs():
                if job["State"]["StateType"] == "Running":
                    BacalhauHook().stop_job(job["ID"], reason=reason)
                    return
            time.sleep(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@MODES
def test_a_job_that_somebody_stopped_is_tried_once(bacalhau_connection, failing, deferrable):
    """A person would have to stop it six times."""
    bacalhau_connection.on(image="*").hang()
    other = stop_when_it_runs(bacalhau_connection, "too expensive")
    run = failing(deferrable, retries=5)
    other.join()
    error = run.error("train")
    assert run.tries("train") == 1
    assert isinstance(error, errors.BacalhauJobStopped)
    assert re.search(r"was stopped by somebody else after [\d.]+s, reason: too expensive$", error.summary)
    assert "not retried" in str(error).splitlines()[-1]


def test_a_wait_in_a_task_is_as_final_as_the_operators(bacalhau_connection, run_dag):
    """A @task would retry what an operator gives up."""
    bacalhau_connection.on(image="*").fail("executable file not found: x")

    def work():
        hook = BacalhauHook()
        engine = {"Type": "docker", "Params": {"Image": "acme/a:1"}}
        hook.wait_for_job(hook.submit_job({"Type": "batch", "Count": 1, "Tasks": [{"Name": "main", "Engine": engine}]}))

    with DAG("etl", schedule=None) as dag:
        task(work, task_id="train", retries=5, retry_delay=timedelta(0))()
    run = run_dag(dag)
    assert (run.state, run.tries("train")) == ("failed", 1)
    assert "| request " in str(run.error("train"))


@MODES
def test_a_timeout_says_what_took_how_long(bacalhau_connection, failing, deferrable):
    """Nobody could tell which limit to raise."""
    bacalhau_connection.on(image="*").hang()
    text = str(failing(deferrable, total_timeout=60).error("train"))
    assert re.search(r"^  accepted after [\d.]+s, ran [\d.ms]+( in \d+ executions)?$", text.splitlines()[1]), text


@MODES
def test_a_busy_server_never_fails_a_running_job(bacalhau_connection, run_dag, deferrable):
    """A moment of 429 and 503 would cost a job of hours, or be answered with more requests."""
    bacalhau_connection.on(image="*").after("2h").exit(0)
    limited = bacalhau_connection.fault(
        "GET", "*/jobs/j-*", "status", status=429, body="later", headers={"Retry-After": "1"}, times=2
    )
    down = bacalhau_connection.fault("GET", "*/jobs/j-*", "status", status=503, body="later", nth=4, times=2)
    with DAG("etl", schedule=None) as dag:
        BacalhauDockerOperator(task_id="train", image="acme/a:1", deferrable=deferrable, retries=0)
    began = time.monotonic()
    run = run_dag(dag)
    assert run.state == "success", run.explain()
    assert (limited.hits, down.hits) == (2, 2)
    assert time.monotonic() - began > 2


def test_the_ready_policy_runs_with_a_task(bacalhau_connection, failing):
    """A policy that Airflow cannot store or ask would be ignored without a word."""
    options = {}
    if trigger_has_on_kill():  # both came with the same release
        from airflow_provider_bacalhau.policies.retry import BacalhauRetryPolicy

        options = {"retry_policy": BacalhauRetryPolicy(final_exit_codes={2})}
    bacalhau_connection.on(image="*", attempt=1).exit(1)
    bacalhau_connection.on(image="*").exit(2)
    assert failing(False, retries=3, **options).tries("train") == (2 if options else 4)


@pytest.mark.parametrize("bacalhau_stub_flags", [("--rate-limit", "2")])
@MODES
def test_a_server_that_limits_requests_is_no_failure(bacalhau_connection, run_dag, deferrable):
    """A shared cluster would fail the tasks of whoever asks a little too often."""
    bacalhau_connection.on(image="*").after("10s").exit(0)
    with DAG("etl", schedule=None) as dag:
        BacalhauDockerOperator(task_id="train", image="acme/a:1", deferrable=deferrable, retries=0)
    run = run_dag(dag)
    assert run.state == "success", run.explain()
    assert 429 in {entry.status for entry in bacalhau_connection.journal()}
    assert bacalhau_connection.submissions() == 1
