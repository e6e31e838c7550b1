"""Stubs with clusters, and the command line in this process."""

from __future__ import annotations

import asyncio
import threading

import pytest

from airflow_provider_bacalhau.commands import cli
from orchestrator_stub.app import Stub
from orchestrator_stub.settings.flags import Settings
from orchestrator_stub.settings.cluster import load_cluster


@pytest.fixture
def start_stub():
    """start_stub(path of a cluster file, emulate=...) -> URL of a stub that plays it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running = []

    def on_loop(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    def start(path, **flags):
        cluster = load_cluster(path)
        settings = Settings(port=0, s3="off", docker_runner="scripted", nodes=len(cluster), cluster=cluster, **flags)
        running.append(Stub(settings))
        on_loop(running[-1].start())
        return running[-1].url

    yield start
    for stub in running:
        on_loop(stub.stop())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def connect(monkeypatch):
    """connect(url, name="prod"): a connection of the environment."""

    def set_it(url, name="prod"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", url.replace("http://", "bacalhau://"))

    return set_it


@pytest.fixture
def command(monkeypatch, capsys):
    """command("nodes", ...) -> (exit status, standard output, error output)."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")  # set by the command, and taken back after the test

    def run(*words):
        capsys.readouterr()
        status = cli.main(words)
        return status, *capsys.readouterr()

    return run
