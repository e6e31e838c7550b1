"""The command line: what it prints where, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "says"),
    [((), "required: COMMAND"), (("node",), "invalid choice: 'node'"), (("nodes",), "required: --conn-id"),
     (("nodes", "--conn", "x"), "required: --conn-id"), (("nodes", "--conn-id", "x", "--format", "xml"), "invalid choice")],
)
def test_wrong_usage_is_exit_2(command, words, says):
    """A script would go on with nothing."""
    status, out, err = command(*words)
    assert (status, out) == (2, "")
    assert says in err


def test_an_unknown_connection_is_one_sentence(command):
    """The user would see a traceback of Airflow's."""
    status, out, err = command("nodes", "--conn-id", "nowhere")
    assert (status, out) == (1, "")
    assert err.splitlines()[-1] == (
        "python -m airflow_provider_bacalhau: there is no connection nowhere: set AIRFLOW_CONN_NOWHERE, or add it with "
        "`airflow connections add`"
    )


def test_a_server_that_is_not_there_is_one_sentence(command, connect):
    """The user would see a traceback of ours."""
    connect("http://127.0.0.1:1")
    status, out, err = command("nodes", "--conn-id", "prod")
    assert (status, out) == (1, "")
    assert "nothing listens at http://127.0.0.1:1" in err.splitlines()[-1]


def test_the_module_runs_and_keeps_warnings_out_of_its_output(start_stub, tmp_path):
    """`... nodes --format stub > cluster.yaml` would write a log line into the file."""
    path = tmp_path / "cluster.yaml"
    path.write_text("nodes: [{name: a}]")
    host, port = start_stub(path).removeprefix("http://").split(":")
    connection = f'{{"conn_type": "bacalhau", "host": "{host}", "port": {port}, "extra": {{"bogus": 1}}}}'
    done = subprocess.run(
        [sys.executable, "-m", "airflow_provider_bacalhau", "nodes", "--conn-id", "prod", "--format", "stub"],
        env={**os.environ, "AIRFLOW_CONN_PROD": connection},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# 1 nodes of connection prod")
    assert "bogus" in done.stderr
    assert "bogus" not in done.stdout
