"""`doctor` as it is typed: one line for each check, jobs of a DAG against the nodes, exit status."""

from __future__ import annotations

import json

import pytest

CLUSTER = """
nodes:
- {name: edge, count: 11, cpu: 8, memory: 32GB, labels: {region: eu}, publishers: [local]}
- {name: gpu-1, cpu: 64, memory: 512GB, gpu: 8, labels: {region: us}, publishers: [local]}
"""
DAG = """\
from airflow.sdk import DAG
from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator

with DAG("etl", schedule=None) as dag:
    clean = BacalhauDockerOperator(task_id="clean", image="acme/clean:1", publisher="local")
    BacalhauDockerOperator(
        task_id="train", image="acme/train:1", resources={"gpu": 1}, constraints=["region=eu"],
        inputs={"/in": clean.output}, deferrable=True)
    BacalhauDockerOperator(task_id="wide", image="acme/wide:1", count=20)
    BacalhauDockerOperator(task_id="wrong", image="acme/wrong:1", resources={"memory": "lots"})
"""


@pytest.fixture
def lines(start_stub, connect, command, tmp_path):
    """lines(words...) -> (exit status, {check: (level, text)}, the last line), of a stub of twelve nodes."""
    path = tmp_path / "cluster.yaml"
    path.write_text(CLUSTER)

    def run(*words, **flags):
        connect(start_stub(path, **flags))
        status, out, _ = command("doctor", "--conn-id", "prod", *words)
        *checks, end = out.splitlines()
        return status, {line[6:].partition(": ")[0]: (line[:6].strip(), line.partition(": ")[2]) for line in checks}, end

    return run


def test_each_check_has_a_line_and_says_what_it_saw(lines):
    """A check would be left out silently."""
    status, found, end = lines()
    assert list(found) == [
        "connection", "dns", "tcp", "tls", "auth", "write", "release", "clock", "namespace", "deployment", "jobs", "nodes",
        "results", "link", "airflow", "amazon", "stub", "settings", "triggerer",
    ]
    assert status == 0
    assert end.startswith("19 checks, 0 failed, ")
    assert found["release"] == ("ok", "Bacalhau 1.9.3: names are unique, so each attempt has exactly one job")
    assert found["nodes"] == ("ok", "12 nodes, 12 connected (docker 12, wasm 12, GPU 8).")
    assert found["deployment"][0] == "warn"
    assert "reap refuses to run" in found["deployment"][1]
    assert found["jobs"][1].startswith("0 stored; a list by label takes ")


def test_an_old_release_weakens_the_promise(lines):
    """A user of 1.7 would count on exactly once."""
    level, text = lines(emulate="1.7.0")[1]["release"]
    assert level == "warn"
    assert "usually one job, at least one" in text


def test_the_jobs_of_a_dag_are_matched_with_the_nodes(lines, tmp_path):
    """The first run would tell, and a run may be a night away."""
    file = tmp_path / "etl.py"
    file.write_text(DAG)
    status, found, _ = lines("--dag", str(file))
    assert status == 1
    assert found["clean"] == ("ok", "12 of 12 nodes match")
    text = "0 of 12 nodes match (11 without GPU, 1 not region=eu) (known only in a run: inputs)"
    assert found["train"] == ("FAIL", text)
    assert found["wide"][0] == "FAIL"
    assert "use .expand(), one job per item" in found["wide"][1]
    assert found["wrong"][1].startswith("Tasks[0].Resources.Memory: 'lots' cannot be read")
    assert {name for name, (level, _) in found.items() if level == "FAIL"} - {"triggerer"} == {"train", "wide", "wrong"}


@pytest.mark.parametrize(("dag", "says"), [("nowhere.py", "there is no such file"), ("nowhere", "there is no DAG nowhere")])
def test_a_dag_that_is_not_there_fails(lines, dag, says):
    """A misspelt DAG would pass."""
    status, found, _ = lines("--dag", dag)
    assert (status, found[dag][0]) == (1, "FAIL")
    assert says in found[dag][1]


def test_a_dag_without_jobs_is_told(lines, tmp_path):
    """The wrong file would look healthy."""
    file = tmp_path / "empty.py"
    file.write_text("from airflow.sdk import DAG\nwith DAG('empty') as dag: pass\n")
    assert lines("--dag", str(file))[1][str(file)] == ("warn", "no task of it runs a Bacalhau job")


def test_without_a_server_the_spec_is_still_judged(command, monkeypatch, tmp_path):
    """A DAG could be checked only where the cluster is reached."""
    monkeypatch.setenv("AIRFLOW_CONN_PROD", "bacalhau://127.0.0.1:1")
    (tmp_path / "etl.py").write_text(DAG)
    status, out, _ = command("doctor", "--conn-id", "prod", "--dag", str(tmp_path / "etl.py"))
    assert status == 1
    assert "warn  clean: its spec is right, but there are no nodes to match it with" in out
    assert "FAIL  wrong: Tasks[0].Resources.Memory" in out


def test_no_credential_is_printed(command, monkeypatch):
    """The output would be pasted into a ticket with the key in it."""
    canaries = {"password": "canary-password", "extra": {"headers": {"X-Team": "canary-header"}, "client_key": "canary-key"}}
    for more in ({}, {"login": "canary-login"}):
        value = {"conn_type": "bacalhau", "host": "127.0.0.1", "port": 1, **canaries, **more}
        monkeypatch.setenv("AIRFLOW_CONN_PROD", json.dumps(value))
        _, out, err = command("doctor", "--conn-id", "prod")
        assert "canary" not in out + err
