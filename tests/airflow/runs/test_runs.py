"""Whole DAGs through `dag.test()`, against the stub that ships with the package."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from airflow.sdk import DAG

from airflow_provider_bacalhau.operators.job import BacalhauSubmitJobOperator
from airflow_provider_bacalhau.operators.results import BacalhauGetResultsOperator
from airflow_provider_bacalhau.operators.stop import BacalhauStopJobOperator
from airflow_provider_bacalhau.operators.wasm import BacalhauWasmOperator
from airflow_provider_bacalhau.sensors.job import BacalhauJobSensor
from airflow_provider_bacalhau.sensors.nodes import BacalhauNodeSensor

MODULES = json.loads((Path(__file__).parents[2] / "conformance" / "wasm" / "modules.json").read_text())


def module(name):
    """A recorded wasm module, as an input that travels in the job."""
    return {"Type": "inline", "Params": {"URL": MODULES[name]}}


@pytest.fixture
def dag():
    """A DAG of its own for every test."""
    return DAG(f"d{uuid.uuid4().hex[:8]}", schedule=None)


@pytest.mark.parametrize("deferrable", [False, True], ids=["inline", "deferred"])
def test_s3_to_s3_with_a_wasm_module(stub, run_dag, dag, deferrable):
    """The main road would be broken: read from S3, compute, publish to S3, fetch, check."""
    bucket = f"b{uuid.uuid4().hex[:8]}"
    s3 = stub.s3()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="in/data", Body=b"id\n1\n")
    with dag:
        copy = BacalhauWasmOperator(
            task_id="copy",
            module=module("cat"),
            inputs={"/in": f"s3://{bucket}/in/*"},
            publisher=f"s3://{bucket}/out/{{jobID}}/{{executionID}}?encoding=plain",
            deferrable=deferrable,
            retries=0,
        )
        BacalhauGetResultsOperator(
            task_id="fetch", job=copy.output, target=f"s3://{bucket}/final", layout="merged", retries=0
        )
    run = run_dag(dag)
    assert run.tasks == {"copy": "success", "fetch": "success"}
    handle = run.xcom("copy")
    assert handle["state"] == "Completed"
    assert handle["exit_codes"] == [0]
    assert run.xcom("copy", "result").startswith(f"s3://{bucket}/out/")
    assert f"s3://{bucket}/final/stdout" in run.xcom("fetch")
    assert s3.get_object(Bucket=bucket, Key="final/stdout")["Body"].read() == b"id\n1\n"
    assert len(stub.jobs(f"airflow-dag={dag.dag_id}")) == 1


@pytest.mark.parametrize("deferrable", [False, True], ids=["inline", "deferred"])
def test_a_bad_exit_code_fails_the_task_and_says_so(stub, run_dag, dag, deferrable, caplog, capfd):
    """Bacalhau calls the job Completed; the task would be green."""
    with dag:
        BacalhauWasmOperator(task_id="bad", module=module("exit3"), deferrable=deferrable, retries=0)
    run = run_dag(dag)
    out, err = capfd.readouterr()
    assert run.tasks == {"bad": "failed"}
    assert "exit code 3" in out + err + caplog.text
    assert run.xcom("bad", "exit_codes") == [3]


@pytest.mark.parametrize("deferrable", [False, True], ids=["poke", "deferred"])
def test_another_task_waits_for_the_job(stub, run_dag, dag, deferrable):
    """A job that one task starts could not be awaited by another."""
    with dag:
        start = BacalhauWasmOperator(task_id="start", module=module("hello"), wait_for_completion=False, retries=0)
        BacalhauJobSensor(task_id="wait", job=start.output, poke_interval=0.2, deferrable=deferrable, retries=0)
    run = run_dag(dag)
    assert run.tasks == {"start": "success", "wait": "success"}
    assert run.xcom("wait")["job_id"] == run.xcom("start", "job_id")


@pytest.mark.parametrize("tasks", ["x", ["x"], [None], {"Name": "x"}], ids=str)
def test_a_refused_spec_is_one_sentence_and_leaves_a_clean_up_nothing_to_do(stub, run_dag, dag, tasks):
    """A clean-up would fail because there is nothing to clean up, and hide the sentence that names the mistake."""
    with dag:
        refused = BacalhauSubmitJobOperator(task_id="refused", job_spec={"Type": "batch", "Tasks": tasks}, retries=0)
        BacalhauStopJobOperator(
            task_id="clean_up", job=refused.output["bacalhau_job"], trigger_rule="all_done", retries=0
        )
    run = run_dag(dag)
    assert run.tasks == {"refused": "failed", "clean_up": "success"}
    assert run.xcom("clean_up") == []
    assert stub.jobs(f"airflow-dag={dag.dag_id}") == []


def test_a_running_job_is_stopped(stub, run_dag, dag):
    """A cleanup task would leave the job running."""
    with dag:
        start = BacalhauWasmOperator(task_id="start", module=module("loop"), wait_for_completion=False, retries=0)
        BacalhauStopJobOperator(task_id="stop", job=start.output["bacalhau_job"], retries=0)
    run = run_dag(dag)
    assert run.tasks == {"start": "success", "stop": "success"}
    (job,) = stub.jobs(f"airflow-dag={dag.dag_id}")
    assert job["State"]["StateType"] == "Stopped"


def test_a_mapped_task_is_one_job_per_item(stub, run_dag, dag):
    """Mapped siblings would share one job."""
    with dag:
        BacalhauWasmOperator.partial(task_id="each", module=module("hello"), retries=0).expand(
            parameters=[["a"], ["b"], ["c"]]
        )
    assert set(run_dag(dag).tasks.values()) == {"success"}
    keys = {job["Labels"]["airflow-key"] for job in stub.jobs(f"airflow-dag={dag.dag_id}")}
    assert len(keys) == 3


def test_the_cluster_can_be_waited_for(stub, run_dag, dag):
    """A DAG would start before its nodes are there."""
    with dag:
        BacalhauNodeSensor(task_id="nodes", min_nodes=2, engine="wasm", deferrable=True, retries=0)
    run = run_dag(dag)
    assert run.tasks == {"nodes": "success"}
    assert len(run.xcom("nodes")) == 2


def test_a_lost_reply_is_one_job(stub, run_dag, dag, lossy, monkeypatch):
    """The work would be done twice."""
    proxy = lossy(stub.url, drop_reply=lambda head: head.startswith(b"PUT "))
    monkeypatch.setenv("AIRFLOW_CONN_BACALHAU_DEFAULT", f"bacalhau://{proxy.address}")
    with dag:
        BacalhauWasmOperator(task_id="once", module=module("hello"), retries=0)
    run = run_dag(dag)
    assert proxy.dropped == 1
    assert run.tasks == {"once": "success"}
    assert len(stub.jobs(f"airflow-dag={dag.dag_id}")) == 1


def test_a_kill_stops_the_job(stub, context, spec):
    """The job would run on without its task."""
    import threading

    op = BacalhauWasmOperator(task_id="long", module=module("loop"))
    ctx = context(op)
    ctx["ti"].dag_id = f"d{uuid.uuid4().hex[:8]}"
    failures = []

    def work():
        try:
            op.execute(ctx)
        except Exception as error:
            failures.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    while "job_id" not in ctx["ti"].xcom:
        worker.join(0.05)
    op.on_kill()
    worker.join(10)
    assert type(failures[0]).__name__ == "AttemptOver"
    (job,) = stub.jobs(f"airflow-dag={ctx['ti'].dag_id}")
    assert job["State"]["StateType"] == "Stopped"


def test_test_connection_of_the_stub(stub):
    """The first thing that a user tries would fail."""
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook

    good, text = BacalhauHook().test_connection()
    assert good, text
    assert "may read and submit. 2 nodes, 2 connected" in text


def test_a_spec_as_yaml_runs(stub, run_dag, dag):
    """What people have for the command line could not be used."""
    text = f"""
Type: batch
Count: 1
Tasks:
  - Name: main
    Engine: {{Type: wasm, Params: {{EntryModule: /m.wasm, Entrypoint: _start}}}}
    InputSources: [{{Source: {{Type: inline, Params: {{URL: "{MODULES["hello"]}"}}}}, Target: /m.wasm}}]
"""
    with dag:
        BacalhauSubmitJobOperator(task_id="yaml", job_spec=text, xcom_value="stdout", retries=0)
    run = run_dag(dag)
    assert run.tasks == {"yaml": "success"}
    assert run.xcom("yaml")
