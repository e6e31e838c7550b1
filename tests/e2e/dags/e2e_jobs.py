"""The runs of the end-to-end suite. Jobs that have to be ended from outside sleep for long, others until they are met."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator
from airflow_provider_bacalhau.operators.results import BacalhauGetResultsOperator

LONG = "echo started; sleep 300"
RETRY = {"retries": 1, "retry_delay": timedelta(seconds=1)}
PUBLISHES = {
    "command": "sleep 2; echo one line; echo content > /outputs/file.txt",
    "publisher": "s3://e2e-results/{jobID}/{executionID}?encoding=plain",
}
FAILS = {"command": "sleep 2; echo went wrong >&2; exit 3"}


class SlowlyResumed(BacalhauDockerOperator):
    """Takes its time before it goes on after its trigger's event."""

    def execute_complete(self, context: Any, event: Any = None, **more: Any) -> Any:
        self.log.info("the event is here")
        time.sleep(6)
        return super().execute_complete(context, event=event, **more)


def run_of(dag_id: str, operator: Any = BacalhauDockerOperator, **tasks: dict[str, Any]) -> DAG:
    """A DAG of independent jobs, one a keyword."""
    with DAG(dag_id, schedule=None, start_date=datetime(2025, 1, 1), catchup=False) as dag:
        for task_id, arguments in tasks.items():
            operator(task_id=task_id, image="busybox:1.36", **arguments)
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
both_ways = {"inline": {"command": LONG}, "deferred": {"command": LONG, "deferrable": True}}
given_up = run_of("given_up", **both_ways)
late = run_of("late", **both_ways)
late.dagrun_timeout = timedelta(seconds=25)
deleted = run_of("deleted", job={"command": LONG, "deferrable": True})
lossy = run_of("lossy", job={"command": "sleep 1; echo done", "bacalhau_conn_id": "bacalhau_lossy"})
moved = run_of("moved", job={"command": "sleep 12; echo done", "deferrable": True})
orphaned = run_of("orphaned", job={"command": "sleep 7; echo done", **RETRY})
cleared = run_of("cleared", job={"command": "sleep 9; echo done", "deferrable": True})
resumed = run_of("resumed", SlowlyResumed, job={"command": "sleep 6; echo done", "deferrable": True})
forsaken = run_of("forsaken", job={"command": LONG, **RETRY})
split = run_of("split", job={"command": "sleep 45; echo done", "deferrable": True})
secretive = run_of(
    "secretive",
    basic={"command": "echo done", "bacalhau_conn_id": "canary_basic", "xcom_value": "stdout"},
    bearer={"command": "sleep 6; echo done", "bacalhau_conn_id": "canary_bearer", "deferrable": True, "publisher": PUBLISHES["publisher"]},
    failing={**FAILS, "bacalhau_conn_id": "canary_api_key", "deferrable": True, **RETRY},
    killed={"command": LONG, "bacalhau_conn_id": "canary_bearer", "deferrable": True},
    refused={"command": "echo done", "bacalhau_conn_id": "canary_refused"},
    refused_waiting={"command": "echo done", "bacalhau_conn_id": "canary_refused", "deferrable": True},
    keyed={"command": "echo done", "bacalhau_conn_id": "canary_keyed"},
    unpemmed={"command": "echo done", "bacalhau_conn_id": "canary_unpemmed"},
)
with secretive:
    BacalhauDockerOperator.partial(
        task_id="mapped", image="busybox:1.36", bacalhau_conn_id="canary_bearer", deferrable=True
    ).expand(command=["echo one", "echo two"])
    BacalhauGetResultsOperator(
        task_id="fetched",
        job=secretive.get_task("bearer").output["bacalhau_job"],
        target="/nowhere/canary",
        bacalhau_conn_id="canary_bearer",
    )
