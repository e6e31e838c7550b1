"""One job, seen from Airflow: looking at it, waiting for its end, and stopping it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow_provider_bacalhau.errors import ApiError, AttemptOver, Conflict, NotFound, Rejected

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.aio import AsyncClient
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
    from airflow_provider_bacalhau.lifecycle.identity import Cause, Epoch
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.lifecycle.watch import Observation, Watch

BUDGET = 3.0
"""Seconds that `pull` takes at most; Airflow kills the process after five."""

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
    return replace(known, phase="total", message=text, seconds=spent, submitted_at=watch.submitted_at, finished_at=now)


def wait_call(hook: BacalhauHook, job_id: str, namespace: str | None, **limits: Any) -> dict[str, Any]:
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


async def await_call(hook: BacalhauHook, job_id: str, namespace: str | None, **limits: Any) -> dict[str, Any]:
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
    return out_of_time(watch, "timeout", now) if deadline is not None and now >= deadline else None


def _capped(after: float | None, now: float, deadline: float | None) -> float:
    return max(0.0, min(after or 0.0, (deadline - now) if deadline is not None else 3600.0))


def _concluded(hook: BacalhauHook, verdict: Verdict) -> dict[str, Any]:
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


def pause(seconds: float, kill: KillSwitch | None = None) -> None:
    """Sleep in slices, so that a task that was told to end does not sleep on."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not (kill is not None and kill.pulled):
        time.sleep(min(left, 0.25))


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
    for job in client.iter_jobs(namespace="*", labels=f"airflow-key={key}"):
        stamped = read_labels(job.labels)
        if stamped is not None and epoch.may_adopt(stamped.epoch) and not job.is_terminal:
            _stop(client, job.id, job.namespace, reason, time.sleep)
            stopped.append(job.id)
    return stopped


class KillSwitch:
    """What `on_kill` stops, kept current by whoever submits.

    `target` is called before every submit with the name that it carries, and again with the id once there is one.
    """

    def __init__(self) -> None:
        self.pulled = False
        self.reason = ""
        self.job_id = ""
        self.name = ""
        self.namespace: str | None = None
        self.key = ""
        self.unique_names = True
        self._client: Client | None = None

    def arm(self, hook: BacalhauHook, reason: str) -> None:
        """Make the client that a kill will use; `reason` goes with the stop."""
        from airflow_provider_bacalhau.client.sync import Client

        self.reason = reason
        self._client = Client(replace(hook.config, connect_timeout=BUDGET / 2, read_timeout=BUDGET))

    def target(
        self, *, namespace: str | None, job_id: str = "", name: str = "", key: str = "", unique_names: bool = True
    ) -> None:
        """Say what would have to be stopped now."""
        self.job_id, self.name, self.namespace = job_id, name, namespace
        self.key, self.unique_names = key, unique_names

    def release(self) -> None:
        """The job has ended, or must outlive the task: a kill stops nothing any more."""
        self.target(namespace=None)

    def pull(self, *, leave: bool = False) -> None:
        """Forbid further submits and stop what is in flight, within `BUDGET` seconds; `leave` stops nothing."""
        self.pulled = True
        if leave or self._client is None or not (self.job_id or self.name):
            return
        worker = threading.Thread(target=self._stop, args=(self._client,), name="bacalhau-stop", daemon=True)
        worker.start()
        worker.join(BUDGET)

    def _stop(self, client: Client) -> None:
        for wanted in self._ids(client):
            try:
                client.stop_job(wanted, reason=self.reason, namespace=self.namespace)
                log.info("Stopped Bacalhau job %s because the task was told to end.", wanted)
            except Exception as error:  # nobody is left to hear it; the reaper finds what runs on
                log.warning("Could not stop Bacalhau job %s: %s", wanted, error)

    def _ids(self, client: Client) -> list[str]:
        if self.job_id:
            return [self.job_id]
        if self.unique_names:
            return [self.name]
        with contextlib.suppress(Exception):
            jobs = client.iter_jobs(namespace=self.namespace, labels=f"airflow-key={self.key}")
            return [job.id for job in jobs if job.name == self.name and not job.is_terminal]
        return []
