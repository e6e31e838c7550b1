"""One process's share of an attempt: from `execute` to a deferral or the end, or from a trigger's event to the end.

And the checks of an operator's arguments: one sentence that names the cause and what to write instead.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_bacalhau.errors import AttemptOver, BacalhauError, ConfigError
from airflow_provider_bacalhau.version_compat import redacted

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_bacalhau.hooks.logs import LiveLog
    from airflow_provider_bacalhau.hooks.submission import Submission
    from airflow_provider_bacalhau.lifecycle.attempt import Attempt, Pin
    from airflow_provider_bacalhau.lifecycle.identity import Epoch
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.lifecycle.watch import Observation, Watch
    from airflow_provider_bacalhau.operators.handover import Arguments


@contextmanager
def guarded(operator: Arguments, context: Mapping[str, Any], pin: Pin | None) -> Iterator[Leg]:
    """A leg whose connections are closed at its end, and whose errors are those that Airflow understands."""
    from airflow_provider_bacalhau.hooks.outcome import airflow_error

    leg = Leg(operator, context, pin)
    try:
        leg.arm()
        yield leg
    except BacalhauError as error:
        raise airflow_error(error) from None
    finally:
        leg.hook.close()


class Leg:
    """What one process knows and does for the attempt. `pin` is the identity that an earlier leg has fixed."""

    def __init__(self, operator: Arguments, context: Mapping[str, Any], pin: Pin | None) -> None:
        from airflow_provider_bacalhau.hooks.attempt import KillSwitch, try_number
        from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
        from airflow_provider_bacalhau.operators.handover import Handover

        self.operator = operator
        self.context = context
        self.pin = pin
        self.log = operator.log
        self.hook = BacalhauHook(operator.bacalhau_conn_id, namespace=operator.namespace or None)
        self.kill = KillSwitch()
        self.try_number = try_number(context)
        self.started_at = time.time()
        self.handover = Handover(operator, context, self.hook, self.kill, pin)
        self._live: LiveLog | None = None

    def clock(self) -> float:
        """Epoch seconds."""
        return time.time()

    def ahead(self) -> float:
        """Seconds by which the server's clock is ahead of ours; what other processes are told is told by its clock."""
        return self.hook.get_conn().learnt.ahead

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the task is told to end."""
        from airflow_provider_bacalhau.hooks.attempt import pause

        pause(seconds, self.kill)

    def arm(self) -> None:
        """Make ready for a kill before anything is sent; in a later leg the job's id is known first of all."""
        from airflow_provider_bacalhau.lifecycle.identity import stop_reason

        self.kill.arm(self.hook, stop_reason(self.epoch.born_us, self.try_number, "on_kill"))
        if self.pin is not None:
            self.kill.target(namespace=self.pin.namespace, job_id=self.pin.job_id, name=self.pin.name)
        self.kill.pulled = self.operator.takes_leg(self)

    @cached_property
    def epoch(self) -> Epoch:
        """The pinned one, else that of the context: a later leg must not compute another."""
        from airflow_provider_bacalhau.hooks.attempt import epoch_of
        from airflow_provider_bacalhau.lifecycle.identity import Epoch

        pinned = Epoch.parse(self.pin.epoch) if self.pin is not None else None
        return pinned or epoch_of(self.context)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The spec as it will be submitted, but for what is ours: built, overlaid, limited and checked once.

        :raises SpecError: it is wrong. :raises ConfigError: an argument is.
        """
        from airflow_provider_bacalhau.hooks.attempt import secrets_rule
        from airflow_provider_bacalhau.lifecycle.secrets import check_secrets
        from airflow_provider_bacalhau.lifecycle.spec import advice, check, load_spec, merge, piles_up, with_timeouts

        one = self.operator
        built = merge(load_spec(one.build_spec(cast("Context", self.context))), one.job_overrides or {})
        built["Namespace"] = one.namespace or self.hook.config.namespace or built.get("Namespace") or "default"
        check(built)
        spec = with_timeouts(
            built,
            queue=one.queue_timeout,
            run=one.run_timeout,
            total=one.total_timeout,
            execution_timeout=one.execution_timeout if self._lifetime(built) == "task" else None,
        )
        check(spec)
        schedule = getattr(self.context.get("dag"), "schedule", None)
        if problem := piles_up(spec, scheduled=schedule is not None, on_existing=one.on_existing):
            raise ConfigError(f"{one.task_id}: {problem}.")
        for line in advice(spec):
            self.log.warning("%s", line)
        for line in check_secrets(spec, rule=secrets_rule(), redact=redacted):
            self.log.warning("%s", line)
        return spec

    @cached_property
    def attempt(self) -> Attempt:
        """This try's identity and job."""
        from airflow_provider_bacalhau.hooks.attempt import late_submit_grace, task_ref
        from airflow_provider_bacalhau.lifecycle.attempt import Attempt
        from airflow_provider_bacalhau.lifecycle.durations import seconds_of
        from airflow_provider_bacalhau.lifecycle.spec import timeouts_of

        one = self.operator
        return Attempt(
            ref=task_ref(self.context, deployment=self.hook.options.deployment),
            epoch=self.epoch,
            try_number=self.try_number,
            spec=self.spec,
            conn_id=one.bacalhau_conn_id,
            lifetime="detached" if self._lifetime(self.spec) == "detached" else "task",
            prefix=one.job_name(),
            durable=one.durable,
            fail_on_exit_code=one.fail_on_exit_code,
            accept_timeout=seconds_of(one.accept_timeout),
            total_timeout=timeouts_of(self.spec).total,
            late_submit_grace=late_submit_grace(),
            fp=self.pin.fp if self.pin is not None else None,
        )

    @cached_property
    def submission(self) -> Submission:
        """What finds, adopts or submits the job."""
        from airflow_provider_bacalhau.hooks.attempt import TaskStore
        from airflow_provider_bacalhau.hooks.submission import Submission

        return Submission(
            self.hook.get_conn(),
            self.attempt,
            kill=self.kill,
            store=TaskStore(self.context),
            log=self.log,
            clock=self.clock,
            sleep=self.sleep,
        )

    # --- steps ----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Build and check everything, so that nothing is sent for a task that cannot succeed."""
        _ = self.attempt

    def obtain(self) -> Pin:
        """The job of this attempt."""
        return self.submission.obtain()

    def watch(self, pin: Pin) -> Watch:
        """A fresh wait for the job."""
        from airflow_provider_bacalhau.lifecycle.durations import seconds_of
        from airflow_provider_bacalhau.lifecycle.spec import timeouts_of
        from airflow_provider_bacalhau.lifecycle.watch import Watch, WatchPolicy

        one, limits = self.operator, timeouts_of(self.spec)
        kind = str(self.spec.get("Type", "batch"))
        policy = WatchPolicy(
            wait_until="running" if kind in ("service", "daemon") else "finished",
            job_type=kind,
            count=self.spec.get("Count", 1),
            accept_timeout=seconds_of(one.accept_timeout),
            queue_timeout=limits.queue,
            run_timeout=limits.run,
            total_timeout=limits.total,
            poll_interval=seconds_of(one.poll_interval) or self.hook.options.poll_interval,
            fail_on_exit_code=one.fail_on_exit_code,
            expected_version=1,
        )
        submitted_at = pin.submitted_at - self.ahead()
        return Watch.start(policy, submitted_at=submitted_at, job_id=pin.job_id, namespace=pin.namespace)

    def first_verdict(self, pin: Pin) -> Verdict | None:
        """A verdict at once, when the job has ended already; then nothing needs to be deferred."""
        if not self.operator.deferrable:
            return None
        from airflow_provider_bacalhau.hooks.job import observe

        seen = observe(self.hook.get_conn(), pin.job_id, pin.namespace)
        return self.watch(pin).observe(seen, self.clock()).verdict

    def wait(self, pin: Pin) -> tuple[Pin, Verdict]:
        """Wait in this process until there is a verdict; with the job that it is about."""
        from airflow_provider_bacalhau.hooks.attempt import late_submit_grace
        from airflow_provider_bacalhau.hooks.job import observe, wait
        from airflow_provider_bacalhau.jobs.sweeping import Sweeper

        client = self.hook.get_conn()
        self._live = self.handover.live_log(pin)
        sweeper = Sweeper(pin, started_at=self.clock(), grace=late_submit_grace())

        def look() -> Observation:
            if sweeper.due(self.clock()):
                sweeper.sweep(client, self.clock())
            return observe(client, sweeper.pin.job_id, sweeper.pin.namespace)

        while True:
            verdict = wait(
                self.watch(sweeper.pin),
                look,
                kill=self.kill,
                clock=self.clock,
                sleep=self.sleep,
                note=lambda line: self.log.info("%s", line),
                seen=self._live.offer if self._live is not None else None,
            )
            if not sweeper.sweep(client, self.clock()):
                return sweeper.pin, verdict

    def deadline(self) -> float | None:
        """When the task's execution_timeout ends, in epoch seconds of the server; Airflow itself forgets it during a
        deferral."""
        limit = self.operator.execution_timeout
        return None if limit is None else self.started_at + limit.total_seconds() + self.ahead()

    def successor(self, pin: Pin, verdict: Verdict) -> Pin | None:
        """The next job of this attempt, when the verdict is not about this one; a job out of time is stopped here.

        :raises AttemptOver: a newer try stopped the job.
        """
        from airflow_provider_bacalhau.lifecycle.submission import MAX_HEALS, after_stop

        if verdict.outcome == "timed_out":
            accept = verdict.phase == "accept"
            if not verdict.job_ended:
                self._stop(pin, "accept" if accept else "timeout")
            return self._replace(pin, verdict.message) if accept and pin.heals < MAX_HEALS else None
        if verdict.outcome != "stopped":
            return None
        if self.kill.pulled:  # no verdict on the job, which must not keep the next try from starting
            raise AttemptOver("The task was told to end, and its Bacalhau job was stopped.")
        what = after_stop(self.epoch, self.try_number, verdict.message, heals=pin.heals, killed=self.kill.pulled)
        if what == "over":
            raise AttemptOver("A newer try of this task has stopped the job and taken over.")
        return self._replace(pin, f"stopped, reason: {verdict.message}") if what == "again" else None

    def conclude(self, pin: Pin, verdict: Verdict) -> Any:
        """Logs, results and XCom, then the task's value or the error that its job deserves."""
        ended, self._live = self._live, None
        return self.handover.conclude(pin, verdict, live=ended, title=self.attempt.ref.title)

    def remembered_pin(self) -> Pin | None:
        """The pin that an earlier leg of this try left in XCom."""
        from airflow_provider_bacalhau.lifecycle.attempt import Pin

        pin = Pin.from_plain(self.handover.own_xcom("bacalhau_pin"))
        return pin if pin is not None and pin.try_number == self.try_number else None

    def stop_own_jobs(self) -> None:
        """Stop every live job of this task that this try could have adopted."""
        from airflow_provider_bacalhau.hooks.attempt import task_ref
        from airflow_provider_bacalhau.jobs.stopping import stop_epoch
        from airflow_provider_bacalhau.lifecycle.identity import key

        ref = task_ref(self.context, deployment=self.hook.options.deployment)
        for job_id in stop_epoch(self.hook.get_conn(), key(ref), self.epoch, self.try_number, "timeout"):
            self.log.info("Stopped Bacalhau job %s, whose task waited too long.", job_id)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _replace(self, pin: Pin, why: str) -> Pin:
        self.log.warning("Bacalhau job %s was %s; another one takes its place.", pin.job_id, why)
        return self.submission.obtain(heals=pin.heals + 1, spent=pin)

    def _stop(self, pin: Pin, cause: str) -> None:
        from airflow_provider_bacalhau.jobs.stopping import stop_pinned

        try:
            stop_pinned(self.hook.get_conn(), pin.to_plain(), cause)
        except BacalhauError as error:
            self.log.warning("Bacalhau job %s could not be stopped: %s", pin.job_id, error)

    def _lifetime(self, spec: Mapping[str, Any]) -> str:
        from airflow_provider_bacalhau.lifecycle.spec import outlives_task

        one = self.operator
        kept = outlives_task(spec, waits=one.wait_for_completion, on_kill_action=one.on_kill_action)
        return "detached" if kept else "task"


WORDS: Mapping[str, tuple[Any, ...]] = {
    "stream_logs": (None, "live", "end", "off"),
    "on_kill_action": ("stop", "leave"),
    "on_existing": (None, "new", "replace", "keep"),
    "xcom_value": ("handle", "results", "result", "stdout"),
}
"""The arguments that take one of a few words."""

_MOVED = {
    "api_version": "api_version is gone, the release is read from the server: name the server in bacalhau_conn_id.",
    "input_volumes": (
        "input_volumes is now inputs, a mapping of target to uri, of BacalhauDockerOperator: "
        "inputs={'/inputs': 's3://bucket/key'}."
    ),
}


def refuse_strangers(arguments: Mapping[str, Any]) -> None:
    """Say where the arguments of the `bacalhau-airflow` package have gone.

    :raises ConfigError: one of them was given.
    """
    for name, sentence in _MOVED.items():
        if name in arguments:
            raise ConfigError(sentence)


def refuse_specs(operator: str, arguments: Mapping[str, Any]) -> None:
    """A whole spec is another operator's business.

    :raises ConfigError: one was given.
    """
    for name in ("job_spec", "job_file"):
        if name in arguments:
            raise ConfigError(f"{operator} builds the spec itself: use BacalhauSubmitJobOperator for {name}.")


LIMITS = ("accept_timeout", "queue_timeout", "run_timeout", "total_timeout", "poll_interval")


def check_words(operator: Any) -> None:
    """Check what can be checked before anything is rendered.

    :raises ConfigError: an argument has a value that it does not take.
    """
    for name, known in WORDS.items():
        value = getattr(operator, name)
        if value not in known:
            words = ", ".join(repr(word) for word in known if word is not None)
            raise ConfigError(f"{operator.task_id}: {name}={value!r} is unknown; it is one of {words}.")
    for name in LIMITS:
        value = getattr(operator, name)
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        if value is not None and not (isinstance(seconds, int | float) and seconds >= 0):
            raise ConfigError(f"{operator.task_id}: {name}={value!r} is no time; pass seconds or a timedelta.")
    if operator.on_existing in ("replace", "keep"):
        raise ConfigError(
            f"{operator.task_id}: on_existing={operator.on_existing!r} is not available yet; "
            "every run submits a new job (on_existing='new')."
        )
    if operator.xcom_value != "handle" and not operator.wait_for_completion:
        raise ConfigError(
            f"{operator.task_id}: xcom_value={operator.xcom_value!r} needs the job's end; "
            "leave it out, or set wait_for_completion=True."
        )
