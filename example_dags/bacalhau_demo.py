"""From S3 through two jobs back into Airflow: a job's published result is the next job's input.

Reads `s3://demo-raw/numbers.txt` (whole numbers, one a line) and publishes below `s3://demo-results/`. The program is
a small WebAssembly module that lies beside this file, so it runs on every node. No endpoint is named anywhere: the
connections decide which cluster and which S3 this is.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import dag, task

from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator
from airflow_provider_bacalhau.operators.wasm import BacalhauWasmOperator

PROGRAM = "programs/numbers.wasm"  # beside this file


@dag(schedule=None, start_date=datetime(2025, 1, 1), catchup=False, tags=["bacalhau", "example"])
def bacalhau_demo() -> None:
    """Square some numbers on the cluster, sum the squares in a second job, bring the sum back."""
    squares = BacalhauWasmOperator(
        task_id="squares",
        module=PROGRAM,
        parameters=["square", "/outputs/squares.txt", "/inputs/numbers.txt"],
        inputs={"/inputs": "s3://demo-raw/numbers.txt"},  # a folder, also for one object
        publisher="s3://demo-results/squares/{jobID}/{executionID}?encoding=plain",
        xcom_value="results",
    )
    # One input is mounted for each published item: the first one at /parts/0.
    total = BacalhauWasmOperator(
        task_id="total",
        module=PROGRAM,
        parameters=["sum", "/outputs/total.txt", "/parts/0/outputs/squares.txt"],
        inputs={"/parts": squares.output["bacalhau_job"]},
        publisher="s3://demo-results/total/{jobID}/{executionID}?encoding=plain",
        deferrable=True,
        xcom_value="result",
    )

    @task
    def bring_back(result: str) -> str:
        """The sum, read from where the job published it."""
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook

        bucket, key = S3Hook.parse_s3_url(f"{result}outputs/total.txt")
        content = str(S3Hook().read_key(key, bucket)).strip()
        print(f"the squares sum up to {content}, published at s3://{bucket}/{key}")
        return content

    @task.short_circuit(ignore_downstream_trigger_rules=False)
    def docker_is_there() -> bool:
        """Whether some node runs docker jobs; without one the last task is skipped."""
        nodes = BacalhauHook().list_nodes()["Nodes"]
        return any("docker" in node["Info"]["ComputeNodeInfo"]["ExecutionEngines"] for node in nodes)

    check = BacalhauDockerOperator(
        task_id="check_in_a_container",
        image="busybox:1.36",
        command='test "$(cat /total/outputs/total.txt)" -gt 0 && echo "the sum is positive"',
        inputs={"/total": total.output["result"]},
        xcom_value="stdout",
    )
    bring_back(total.output)
    total >> docker_is_there() >> check


bacalhau_demo()
