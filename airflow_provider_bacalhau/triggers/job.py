"""Waiting for a job without a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_bacalhau.errors import BacalhauError
from airflow_provider_bacalhau.version_compat import trigger_has_on_kill

if TYPE_CHECKING:
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
    from airflow_provider_bacalhau.jobs.sweeping import Sweeper
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.lifecycle.watch import Watch

EARLIEST = 8.0
"""Seconds from a trigger's start to its event, at the least. Airflow learns up to 5 s late that the process which
deferred has ended; if the event came first, it takes that for the task's end and fails it (airflow 67287, 72716)."""


class BacalhauJobTrigger(BaseTrigger):
    """Look at a job until there is a verdict, and fire one event that carries all that the task needs to go on.

    Its arguments are plain values without a credential: Airflow keeps them in its database.

    :param bacalhau_conn_id: the connection; it is read in the triggerer.
    :param watch: `lifecycle.watch.Watch.to_plain()`: what to wait for and since when, by the server's clock.
    :param pin: identity of the job that the task submitted (`hooks.submission.Pin.to_plain()`); {} for a job that is
        only watched, which is then never stopped.
    :param deadline: when the task's own time is over, in epoch seconds of the server's clock; None without.
    :param target_states: job states that end the wait beside the verdict.
    :param on_kill_action: "stop" or "leave", what to do with the job when a user ends the waiting task.
    :param _: arguments that a newer provider has stored. Without them the wait goes on; with an error Airflow would
        never wake the task.
    """

    def __init__(
        self,
        *,
        bacalhau_conn_id: str,
        job_id: str,
        namespace: str | None,
        watch: Mapping[str, Any],
        pin: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        target_states: Sequence[str] = (),
        on_kill_action: str = "stop",
        **_: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # BaseTrigger has no annotations
        self.bacalhau_conn_id = bacalhau_conn_id
        self.job_id = job_id
        self.namespace = namespace
        self.watch = dict(watch)
        self.pin = dict(pin or {})
        self.deadline = deadline
        self.target_states = tuple(target_states)
        self.on_kill_action = on_kill_action
        self._fired = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, all of them plain values."""
        return (
            "airflow_provider_bacalhau.triggers.job.BacalhauJobTrigger",
            {
                "bacalhau_conn_id": self.bacalhau_conn_id,
                "job_id": self.job_id,
                "namespace": self.namespace,
                "watch": self.watch,
                "pin": self.pin,
                "deadline": self.deadline,
                "target_states": list(self.target_states),
                "on_kill_action": self.on_kill_action,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire once: the pin, and "verdict", or "state" for a target state, or "error" when the wait broke off."""
        began = time.monotonic()
        try:
            payload = await self._wait()
        except BacalhauError as error:
            payload = {"error": str(error)}
        # once the job's end is known, the row's removal looks like a kill, and must stop nothing
        self._fired = "error" not in payload
        if self.task_instance is not None:  # dag.test() sets none, and has no scheduler
            await asyncio.sleep(began + EARLIEST - time.monotonic())
        self._fired = True
        fixed = {"job_id": self.job_id, "namespace": self.namespace, "deadline": self.deadline}
        yield TriggerEvent({**self.pin, **fixed, **payload})

    async def on_kill(self) -> None:
        """Airflow 3.3: a user ended the deferred task."""
        await _to_its_end(self._stop_if_ours())

    async def cleanup(self) -> None:
        """Airflow before 3.3 says nothing but that the trigger goes, also when it only moves to another triggerer."""
        if not trigger_has_on_kill():
            await _to_its_end(self._stop_if_ours())

    async def _wait(self) -> dict[str, Any]:
        from airflow_provider_bacalhau.hooks.job import until_next
        from airflow_provider_bacalhau.triggers.poller import joined

        watch = await asyncio.to_thread(_read_watch, self.watch)
        hook = self._hook()
        config = (await hook.aparsed()).config
        sweeper = await asyncio.to_thread(_sweeper, self.pin)
        ahead, known = 0.0, False
        async with joined(config, self.namespace) as poller:
            while True:
                now = time.time()
                if sweeper is not None and sweeper.due(now):
                    await self._sweep(hook, sweeper)
                sight = await poller.look(self.job_id)
                now = time.time()
                if not known:  # the moments we were given are the server's
                    watch = watch.shifted(ahead - poller.ahead)
                    ahead, known = poller.ahead, sight.job is not None
                step = watch.observe(sight, now)
                watch = step.watch
                for line in step.notes:
                    self.log.info("%s", line)
                if sight.job is not None and sight.job.state in self.target_states:
                    return {"state": sight.job.state}
                deadline = None if self.deadline is None else self.deadline - ahead
                verdict = step.verdict or watch.overdue(sight, now, deadline=deadline, limit="execution_timeout")
                if verdict is not None and sweeper is not None and await self._sweep(hook, sweeper):
                    continue  # another job is the one to follow
                if verdict is not None:
                    return {"verdict": (await self._settled(hook, verdict)).to_plain()}
                await asyncio.sleep(until_next(step, now, deadline))

    async def _sweep(self, hook: BacalhauHook, sweeper: Sweeper) -> bool:
        changed = await asyncio.to_thread(_sweep, hook, sweeper)
        self.pin = sweeper.pin.to_plain()
        self.job_id = sweeper.pin.job_id
        return changed

    async def _settled(self, hook: BacalhauHook, verdict: Verdict) -> Verdict:
        """Stop an own job that ran out of time before anybody is told, so that no retry meets it alive."""
        if verdict.outcome == "timed_out" and self.pin and not verdict.job_ended:
            cause = "accept" if verdict.phase == "accept" else "timeout"
            await asyncio.to_thread(_stop, hook, self.pin, cause)
        return verdict

    async def _stop_if_ours(self) -> None:
        if self._fired or not self.pin or self.on_kill_action == "leave":
            return
        if await self._state_of_task() == "deferred":
            self.log.info("The task is deferred still or again, so Bacalhau job %s is kept.", self.job_id)
            return
        hook = self._hook()
        await hook.aparsed()
        await asyncio.to_thread(_stop, hook, self.pin, "on_kill")
        self.log.info("Stopped Bacalhau job %s because the task was ended.", self.job_id)

    async def _state_of_task(self) -> str | None:
        """The state of the task's row; None when it has none or cannot be read within 10 s."""
        from asgiref.sync import sync_to_async

        try:
            from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

            row = cast("Any", self.task_instance)
            read = sync_to_async(RuntimeTaskInstance.get_task_states)
            async with asyncio.timeout(10):
                states = await read(
                    dag_id=row.dag_id, task_ids=[row.task_id], run_ids=[row.run_id], map_index=row.map_index
                )
        except Exception as error:  # a needless stop is repaired by the next try, an orphan by nobody
            self.log.warning("The state of the task cannot be read, so its job is stopped: %s", error)
            return None
        by_task = states.get(row.run_id, {})
        name = row.task_id if row.map_index < 0 else f"{row.task_id}_{row.map_index}"
        state = by_task.get(name)
        return None if state is None else str(getattr(state, "value", state))

    def _hook(self) -> BacalhauHook:
        from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook

        return BacalhauHook(self.bacalhau_conn_id)


_ending: set[asyncio.Task[None]] = set()
"""Stops under way; the set keeps them from being collected."""


async def _to_its_end(stop: Coroutine[Any, Any, None]) -> None:
    """Carry a stop through. The triggerer cancels a trigger again every second until it is gone, and the first
    question to Airflow in a fresh triggerer takes five: a stop of its own would be cut off."""
    task = asyncio.get_running_loop().create_task(stop)
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    await asyncio.shield(task)


def _read_watch(plain: Mapping[str, Any]) -> Watch:
    """In a thread, because the first import of the deciding code takes longer than a loop may stand still."""
    from airflow_provider_bacalhau.lifecycle.watch import Watch

    return Watch.from_plain(plain)


def _sweeper(pin: Mapping[str, Any]) -> Sweeper | None:
    """What looks for strays beside an own job; None where nothing can have been left, or the job is not ours."""
    from airflow_provider_bacalhau.hooks.attempt import late_submit_grace
    from airflow_provider_bacalhau.jobs.sweeping import Sweeper
    from airflow_provider_bacalhau.lifecycle.attempt import Pin

    known = Pin.from_plain(pin)
    return Sweeper(known, started_at=time.time(), grace=late_submit_grace()) if known and known.sweeps else None


def _sweep(hook: BacalhauHook, sweeper: Sweeper) -> bool:
    client = hook.new_client()
    try:
        return sweeper.sweep(client, time.time())
    finally:
        client.close()


def _stop(hook: BacalhauHook, pin: Mapping[str, Any], cause: str) -> None:
    """Stop the pinned job and twins in its slot, in a thread with a client of its own."""
    from airflow_provider_bacalhau.jobs.stopping import stop_pinned

    client = hook.new_client()
    try:
        stop_pinned(client, pin, cause)
    finally:
        client.close()
