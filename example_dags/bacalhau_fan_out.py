"""One job per item, and a last job that merges what they published."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import dag, task

from airflow_provider_bacalhau.operators.wasm import BacalhauWasmOperator

PROGRAM = "programs/numbers.wasm"  # beside this file
ITEMS = 5


@dag(schedule=None, start_date=datetime(2025, 1, 1), catchup=False, tags=["bacalhau", "example"])
def bacalhau_fan_out() -> None:
    """Mapped tasks wait in the triggerer: five jobs or five thousand cost one polling loop."""

    @task
    def split() -> list[dict[str, dict[str, object]]]:
        """The inputs of each job; here they are so small that they travel in the spec."""
        return [
            {"/inputs/numbers.txt": {"Type": "inline", "Params": {"URL": f"data:text/plain,{n}%0A{n * 10}%0A"}}}
            for n in range(1, ITEMS + 1)
        ]

    squares = BacalhauWasmOperator.partial(
        task_id="squares",
        module=PROGRAM,
        parameters=["square", "/outputs/squares.txt", "/inputs/numbers.txt"],
        publisher="s3://demo-results/fan-out/{jobID}/{executionID}?encoding=plain",
        deferrable=True,
    ).expand(inputs=split())
    # A list of handles: item i is mounted at /parts/i.
    merge = BacalhauWasmOperator(
        task_id="merge",
        module=PROGRAM,
        parameters=["sum", "/outputs/total.txt", *(f"/parts/{i}/outputs/squares.txt" for i in range(ITEMS))],
        inputs={"/parts": squares.output},
        publisher="s3://demo-results/fan-out-total/{jobID}/{executionID}?encoding=plain",
        xcom_value="result",
    )

    @task
    def show(result: str) -> str:
        """The total, read from where the merging job published it."""
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook

        bucket, key = S3Hook.parse_s3_url(f"{result}outputs/total.txt")
        return str(S3Hook().read_key(key, bucket)).strip()

    show(merge.output)


bacalhau_fan_out()
