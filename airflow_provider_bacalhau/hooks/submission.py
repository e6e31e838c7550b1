"""Exactly one job per attempt: look, decide, act, and look again until there is a job to wait for.

`lifecycle.submission` decides; this module carries out what it says and keeps the record of what is in flight.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_bacalhau.errors import (
    ApiError,
    AttemptOver,
    BrokenContract,
    Conflict,
    NotFound,
    ServerFault,
    Unreachable,
)
from airflow_provider_bacalhau.hooks.attempt import KillSwitch, TaskStore, pause

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.jobs.patience import Patience
    from airflow_provider_bacalhau.lifecycle.attempt import Attempt, Pin
    from airflow_provider_bacalhau.lifecycle.submission import Found, Me, Policy, Record, StopOrder
    from airflow_provider_bacalhau.models.job import Job

FIRST_BUDGET, BUDGET = 90.0, 600.0
"""Seconds that a server may give no usable answer: before anything can have been sent for the task, and after. One that
gives up sooner leaves a job behind that nobody watches."""


class Submission:
    """Drives one attempt to its job. `obtain` may be called again when the job turned out to be stopped by mistake."""

    def __init__(
        self,
        client: Client,
        attempt: Attempt,
        *,
        kill: KillSwitch,
        store: TaskStore,
        log: Any,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = pause,
    ) -> None:
        self.client = client
        self.attempt = attempt
        self.kill = kill
        self.store = store
        self.log = log
        self.clock = clock
        self.sleep = sleep
        self._said: set[str] = set()

    def obtain(self, *, heals: int = 0, spent: Pin | None = None) -> Pin:
        """The attempt's job: found, adopted or submitted.

        :param heals: how many jobs of this attempt were already replaced.
        :param spent: the job to replace, None at first.
        :raises AttemptOver: another try took over, or the task was told to end.
        :raises ApiError: the server refused the job, or does not tell what became of it.
        """
        from airflow_provider_bacalhau.lifecycle import submission as rules

        record = self.store.read()
        me = self._me()
        first = spent is None and record is None and self.attempt.try_number <= 1
        self._need_alive()
        self.store.write(record)
        state = _Progress(me, record, first=first, sweeps=not first)
        state.patience = self._patience(FIRST_BUDGET if first else BUDGET)
        while True:
            self._need_alive()
            found = state.patience.ask(partial(self._look, state))
            action = rules.decide(state.me, self._by_our_clock(state.record), found, self._policy(), self.clock())
            self._warn_of_foreign(state.me, found)
            self._warn_of_changes(state.me, found)
            if isinstance(action, rules.Stop):
                self._stop_all(action.orders)
            elif isinstance(action, rules.Wait):
                self.sleep(min(action.seconds, 15.0))
            elif isinstance(action, rules.Submit):
                state.sweeps = state.sweeps or action.ambiguous
                pin = self._submit(action.slot, state, heals)
                if pin is not None:
                    return pin
            elif isinstance(action, (rules.Adopt, rules.Collect)):
                return self._take(action.job, state, heals)
            else:
                raise AttemptOver("Another try of this task has taken over.")
            state.first = False

    def _patience(self, seconds: float) -> Patience:
        from airflow_provider_bacalhau.jobs.patience import Patience

        return Patience(seconds, note=self._warn, clock=self.clock, sleep=self._endure)

    def _warn(self, text: str) -> None:
        self.log.warning("%s", text)

    def _endure(self, seconds: float) -> None:
        self.sleep(seconds)
        self._need_alive()

    def stop(self, job_id: str, namespace: str, cause: str) -> None:
        """Stop a job in this attempt's name, once; one that has ended or is gone is fine."""
        with contextlib.suppress(NotFound, Conflict):
            self.client.stop_job(job_id, reason=self._reason(cause), namespace=namespace)

    def _reason(self, cause: str) -> str:
        from airflow_provider_bacalhau.lifecycle.identity import Cause, stop_reason

        return stop_reason(self.attempt.epoch.born_us, self.attempt.try_number, cast("Cause", cause))

    # --- identity -------------------------------------------------------------------------------------------------

    def _me(self) -> Me:
        from airflow_provider_bacalhau.lifecycle.identity import fingerprint
        from airflow_provider_bacalhau.lifecycle.submission import Me

        fp = self.attempt.fp or fingerprint(self.attempt.spec)

        def name_of(slot: int) -> str:
            return str(self._wire(slot, fp)["Name"])

        return Me(self.attempt.epoch, fp, started_at=self.clock(), name_of=name_of)

    def _wire(self, slot: int, fp: str) -> dict[str, Any]:
        from airflow_provider_bacalhau.lifecycle.identity import stamp
        from airflow_provider_bacalhau.lifecycle.spec import for_server

        one = self.attempt
        shaped = for_server(one.spec, self.client.capabilities())
        return stamp(shaped, ref=one.ref, epoch=one.epoch, slot=slot, lifetime=one.lifetime, fp=fp, prefix=one.prefix)

    def _policy(self) -> Policy:
        from airflow_provider_bacalhau.lifecycle.submission import Policy

        return Policy(
            durable=self.attempt.durable,
            unique_names=self.client.capabilities().unique_names,
            late_submit_grace=self.attempt.late_submit_grace,
            deployment_known=bool(self.attempt.ref.deployment),
        )

    @property
    def key(self) -> str:
        """The lock of the task; the only label that is ever listed by."""
        from airflow_provider_bacalhau.lifecycle.identity import key

        return key(self.attempt.ref)

    # --- looking --------------------------------------------------------------------------------------------------

    def _first_look(self, state: _Progress) -> list[Found]:
        """Try 1 of a task that left no record: nothing can be there but what an identical request already created."""
        if not self.client.capabilities().unique_names or state.me.name_of is None:
            return []
        try:
            job = self.client.get_job(state.me.name_of(1), namespace=self._namespace())
        except NotFound:
            return []
        return self._worth([job])

    def _look(self, state: _Progress) -> list[Found]:
        from airflow_provider_bacalhau.jobs.found import jobs_of

        if state.first:
            return self._first_look(state)
        return self._worth(jobs_of(self.client, self.key))

    def _worth(self, jobs: Iterable[Job]) -> list[Found]:
        from airflow_provider_bacalhau.jobs.found import worth_of

        one = self.attempt
        return worth_of(
            self.client,
            jobs,
            now=self.clock(),
            accept_timeout=one.accept_timeout,
            total_timeout=one.total_timeout,
            fail_on_exit_code=one.fail_on_exit_code,
        )

    def _warn_of_foreign(self, me: Me, found: Sequence[Found]) -> None:
        from airflow_provider_bacalhau.lifecycle.submission import is_foreign

        for job in found:
            if job.is_live and is_foreign(me, job, self._policy()):
                self._warn_once(
                    f"Bacalhau job {job.id} carries this task's key but another run's start; it may belong to another "
                    "Airflow, so it is left alone: set `deployment` in the connection or in [bacalhau]."
                )

    def _warn_of_changes(self, me: Me, found: Sequence[Found]) -> None:
        """Say why a job of this task is not taken over, when it is one of an earlier try with another spec."""
        from airflow_provider_bacalhau.lifecycle.difference import differing_paths, named

        for job in found:
            if not me.epoch.may_adopt(job.epoch) or job.fp == me.fp or job.job_class == "bad" or job.id in self._said:
                continue
            self._said.add(job.id)
            try:
                stored = self.client.get_job(job.id, namespace=job.namespace).to_plain()
            except ApiError as error:
                self.log.info("Bacalhau job %s of an earlier try cannot be compared: %s", job.id, error)
                continue
            paths = named(differing_paths(stored, self._wire(job.slot, me.fp))) or "in what the server does not show"
            self._warn(
                f"Bacalhau job {job.id} of an earlier try is not taken over, because the spec has changed: {paths}. A "
                "template that renders anew in every try (a time, a random value) does that; a value of the run, like "
                "{{ ds }}, does not."
            )

    def _warn_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.log.warning("%s", text)

    # --- acting ---------------------------------------------------------------------------------------------------

    def _stop_all(self, orders: Sequence[StopOrder]) -> None:
        from airflow_provider_bacalhau.jobs.stopping import stop_until_ended

        for order in orders:
            job = order.job
            self.log.info("Stopping Bacalhau job %s of an earlier attempt (%s).", job.id, order.cause)
            stop_until_ended(
                self.client,
                job.id,
                namespace=job.namespace,
                reason=self._reason(order.cause),
                sleep=self._endure,
                clock=self.clock,
            )

    def _submit(self, slot: int, state: _Progress, heals: int) -> Pin | None:
        """One submit; None when its fate is unknown or the name is taken, so that the next look tells."""
        wire = self._wire(slot, state.me.fp)
        space = self._namespace()
        self._target(name=wire["Name"], namespace=space)
        state.record = self._record(state, slot, wire["Name"], "", "submitting")
        self.store.write(state.record)
        self._need_alive()
        state.me = replace(state.me, put_slot=slot)
        try:
            answer = self.client.submit_job(wire)
        except (Unreachable, ServerFault, BrokenContract, Conflict) as error:
            if self.kill.pulled:  # its stop may have come before the job
                self.kill.pull(leave=self.kill.leaves)
            state.sweeps = True
            if state.unanswered is None:
                state.patience, state.unanswered = self._patience(BUDGET), self._patience(BUDGET)
            self.log.warning("The submit had no clear answer, looking for the job: %s", error)
            state.unanswered.endure(error)
            return None
        for warning in answer.warnings:
            self.log.warning("Bacalhau: %s", warning)
        pin = self._pin(state, slot, heals, job_id=answer.job_id, namespace=space, name=wire["Name"])
        return self._own(pin, state)

    def _take(self, job: Found, state: _Progress, heals: int) -> Pin:
        own = job.slot == state.me.put_slot
        if not own:
            self.log.info("Taking over Bacalhau job %s of this task instead of submitting another.", job.id)
        pin = self._pin(state, job.slot, heals, job_id=job.id, namespace=job.namespace, name=job.name)
        return self._own(replace(pin, adopted=not own, submitted_at=job.created / 1e9), state)

    def _pin(self, state: _Progress, slot: int, heals: int, **job: Any) -> Pin:
        from airflow_provider_bacalhau.lifecycle.attempt import Pin

        return Pin(
            try_number=self.attempt.try_number,
            epoch=state.me.epoch.text,
            fp=state.me.fp,
            slot=slot,
            key=self.key,
            submitted_at=self.clock() + self.client.learnt.ahead,
            heals=heals,
            sweeps=state.sweeps,
            deployed=bool(self.attempt.ref.deployment),
            **job,
        )

    def _own(self, pin: Pin, state: _Progress) -> Pin:
        self._target(name=pin.name, namespace=pin.namespace, job_id=pin.job_id)
        if self.kill.pulled and not self.kill.leaves:
            self.stop(pin.job_id, pin.namespace, "on_kill")
        self._need_alive()
        self.store.write(self._record(state, pin.slot, pin.name, pin.job_id, "submitted"))
        return pin

    def _record(self, state: _Progress, slot: int, name: str, job_id: str, phase: str) -> Record:
        from airflow_provider_bacalhau.lifecycle.submission import Phase, Record

        return Record(
            try_number=self.attempt.try_number,
            epoch=state.me.epoch.text,
            slot=slot,
            fp=state.me.fp,
            name=name,
            job_id=job_id,
            namespace=self._namespace(),
            conn_id=self.attempt.conn_id,
            phase=cast("Phase", phase),
            at=self.clock() + self.client.learnt.ahead,
        )

    def _by_our_clock(self, record: Record | None) -> Record | None:
        """A record's time is the server's: the clock of the worker that wrote it may be wrong by an hour."""
        return None if record is None else replace(record, at=record.at - self.client.learnt.ahead)

    def _target(self, *, name: str, namespace: str, job_id: str = "") -> None:
        unique = self.client.capabilities().unique_names
        self.kill.target(namespace=namespace, job_id=job_id, name=name, key=self.key, unique_names=unique)

    def _namespace(self) -> str:
        return str(self.attempt.spec.get("Namespace") or "default")

    def _need_alive(self) -> None:
        if self.kill.pulled:
            raise AttemptOver("The task was told to end, so nothing more is submitted.")


class _Progress:
    """What changes while one attempt looks for its job."""

    def __init__(self, me: Me, record: Record | None, *, first: bool, sweeps: bool) -> None:
        from airflow_provider_bacalhau.jobs.patience import Patience

        self.me = me
        self.record = record
        self.first = first
        self.sweeps = sweeps
        self.patience = Patience(FIRST_BUDGET)
        self.unanswered: Patience | None = None
