"""The pytest plugin: a DAG runs to its end in a test, on an Airflow that nobody else uses."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_bacalhau.testing.home import BUNDLE, AirflowHome
from airflow_provider_bacalhau.testing.runner import RunDag


@pytest.fixture(scope="session")
def _bacalhau_airflow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowHome]:
    """The session's Airflow; each worker of pytest-xdist has one."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    with tempfile.TemporaryDirectory(prefix="bacalhau-airflow-", ignore_cleanup_errors=True) as folder:
        home = AirflowHome(Path(folder), shared)
        yield home
        home.close()


@pytest.fixture
def run_dag(
    request: pytest.FixtureRequest,
    bacalhau_connection: object,  # noqa: ARG001 - its variables matter
    _bacalhau_airflow: AirflowHome,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunDag]:
    """`run_dag("dags/etl.py", logical_date="2026-01-01")` runs a DAG to its end on an empty Airflow of the session's
    own; its Bacalhau jobs go to the test's `bacalhau_stub`."""
    for name, value in _bacalhau_airflow.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    with _bacalhau_airflow.entered():
        yield RunDag((request.config.rootpath, Path.cwd(), request.path.parent), BUNDLE)
