"""The runs of the end-to-end suite. Jobs that have to be ended from outside sleep for long, others until they are met."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator

LONG = "echo started; sleep 300"
RETRY = {"retries": 1, "retry_delay": timedelta(seconds=1)}
PUBLISHES = {
    "command": "sleep 2; echo one line; echo content > /outputs/file.txt",
    "publisher": "s3://e2e-results/{jobID}/{executionID}?encoding=plain",
}
FAILS = {"command": "sleep 2; echo went wrong >&2; exit 3"}


def run_of(dag_id: str, **tasks: dict[str, Any]) -> DAG:
    """A DAG of independent jobs, one a keyword."""
    with DAG(dag_id, schedule=None, start_date=datetime(2025, 1, 1), catchup=False) as dag:
        for task_id, arguments in tasks.items():
            BacalhauDockerOperator(task_id=task_id, image="busybox:1.36", **arguments)
    return dag


ended_inline = run_of("ended_inline", job={"command": LONG, "stream_logs": "live"})
ended_deferred = run_of("ended_deferred", job={"command": LONG, "deferrable": True})
retried = run_of("retried", job={**FAILS, "deferrable": True, **RETRY})
twins = run_of(
    "twins",
    good_inline=PUBLISHES,
    good_deferred={**PUBLISHES, "deferrable": True},
    bad_inline=FAILS,
    bad_deferred={**FAILS, "deferrable": True},
)
limited = run_of(
    "limited",
    inline={"command": LONG, "execution_timeout": timedelta(seconds=8)},
    deferred={"command": LONG, "execution_timeout": timedelta(seconds=8), "deferrable": True},
)
overdue = run_of("overdue", job={"command": LONG, "deferrable": True})
lossy = run_of("lossy", job={"command": "sleep 1; echo done", "bacalhau_conn_id": "bacalhau_lossy"})
moved = run_of("moved", job={"command": "sleep 12; echo done", "deferrable": True})
orphaned = run_of("orphaned", job={"command": "sleep 7; echo done", **RETRY})
cleared = run_of("cleared", job={"command": "sleep 9; echo done", "deferrable": True})
secretive = run_of(
    "secretive",
    basic={"command": "echo done", "bacalhau_conn_id": "canary_basic"},
    bearer={"command": "sleep 3; echo done", "bacalhau_conn_id": "canary_bearer", "deferrable": True},
    refused={"command": "echo done", "bacalhau_conn_id": "canary_refused"},
)
