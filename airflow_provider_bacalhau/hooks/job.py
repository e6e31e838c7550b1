"""One job, seen from Airflow: looking at it, waiting for its end, and stopping it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow_provider_bacalhau.errors import ApiError, AttemptOver, Conflict, NotFound, Rejected
from airflow_provider_bacalhau.hooks.attempt import KillSwitch, pause

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.aio import AsyncClient
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.hooks.connection import Connected
    from airflow_provider_bacalhau.lifecycle.attempt import Pin
    from airflow_provider_bacalhau.lifecycle.identity import Cause, Epoch
    from airflow_provider_bacalhau.lifecycle.submission import Found
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.lifecycle.watch import Observation, Watch
    from airflow_provider_bacalhau.models.job import Job

STOP_TRIES = 5
"""How often a stop without an answer is repeated."""

log = logging.getLogger(__name__)


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


def jobs_of(client: Client, key: str) -> Iterator[Job]:
    """All jobs that carry a task's key, in whatever namespace."""
    return client.iter_jobs(namespace="*", labels=f"airflow-key={key}")


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

    :param now: epoch seconds, for a server that does not tell its own.
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
            server_now=client.server_date or now,
            accept_timeout=accept_timeout,
            total_timeout=total_timeout,
            fail_on_exit_code=fail_on_exit_code,
        )
        found = found_from(job, worth)
        if found is not None:
            result.append(found)
    return result


class Sweeper:
    """Stops what a late submit or a dead try left beside the watched job: at first, when a late one may have landed,
    every five minutes, and before a verdict is believed. Only where something may have been left at all.

    `pin` is the job to follow; a sweep may change it to a twin of the watched one.
    """

    def __init__(self, pin: Pin, *, started_at: float, grace: float) -> None:
        self.pin = pin
        self._started_at = started_at
        self._grace = grace
        self._last_at: float | None = None

    def due(self, now: float) -> bool:
        """Whether it is time to sweep."""
        from airflow_provider_bacalhau.lifecycle.submission import next_sweep

        return self.pin.sweeps and now >= next_sweep(self._started_at, self._last_at, self._grace)

    def sweep(self, client: Client, now: float) -> bool:
        """Stop strays; True when another job than before is to be followed. No answer is no reason to fail."""
        from airflow_provider_bacalhau.lifecycle.identity import Epoch, stop_reason
        from airflow_provider_bacalhau.lifecycle.submission import Me, Policy, sweep

        if not self.pin.sweeps:
            return False
        self._last_at = now
        pin, epoch = self.pin, Epoch.parse(self.pin.epoch)
        try:
            found = worth_of(client, jobs_of(client, pin.key), now=now)
            mine = next((job for job in found if job.id == pin.job_id), None)
            if mine is None or epoch is None:
                return False
            plan = sweep(Me(epoch, pin.fp, pin.slot), mine, found, Policy(deployment_known=pin.deployed))
            for order in plan.orders:
                reason = stop_reason(epoch.born_us, pin.try_number, order.cause)
                log.info("Stopping the stray Bacalhau job %s (%s).", order.job.id, order.cause)
                _stop(client, order.job.id, order.job.namespace, reason, time.sleep)
        except ApiError as error:
            log.info("Looking for strays had no clear answer, trying again later: %s", error)
            return False
        follow = plan.follow
        self.pin = replace(pin, job_id=follow.id, namespace=follow.namespace, name=follow.name)
        return follow.id != pin.job_id


def stop_pinned(
    client: Client, pin: Mapping[str, Any], cause: str, *, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Stop the pinned job and every live twin in its slot; returns the ids that were told to stop.

    A stop is repeated while the server gives no answer: nobody looks after the job once this returns.

    :param pin: `hooks.submission.Pin.to_plain()`.
    :param cause: goes into the stop's reason with the attempt's order.
    :raises ApiError: the pinned job could not be stopped.
    """
    from airflow_provider_bacalhau.lifecycle.identity import Epoch, stop_reason

    epoch = Epoch.parse(str(pin.get("epoch", "")))
    reason = stop_reason(epoch.born_us if epoch else 0, int(pin.get("try", 1)), cast("Cause", cause))
    stopped = [str(pin["job_id"])]
    _stop(client, stopped[0], pin.get("namespace"), reason, sleep)
    if not pin.get("key"):
        return stopped
    try:
        twins = list(client.iter_jobs(namespace=pin.get("namespace"), labels=f"airflow-key={pin['key']}"))
    except ApiError:
        return stopped
    for job in twins:
        own_slot = (job.labels.get("airflow-epoch"), job.labels.get("airflow-slot")) == (pin["epoch"], str(pin["slot"]))
        if own_slot and not job.is_terminal and job.id not in stopped:
            _stop(client, job.id, job.namespace, reason, sleep)
            stopped.append(job.id)
    return stopped


def _stop(client: Client, job_id: str, namespace: str | None, reason: str, sleep: Callable[[float], None]) -> None:
    for number in range(STOP_TRIES):
        try:
            client.stop_job(job_id, reason=reason, namespace=namespace)
        except (NotFound, Conflict):
            return
        except ApiError as error:
            if isinstance(error, Rejected) or number == STOP_TRIES - 1:
                raise
            sleep(0.5 * 2**number)
        else:
            return


def stop_epoch(client: Client, key: str, epoch: Epoch, try_number: int, cause: str) -> list[str]:
    """Stop every live job of a task that a try of this epoch could adopt; returns their ids.

    :raises ApiError: the jobs cannot be listed, or one of them cannot be stopped.
    """
    from airflow_provider_bacalhau.lifecycle.identity import read_labels, stop_reason

    reason = stop_reason(epoch.born_us, try_number, cast("Cause", cause))
    stopped = []
    for job in jobs_of(client, key):
        stamped = read_labels(job.labels)
        if stamped is not None and epoch.may_adopt(stamped.epoch) and not job.is_terminal:
            _stop(client, job.id, job.namespace, reason, time.sleep)
            stopped.append(job.id)
    return stopped
