"""A job that nobody waits for, a sensor that does, and the job's results in one place."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import dag

from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator
from airflow_provider_bacalhau.operators.results import BacalhauGetResultsOperator
from airflow_provider_bacalhau.sensors.job import BacalhauJobSensor


@dag(schedule=None, start_date=datetime(2026, 1, 1))
def nightly() -> None:
    """Start, wait, fetch."""
    start = BacalhauDockerOperator(
        task_id="start",
        image="acme/nightly:7",
        publisher="s3://acme-nightly/{jobID}/{executionID}?encoding=plain",
        wait_for_completion=False,
    )
    wait = BacalhauJobSensor(task_id="wait", job=start.output["bacalhau_job"], poke_interval=60)
    fetch = BacalhauGetResultsOperator(
        task_id="fetch", job=wait.output, target="s3://acme-reports/{{ ds }}", only=["outputs/**"], layout="merged"
    )
    start >> wait >> fetch


nightly()
