"""One job, waited for by a worker or by the triggerer. The run's configuration names the connection, so that every run
has a server of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator


def of_mode(mode: str) -> DAG:
    """The DAG whose one task waits in this way."""
    with DAG(f"kill_{mode}", schedule=None, start_date=datetime(2025, 1, 1), catchup=False, max_active_runs=64) as dag:
        BacalhauDockerOperator(
            task_id="job",
            bacalhau_conn_id="{{ dag_run.conf['conn'] }}",
            image="busybox:1.36",
            command="played",
            publisher="local",
            deferrable=mode == "deferred",
            retries=2,
            retry_delay=timedelta(seconds=1),
            xcom_value="results",
        )
    return dag


kill_inline = of_mode("inline")
kill_deferred = of_mode("deferred")
