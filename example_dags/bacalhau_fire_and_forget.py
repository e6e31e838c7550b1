"""Submit without waiting, wait elsewhere, fetch the results, and clean up whatever happens."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import dag

from airflow_provider_bacalhau.operators.results import BacalhauGetResultsOperator
from airflow_provider_bacalhau.operators.stop import BacalhauStopJobOperator
from airflow_provider_bacalhau.operators.wasm import BacalhauWasmOperator
from airflow_provider_bacalhau.sensors.job import BacalhauJobSensor

PROGRAM = "programs/numbers.wasm"  # beside this file


@dag(schedule=None, start_date=datetime(2025, 1, 1), catchup=False, tags=["bacalhau", "example"])
def bacalhau_fire_and_forget() -> None:
    """The worker slot is free as soon as the job is submitted; a sensor waits in the triggerer."""
    submit = BacalhauWasmOperator(
        task_id="submit",
        module=PROGRAM,
        parameters=["square", "/outputs/squares.txt", "/inputs/numbers.txt"],
        inputs={"/inputs/numbers.txt": {"Type": "inline", "Params": {"URL": "data:text/plain,1%0A2%0A3%0A"}}},
        publisher="s3://demo-results/fire/{jobID}/{executionID}",
        wait_for_completion=False,
    )
    wait = BacalhauJobSensor(task_id="wait", job=submit.output["bacalhau_job"], deferrable=True)
    fetch = BacalhauGetResultsOperator(
        task_id="fetch",
        job=submit.output["bacalhau_job"],
        target="s3://demo-results/fetched/{{ run_id | replace(':', '-') | replace('+', '-') }}",
        only=["outputs/**"],
    )
    # Runs when anything above failed, too: a job that ended already is left as it is.
    clean_up = BacalhauStopJobOperator(
        task_id="clean_up",
        job=submit.output["bacalhau_job"],
        reason="the DAG run is over",
        trigger_rule="all_done",
    )
    submit >> wait >> fetch >> clean_up


bacalhau_fire_and_forget()
