"""The fixture `run_dag` as a test gets it."""

from __future__ import annotations

import json
import os

import pytest

from airflow_provider_bacalhau.testing import RunDag


def test_the_fixture_pulls_in_the_connections(run_dag, bacalhau_stub):
    """A DAG would run without its cluster."""
    assert isinstance(run_dag, RunDag)
    connection = json.loads(os.environ["AIRFLOW_CONN_BACALHAU_DEFAULT"])
    assert bacalhau_stub.url.endswith(f":{connection['port']}")


def test_airflow_lives_in_a_folder_of_the_session(run_dag, _bacalhau_airflow):
    """A test would write into somebody's Airflow."""
    from airflow import settings

    home = os.environ["AIRFLOW_HOME"]
    assert home.rpartition("/")[2].startswith("bacalhau-airflow-")
    assert str(settings.engine.url) == os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{home}/airflow.db"
    assert _bacalhau_airflow.environment().items() <= os.environ.items()


@pytest.fixture
def elsewhere(monkeypatch):
    """A configuration file that a shell may name."""
    monkeypatch.setenv("AIRFLOW_CONFIG", "/nowhere/airflow.cfg")


def test_a_configuration_file_elsewhere_does_not_count(elsewhere, run_dag):
    """The settings of a real Airflow would be read."""
    assert "AIRFLOW_CONFIG" not in os.environ
