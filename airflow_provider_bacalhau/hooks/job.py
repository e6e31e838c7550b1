"""One job, seen from Airflow: looking at it, and waiting for its end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_bacalhau.errors import ApiError, AttemptOver, NotFound
from airflow_provider_bacalhau.hooks.attempt import KillSwitch, pause

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.aio import AsyncClient
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.hooks.connection import Connected
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.lifecycle.watch import Observation, Step, Watch


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
        sleep(step.pause(random.random()))  # noqa: S311 - spreads load, guards nothing


def wait_call(hook: Connected, job_id: str, namespace: str | None, **limits: Any) -> dict[str, Any]:
    """Look until the job has ended, in this thread."""
    client = hook.get_conn()
    watch = _watch(hook, job_id, namespace, limits)
    deadline = _deadline(limits)
    while True:
        seen = observe(client, job_id, namespace)
        now = time.time()
        step = watch.observe(seen, now)
        watch = step.watch
        for line in step.notes:
            hook.log.info("%s", line)
        verdict = step.verdict or watch.overdue(seen, now, deadline=deadline, limit="timeout")
        if verdict is not None:
            return _concluded(hook, verdict)
        pause(until_next(step, now, deadline))


async def await_call(hook: Connected, job_id: str, namespace: str | None, **limits: Any) -> dict[str, Any]:
    """Look until the job has ended, without holding up the loop."""
    await hook.aparsed()
    space = namespace or hook.namespace
    watch = _watch(hook, job_id, space, limits)
    deadline = _deadline(limits)
    async with hook.aconn() as client:
        while True:
            seen = await aobserve(client, job_id, space)
            now = time.time()
            step = watch.observe(seen, now)
            watch = step.watch
            for line in step.notes:
                hook.log.info("%s", line)
            verdict = step.verdict or watch.overdue(seen, now, deadline=deadline, limit="timeout")
            if verdict is not None:
                return await asyncio.to_thread(_concluded, hook, verdict)
            await asyncio.sleep(until_next(step, now, deadline))


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


def until_next(step: Step, now: float, deadline: float | None) -> float:
    """Seconds until the next look, of which one falls on the deadline."""
    after = step.pause(random.random())  # noqa: S311 - spreads load, guards nothing
    return after if deadline is None or deadline <= now else min(after, deadline - now)


def _concluded(hook: Connected, verdict: Verdict) -> dict[str, Any]:
    from airflow_provider_bacalhau.hooks.results import manifest_of
    from airflow_provider_bacalhau.lifecycle.verdict import handle

    client = hook.get_conn()
    if not verdict.succeeded:
        _fail(verdict, client.learnt.request_id)
    job, executions, _ = client.describe_job(verdict.job_id, namespace=verdict.namespace)
    uris = manifest_of(client, job, executions).uris()
    return handle(verdict, results=uris, adopted=False, server=hook.config.base_url)


def _fail(verdict: Verdict, request_id: str) -> NoReturn:
    from airflow_provider_bacalhau.hooks.outcome import airflow_error
    from airflow_provider_bacalhau.lifecycle.diagnose import error_from, explain

    raise airflow_error(error_from(verdict, explain(verdict, request_id=request_id)))
