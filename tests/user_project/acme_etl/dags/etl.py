"""Sales of a day: cleaned, then a model is trained on them."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag

from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator


@dag(schedule="@daily", start_date=datetime(2026, 1, 1), catchup=False)
def etl() -> None:
    """Clean, then train."""
    clean = BacalhauDockerOperator(
        task_id="clean",
        image="acme/clean:1.4",
        command=["python", "/app/clean.py"],
        inputs={"/in": "s3://acme-raw/sales/{{ ds }}/*"},
        publisher="s3://acme-clean/{{ ds }}/{jobID}/{executionID}?encoding=plain",
    )
    BacalhauDockerOperator(
        task_id="train",
        image="acme/train:2.0",
        command=["python", "/app/train.py"],
        inputs={"/in": clean.output["bacalhau_job"]},
        resources={"cpu": 4, "memory": "8GB", "gpu": 1},
        deferrable=True,
        retries=1,
        retry_delay=timedelta(minutes=5),
    )


etl()
