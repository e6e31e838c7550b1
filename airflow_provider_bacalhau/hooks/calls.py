"""The hook's longer calls: submitting outside an operator, and waiting."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_bacalhau.errors import ConfigError, SpecError

if TYPE_CHECKING:
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
    from airflow_provider_bacalhau.lifecycle.identity import TaskRef
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.lifecycle.watch import Watch


def submit_call(hook: BacalhauHook, job: Mapping[str, Any], identity: str | None) -> str:
    """Submit a job for one call of `hook.submit_job`: a reply that is lost leads to a look-up, not to a second job."""
    from airflow_provider_bacalhau.hooks.identity import late_submit_grace
    from airflow_provider_bacalhau.hooks.kill import KillSwitch
    from airflow_provider_bacalhau.hooks.submission import Attempt, Submission, TaskStore
    from airflow_provider_bacalhau.lifecycle.identity import Epoch
    from airflow_provider_bacalhau.lifecycle.spec import validate

    if identity not in (None, "call"):
        raise ConfigError(f"identity={identity!r} is not available yet; leave it out, or pass 'call'.")
    spec = {**job, "Namespace": job.get("Namespace") or hook.namespace or "default"}
    if problems := validate(spec):
        raise SpecError(problems)
    attempt = Attempt(
        ref=_caller(hook.options.deployment),
        epoch=Epoch(time.time_ns() // 1000, None, 0),
        try_number=1,
        spec=spec,
        conn_id=hook.bacalhau_conn_id,
        lifetime="detached",
        late_submit_grace=late_submit_grace(),
    )
    return Submission(hook.get_conn(), attempt, KillSwitch(), TaskStore({}), hook.log).obtain().job_id


def wait_call(hook: BacalhauHook, job_id: str, namespace: str | None, **limits: Any) -> dict[str, Any]:
    """Look until the job has ended, in this thread."""
    from airflow_provider_bacalhau.hooks.submission import pause
    from airflow_provider_bacalhau.hooks.waiting import observe

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


async def await_call(hook: BacalhauHook, job_id: str, namespace: str | None, **limits: Any) -> dict[str, Any]:
    """Look until the job has ended, without holding up the loop."""
    from airflow_provider_bacalhau.hooks.waiting import aobserve

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


def shown_result(result: dict[str, Any]) -> dict[str, Any]:
    """A published result whose URLs are cut before the query: a signed URL is a credential."""
    from airflow_provider_bacalhau.results.manifest import without_query

    params = {
        name: without_query(value) if isinstance(value, str) and "?" in value and "://" in value else value
        for name, value in result["Params"].items()
    }
    return {**result, "Params": params}


def _caller(deployment: str | None) -> TaskRef:
    """Who calls: the running task when there is one; the ordinal makes every call its own key."""
    from airflow.sdk import get_current_context

    from airflow_provider_bacalhau.hooks.identity import configured_deployment, task_ref
    from airflow_provider_bacalhau.lifecycle.identity import TaskRef

    once = uuid.uuid4().int >> 64
    try:
        context = get_current_context()
    except RuntimeError:
        return TaskRef(deployment or configured_deployment(), "", "", "", ordinal=once)
    return task_ref(context, deployment=deployment, ordinal=once)


def _watch(hook: BacalhauHook, job_id: str, namespace: str | None, limits: Mapping[str, Any]) -> Watch:
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
    from airflow_provider_bacalhau.hooks.waiting import out_of_time

    return out_of_time(watch, "timeout", now) if deadline is not None and now >= deadline else None


def _capped(after: float | None, now: float, deadline: float | None) -> float:
    return max(0.0, min(after or 0.0, (deadline - now) if deadline is not None else 3600.0))


def _concluded(hook: BacalhauHook, verdict: Verdict) -> dict[str, Any]:
    from airflow_provider_bacalhau.lifecycle.verdict import handle

    if not verdict.succeeded:
        _fail(verdict)
    client = hook.get_conn()
    job, executions, _ = client.describe_job(verdict.job_id, namespace=verdict.namespace)
    from airflow_provider_bacalhau.hooks.results import manifest_of

    uris = manifest_of(client, job, executions).uris()
    return handle(verdict, results=uris, adopted=False, server=hook.config.base_url)


def _fail(verdict: Verdict) -> NoReturn:
    from airflow_provider_bacalhau.hooks.outcome import airflow_error
    from airflow_provider_bacalhau.lifecycle.diagnose import error_from, explain

    raise airflow_error(error_from(verdict, explain(verdict)))
