"""The jobs of a task at a server, and what they are worth to an attempt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from airflow_provider_bacalhau.errors import NotFound

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.lifecycle.submission import Found
    from airflow_provider_bacalhau.models.job import Job


def jobs_of(client: Client, key: str, namespace: str | None = "*") -> Iterator[Job]:
    """All jobs that carry a task's key, in whatever namespace unless one is named."""
    return client.iter_jobs(namespace=namespace, labels=f"airflow-key={key}")


def worth_of(
    client: Client,
    jobs: Iterable[Job],
    *,
    now: float,
    accept_timeout: float | None = None,
    total_timeout: float | None = None,
    fail_on_exit_code: bool = True,
) -> list[Found]:
    """What listed jobs are worth to an attempt; those whose executions decide are looked at singly.

    :param now: epoch seconds of our clock.
    """
    from airflow_provider_bacalhau.lifecycle.submission import classify, found_from
    from airflow_provider_bacalhau.models.execution import Execution

    result = []
    for listed in jobs:
        job, executions = listed, list[Execution]()
        if job.is_terminal or job.state in ("Pending", "Undefined"):
            try:
                job, executions, _ = client.describe_job(job.id, namespace=job.namespace)
            except NotFound:
                continue
        worth = classify(
            job,
            executions,
            server_now=now + client.learnt.ahead,
            accept_timeout=accept_timeout,
            total_timeout=total_timeout,
            fail_on_exit_code=fail_on_exit_code,
        )
        found = found_from(job, worth)
        if found is not None:
            result.append(found)
    return result
