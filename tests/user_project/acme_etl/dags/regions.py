"""One job for each region, then a report of what they counted."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import dag, task

from airflow_provider_bacalhau.operators.docker import BacalhauDockerOperator


@dag(schedule=None, start_date=datetime(2026, 1, 1), params={"regions": ["eu", "us", "asia"]})
def regions() -> None:
    """Count, then report."""

    @task
    def commands(params: dict[str, list[str]]) -> list[list[str]]:
        """The program's arguments, by region."""
        return [["count", region] for region in params["regions"]]

    count = BacalhauDockerOperator.partial(
        task_id="count", image="acme/count:3", xcom_value="stdout", retries=1, deferrable=True
    ).expand(command=commands())

    @task
    def report(counts: list[str]) -> int:
        """The sum."""
        return sum(map(int, counts))

    report(count.output)


regions()
