"""Whole DAG runs through `dag.test()` against the stub that ships with the package, its embedded S3 included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES = PROJECT / "example_dags"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(EXAMPLES)


@pytest.fixture(scope="session")
def stub_environment():
    """A stub in a process of its own; the variables that its banner tells users to export."""
    stub = subprocess.Popen(
        [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    variables = {}
    try:
        for line in stub.stdout:
            if line.startswith("export AIRFLOW_CONN_"):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                variables[name] = value.strip("'")
            if line.startswith("export BACALHAU_API_HOST"):
                break
        assert variables, "the stub ended before it was ready"
        yield variables
    finally:
        stub.terminate()
        stub.wait(10)


@pytest.fixture
def stub(stub_environment, monkeypatch):
    """Connections that lead to the stub; answers its URL."""
    for name, value in stub_environment.items():
        monkeypatch.setenv(name, value)
    return stub_environment["AIRFLOW_CONN_BACALHAU_DEFAULT"].replace("bacalhau://", "http://")


@pytest.fixture
def s3(stub_environment):
    """A client of the stub's S3, and the two buckets that the examples use."""
    import boto3

    endpoint = json.loads(stub_environment["AIRFLOW_CONN_AWS_DEFAULT"])["extra"]["endpoint_url"]
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="stub", aws_secret_access_key="stub", region_name="us-east-1"
    )
    client.create_bucket(Bucket="demo-raw")
    client.put_object(Bucket="demo-raw", Key="numbers.txt", Body=b"1\n2\n3\n4\n")
    return client


@pytest.fixture(scope="session")
def airflow_database():
    """Airflow's database, migrated once for this process."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def run_file(airflow_database):
    """Run every DAG of a file: `run_file(path)` answers {dag_id: dag run}."""

    def run(path):
        from airflow.dag_processing.bundles.manager import DagBundlesManager

        try:
            from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        except ImportError:  # 3.1
            from airflow.models.dagbag import DagBag, sync_bag_to_db

        DagBundlesManager().sync_bundles_to_db()
        bag = DagBag(dag_folder=str(path), load_op_links=False)
        assert bag.import_errors == {}
        sync_bag_to_db(bag, "dags-folder", None)
        return {dag_id: dag.test() for dag_id, dag in bag.dags.items()}

    return run


def xcom(run, task_id, key="return_value", map_index=-1):
    """What a task of a run left behind; None when it left nothing."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = select(XComModel).where(
        XComModel.dag_id == run.dag_id,
        XComModel.run_id == run.run_id,
        XComModel.task_id == task_id,
        XComModel.key == key,
        XComModel.map_index == map_index,
    )
    with create_session() as session:
        row = session.scalars(wanted).first()
        return None if row is None else XComModel.deserialize_value(row)


def states(run):
    """{task_id: state} of a run; mapped tasks under `task[i]`."""
    named = [(ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]", ti) for ti in run.get_task_instances()]
    return {name: str(ti.state) for name, ti in named}


@pytest.fixture
def look():
    """`look.xcom(run, task_id, key)` and `look.states(run)`."""

    class Look:
        pass

    Look.xcom = staticmethod(xcom)
    Look.states = staticmethod(states)
    return Look
