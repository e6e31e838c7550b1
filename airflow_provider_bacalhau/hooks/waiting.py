"""Waiting in a worker: look, ask the watch, sleep, until there is a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_bacalhau.errors import ApiError, AttemptOver, NotFound

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.aio import AsyncClient
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.hooks.kill import KillSwitch
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.lifecycle.watch import Observation, Watch


def observe(client: Client, job_id: str, namespace: str | None) -> Observation:
    """One look at a job and its executions. Errors are part of what was seen, never raised."""
    from airflow_provider_bacalhau.lifecycle.watch import Observation

    try:
        job, executions, history = client.describe_job(job_id, namespace=namespace)
    except NotFound:
        return Observation(not_found=True)
    except ApiError as error:
        return Observation(error=error)
    return Observation(job, tuple(executions), tuple(history))


async def aobserve(client: AsyncClient, job_id: str, namespace: str | None) -> Observation:
    """As `observe`, for a running event loop."""
    from airflow_provider_bacalhau.lifecycle.watch import Observation

    try:
        job, executions, history = await client.describe_job(job_id, namespace=namespace)
    except NotFound:
        return Observation(not_found=True)
    except ApiError as error:
        return Observation(error=error)
    return Observation(job, tuple(executions), tuple(history))


def wait(
    watch: Watch,
    look: Callable[[], Observation],
    *,
    kill: KillSwitch,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    note: Callable[[str], None],
    seen: Callable[[Observation], None] | None = None,
) -> Verdict:
    """Look until there is a verdict.

    :param note: gets one line per state change, and one at growing intervals.
    :param seen: gets every look, for whoever follows the executions' logs.
    :raises AttemptOver: the task was told to end.
    """
    while True:
        if kill.pulled:
            raise AttemptOver("The task was told to end while its Bacalhau job ran.")
        sight = look()
        if seen is not None:
            seen(sight)
        step = watch.observe(sight, clock())
        watch = step.watch
        for line in step.notes:
            note(line)
        if step.verdict is not None:
            return step.verdict
        sleep(step.after or 0.0)


def out_of_time(watch: Watch, limit: str, now: float) -> Verdict:
    """The verdict of a wait that a limit of the task ends, not one of the job's; `limit` names it."""
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict

    spent = now - watch.submitted_at
    known = Verdict("timed_out", "timeout", watch.job_id, watch.namespace, watch.name, watch.state)
    text = f"not finished when the {limit} was over"
    return replace(known, phase="total", message=text, seconds=spent, submitted_at=watch.submitted_at, finished_at=now)
