"""Whole runs: the stub that ships with the package, Airflow's own database, and a lossy line between them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path

import pytest


class Stub:
    """A running `bacalhau-stub serve`, and what its banner says."""

    def __init__(self, *flags):
        command = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", *flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.banner = []
        for line in self._process.stdout:
            self.banner.append(line.rstrip())
            if "BACALHAU_API_HOST" in line or self._process.poll() is not None:
                break
        assert "listening" in self.banner[0], self.banner
        self.url = self.banner[0].split()[-1]
        exports = (line.removeprefix("export ").partition("=") for line in self.banner if "AIRFLOW_CONN" in line)
        self.connections = {name: value.strip("'") for name, _, value in exports}

    def close(self):
        """End it."""
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()

    def jobs(self, label=None):
        """All jobs of the stub, or those with a label."""
        query = f"?labels={urllib.parse.quote(label)}" if label else ""
        with urllib.request.urlopen(f"{self.url}/api/v1/orchestrator/jobs{query}") as answer:
            return json.load(answer)["Items"]

    def s3(self):
        """A boto3 client of its S3."""
        import boto3

        extra = json.loads(self.connections["AIRFLOW_CONN_AWS_DEFAULT"])["extra"]
        return boto3.client(
            "s3",
            endpoint_url=extra["endpoint_url"],
            region_name=extra["region_name"],
            aws_access_key_id="stub",
            aws_secret_access_key="stub",
        )


@pytest.fixture(scope="session")
def stub_process():
    """One stub for all tests of a session; jobs of other tests are in it."""
    one = Stub("--nodes", "2")
    yield one
    one.close()


@pytest.fixture
def stub(stub_process, monkeypatch):
    """The stub, with the connections that its banner prints."""
    for name, value in stub_process.connections.items():
        monkeypatch.setenv(name, value)
    return stub_process


@pytest.fixture(scope="session")
def database():
    """Airflow's database, migrated once; it stays for the next session."""
    from airflow.utils.db import initdb

    Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).mkdir(parents=True, exist_ok=True)
    initdb()


@pytest.fixture
def run_dag(database):
    """Run a DAG through `dag.test()`; gives its tasks' states and XCom."""

    def run(dag):
        from airflow.dag_processing.bundles.manager import DagBundlesManager

        try:
            from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        except ImportError:  # 3.1
            from airflow.models.dagbag import DagBag, sync_bag_to_db

        DagBundlesManager().sync_bundles_to_db()
        bag = DagBag(dag_folder="/dev/null", load_op_links=False)
        bag.bag_dag(dag)
        sync_bag_to_db(bag, "dags-folder", None)
        return Run(dag.test())

    return run


class Run:
    """A finished run."""

    def __init__(self, dag_run):
        self.state = str(dag_run.state)
        self._run = dag_run
        self.tasks = {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}

    def xcom(self, task_id, key="return_value"):
        """What a task left."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            query = XComModel.get_many(key=key, run_id=self._run.run_id, dag_ids=self._run.dag_id, task_ids=task_id)
            found = session.execute(query.with_only_columns(XComModel.value)).first()
        value = None if found is None else found[0]
        with contextlib.suppress(TypeError, ValueError):  # a container is kept as JSON text, a word as it is
            value = json.loads(value)
        return value


class Lossy:
    """A TCP proxy that keeps the server's answer to one request for itself, and hangs up."""

    def __init__(self, upstream, drop_reply):
        host, _, port = upstream.removeprefix("http://").partition(":")
        self.dropped = 0
        self._upstream, self._drop = (host, int(port)), drop_reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Stop taking connections."""
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket.create_connection(self._upstream) as server:
            state = {"drop": False}
            threading.Thread(target=self._send, args=(client, server, state), daemon=True).start()
            while answer := server.recv(1 << 20):
                if state["drop"]:
                    self.dropped += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(answer)

    def _send(self, client, server, state):
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 20):
                state["drop"] = not self.dropped and (state["drop"] or self._drop(data))
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)


@pytest.fixture
def lossy():
    """Put a lossy line in front of a server: `lossy(url, drop_reply=...)`."""
    made = []

    def make(upstream, *, drop_reply):
        made.append(Lossy(upstream, drop_reply))
        return made[-1]

    yield make
    for one in made:
        one.close()
