"""Secrets on their way into a job, where everybody who may read the cluster's jobs could read them."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import ConfigError, SpecError
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator
from airflow_provider_bacalhau.version_compat import AirflowFailException, mask

PASSWORD = "rendered-5f1c9e"


@pytest.fixture
def docker():
    """Make a docker operator: `docker(command=..., env=...)`."""

    def make(**arguments):
        return BacalhauDockerOperator(task_id="clean", image="acme/clean:1", **arguments)

    return make


@pytest.fixture
def refusing(monkeypatch):
    """The installation refuses secrets in specs."""
    monkeypatch.setenv("AIRFLOW__BACALHAU__SECRETS_IN_SPEC", "refuse")


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"command": f"psql postgres://u:{PASSWORD}@db"}, r"Tasks\[0\]\.Engine\.Params\.Parameters\[\d\]"),
        ({"command": ["load", "--with", PASSWORD]}, r"Tasks\[0\]\.Engine\.Params\.Parameters\[\d\]"),
        ({"env": {"DSN_PART": PASSWORD}}, r"Tasks\[0\]\.Env\.DSN_PART"),
        ({"env": {"api_token": "x"}}, r"Tasks\[0\]\.Env\.api_token"),
        ({"meta": {"note": f"use {PASSWORD}"}}, r"Meta\.note"),
        ({"inputs": {"/in": f"https://u:{PASSWORD}@files/x"}}, r"Tasks\[0\]\.InputSources\[0\]\.Source\.Params\.URL"),
    ],
)
def test_a_masked_value_is_found_wherever_it_was_rendered(docker, context, orchestrator, refusing, arguments, path):
    """A connection's password that a template has put into a command is not found by the name of a key."""
    mask([PASSWORD])
    with pytest.raises(SpecError, match=path) as caught:
        (op := docker(**arguments)).execute(context(op))
    assert PASSWORD not in str(caught.value)
    assert "env:NAME" in str(caught.value)
    assert isinstance(caught.value, AirflowFailException)
    assert orchestrator.puts == 0


def test_a_variable_of_the_node_goes_through(docker, context, orchestrator, refusing):
    """The only way out would be closed, too."""
    (op := docker(env={"DB_PASSWORD": "env:DB_PASSWORD"})).execute(context(op))
    assert orchestrator.only_job()["Tasks"][0]["Env"] == {"DB_PASSWORD": "env:DB_PASSWORD"}


def test_a_job_of_the_hook_is_no_way_around(orchestrator, spec, refusing):
    """A @task that submits by itself would publish what an operator may not."""
    spec["Tasks"][0]["Env"] = {"DB_PASSWORD": "hunter2"}
    with pytest.raises(SpecError, match=r"Tasks\[0\]\.Env\.DB_PASSWORD"):
        BacalhauHook().submit_job(spec)
    assert orchestrator.puts == 0


def test_an_unknown_word_of_the_setting_is_told(docker, context, orchestrator, monkeypatch):
    """A misspelt "refuse" would publish every secret."""
    monkeypatch.setenv("AIRFLOW__BACALHAU__SECRETS_IN_SPEC", "strict")
    with pytest.raises(ConfigError, match="secrets_in_spec is 'strict': it is one of warn, refuse, allow"):
        (op := docker(command="true")).execute(context(op))
    assert orchestrator.puts == 0
