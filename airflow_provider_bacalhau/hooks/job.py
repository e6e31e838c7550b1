"""One job, seen from Airflow: looking at it, and waiting for its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_bacalhau.errors import ApiError, AttemptOver, NotFound
from airflow_provider_bacalhau.hooks.attempt import KillSwitch, pause

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.aio import AsyncClient
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.hooks.connection import Connected
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
    return replace(known, phase="task", message=text, seconds=spent, submitted_at=watch.submitted_at, finished_at=now)


def wait_call(hook: Connected, job_id: str, namespace: str | None, **limits: Any) -> dict[str, Any]:
    """Look until the job has ended, in this thread."""
    client = hook.get_conn()
    watch = _watch(hook, job_id, namespace, limits)
    deadline = _deadline(limits)
    while True:
        now = time.time()
        step = watch.observe(observe(client, job_id, namespace), now)
        watch = step.watch
        for line in step.notes:
            hook.log.info("%s", line)
        verdict = step.verdict or _overdue(watch, now, deadline)
        if verdict is not None:
            return _concluded(hook, verdict)
        pause(_capped(step.after, now, deadline))


async def await_call(hook: Connected, job_id: str, namespace: str | None, **limits: Any) -> dict[str, Any]:
    """Look until the job has ended, without holding up the loop."""
    await hook.aparsed()
    space = namespace or hook.namespace
    watch = _watch(hook, job_id, space, limits)
    deadline = _deadline(limits)
    async with hook.aconn() as client:
        while True:
            now = time.time()
            step = watch.observe(await aobserve(client, job_id, space), now)
            watch = step.watch
            for line in step.notes:
                hook.log.info("%s", line)
            verdict = step.verdict or _overdue(watch, now, deadline)
            if verdict is not None:
                return await asyncio.to_thread(_concluded, hook, verdict)
            await asyncio.sleep(_capped(step.after, now, deadline))


def _watch(hook: Connected, job_id: str, namespace: str | None, limits: Mapping[str, Any]) -> Watch:
    from airflow_provider_bacalhau.lifecycle.durations import seconds_of
    from airflow_provider_bacalhau.lifecycle.watch import Watch, WatchPolicy

    policy = WatchPolicy(
        poll_interval=seconds_of(limits.get("poll_interval")) or hook.options.poll_interval,
        fail_on_exit_code=limits.get("fail_on_exit_code", True),
    )
    return Watch.start(policy, submitted_at=time.time(), job_id=job_id, namespace=namespace or "")


def _deadline(limits: Mapping[str, Any]) -> float | None:
    from airflow_provider_bacalhau.lifecycle.durations import seconds_of

    timeout = seconds_of(limits.get("timeout"))
    return None if timeout is None else time.time() + timeout


def _overdue(watch: Watch, now: float, deadline: float | None) -> Verdict | None:
    return out_of_time(watch, "timeout", now) if deadline is not None and now >= deadline else None


def _capped(after: float | None, now: float, deadline: float | None) -> float:
    return max(0.0, min(after or 0.0, (deadline - now) if deadline is not None else 3600.0))


def _concluded(hook: Connected, verdict: Verdict) -> dict[str, Any]:
    from airflow_provider_bacalhau.hooks.results import manifest_of
    from airflow_provider_bacalhau.lifecycle.verdict import handle

    if not verdict.succeeded:
        _fail(verdict)
    client = hook.get_conn()
    job, executions, _ = client.describe_job(verdict.job_id, namespace=verdict.namespace)
    uris = manifest_of(client, job, executions).uris()
    return handle(verdict, results=uris, adopted=False, server=hook.config.base_url)


def _fail(verdict: Verdict) -> NoReturn:
    from airflow_provider_bacalhau.hooks.outcome import airflow_error
    from airflow_provider_bacalhau.lifecycle.diagnose import error_from, explain

    raise airflow_error(error_from(verdict, explain(verdict)))
