"""What a failing job looks like: the error names the execution, the node, the exit code and the last lines of stderr.

The first task fails on purpose (the program exits with 3 because there is no number in its input). The second one
runs all the same and reads from XCom what the first left behind, as a notification or a repair task would.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import dag, task

from airflow_provider_bacalhau.operators.wasm import BacalhauWasmOperator

PROGRAM = "programs/numbers.wasm"  # beside this file


@dag(schedule=None, start_date=datetime(2025, 1, 1), catchup=False, tags=["bacalhau", "example"])
def bacalhau_failing_job() -> None:
    """The run succeeds although a task of it fails: the last task decides."""
    broken = BacalhauWasmOperator(
        task_id="broken",
        module=PROGRAM,
        parameters=["sum", "/outputs/total.txt", "/inputs/numbers.txt"],
        inputs={"/inputs/numbers.txt": {"Type": "inline", "Params": {"URL": "data:text/plain,none"}}},
        outputs={},
        retries=0,
    )

    @task(trigger_rule="all_failed")
    def look(job: dict[str, Any], exit_codes: list[int]) -> list[int]:
        """XCom keys are there although the task failed."""
        print(f"job {job['job_id']} ended as {job['state']} with exit codes {exit_codes}")
        return exit_codes

    look(broken.output["bacalhau_job"], broken.output["exit_codes"])


bacalhau_failing_job()
