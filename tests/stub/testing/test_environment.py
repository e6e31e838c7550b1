"""Which variables a test inherits, and which it gets."""

from __future__ import annotations

import json

from orchestrator_stub.testing.environment import around_proxies, connections, leading_away

SHELL = (
    "AIRFLOW_HOME", "AIRFLOW_CONN_PROD", "AIRFLOW__CORE__EXECUTOR", "AIRFLOW_VAR_TEAM", "AWS_PROFILE", "BACALHAU_API_HOST",
    "OPENLINEAGE_URL", "PATH", "HOME", "AIRFLOWISH",
)  # fmt: skip


def test_what_leads_to_real_systems_is_known():
    """A test on a laptop would submit its jobs to production."""
    assert leading_away(SHELL) == [
        "AIRFLOW_HOME", "AIRFLOW_CONN_PROD", "AIRFLOW__CORE__EXECUTOR", "AWS_PROFILE", "BACALHAU_API_HOST", "OPENLINEAGE_URL",
    ]  # fmt: skip


def test_what_a_project_keeps_is_kept():
    """A database of the test itself could not be named in the shell."""
    assert leading_away(SHELL, ["AIRFLOW_CONN_*", "AWS_PROFILE"]) == [
        "AIRFLOW_HOME", "AIRFLOW__CORE__EXECUTOR", "BACALHAU_API_HOST", "OPENLINEAGE_URL",
    ]  # fmt: skip


def test_proxies_are_gone_around_for_this_machine_only():
    """Requests to the stub would go to the company's proxy, or all others would no longer."""
    assert around_proxies({"NO_PROXY": "acme.io"}) == {
        "NO_PROXY": "acme.io,127.0.0.1,localhost,::1",
        "no_proxy": "127.0.0.1,localhost,::1",
    }


def test_connections_look_often_and_boto3_finds_the_objects():
    """Every wait of a test would take the seconds of a real one."""
    connection = {"conn_type": "bacalhau", "host": "127.0.0.1", "extra": {"webui_url": "x"}}
    given = {"AIRFLOW_CONN_BACALHAU_DEFAULT": json.dumps(connection), "BACALHAU_API_PORT": "1"}
    made = connections(given, "http://127.0.0.1:4570")
    assert json.loads(made["AIRFLOW_CONN_BACALHAU_DEFAULT"])["extra"] == {"poll_interval": 0.05, "webui_url": "x"}
    assert (made["AWS_ENDPOINT_URL_S3"], made["AWS_ACCESS_KEY_ID"]) == ("http://127.0.0.1:4570", "stub")
    assert "AWS_ACCESS_KEY_ID" not in connections(given, "")
