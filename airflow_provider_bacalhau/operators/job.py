"""Run a job that is given as a spec; and what all operators share that run a job: arguments, and the order of things.

    execute            build the spec -> check -> submit exactly once -> wait here, or defer
    execute_complete   the trigger's event -> conclude
    conclude           logs -> results -> XCom -> verdict

The parts live beside: `leg` (one process's share of an attempt) and `handover` (what a task leaves behind).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from airflow.sdk import BaseOperator

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.links.job import BacalhauJobLink
from airflow_provider_bacalhau.operators.leg import check_words, refuse_strangers
from airflow_provider_bacalhau.version_compat import TaskDeferralError, TaskDeferralTimeout, default_deferrable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_bacalhau.lifecycle.attempt import Pin
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.operators.leg import Leg

Seconds = float | timedelta | None
MARGIN = 60.0
"""Seconds that Airflow's own limit on a deferral lies behind ours, so that the trigger speaks first."""
MOST_CRASHES = 3
"""How often one try defers again because its trigger failed; then it waits in its worker."""


class BacalhauJobOperator(BaseOperator):
    """Base of the operators that submit one job and wait for it. See `BacalhauSubmitJobOperator` for the arguments."""

    template_fields: Sequence[str] = ("bacalhau_conn_id", "namespace", "job_overrides")
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {"job_overrides": "json"}
    operator_extra_links = (BacalhauJobLink(),)
    ui_color = "#e8f4fb"

    def __init__(
        self,
        *,
        bacalhau_conn_id: str = "bacalhau_default",
        namespace: str | None = None,
        wait_for_completion: bool = True,
        deferrable: bool = default_deferrable(),
        durable: bool = True,
        accept_timeout: Seconds = 120,
        queue_timeout: Seconds = None,
        run_timeout: Seconds = None,
        total_timeout: Seconds = None,
        poll_interval: Seconds = None,
        stream_logs: Literal["live", "end", "off"] | None = None,
        on_kill_action: Literal["stop", "leave"] = "stop",
        retry_on_external_stop: bool = False,
        on_existing: Literal["new", "replace", "keep"] | None = None,
        fail_on_exit_code: bool = True,
        skip_on_exit_code: int | Collection[int] | None = None,
        xcom_value: Literal["handle", "results", "result", "stdout"] = "handle",
        job_overrides: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_strangers(kwargs)
        super().__init__(**kwargs)
        self.bacalhau_conn_id = bacalhau_conn_id
        self.namespace = namespace
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.durable = durable
        self.accept_timeout = accept_timeout
        self.queue_timeout = queue_timeout
        self.run_timeout = run_timeout
        self.total_timeout = total_timeout
        self.poll_interval = poll_interval
        self.stream_logs = stream_logs
        self.on_kill_action = on_kill_action
        self.retry_on_external_stop = retry_on_external_stop
        self.on_existing = on_existing
        self.fail_on_exit_code = fail_on_exit_code
        self.skip_on_exit_code = skip_on_exit_code
        self.xcom_value = xcom_value
        self.job_overrides = job_overrides
        self.job_link: str | None = None
        self._leg: Leg | None = None
        self._killed = False
        check_words(self)

    def build_spec(self, context: Context) -> dict[str, Any]:
        """The user's job spec as plain values, before overrides, namespace and timeouts."""
        raise NotImplementedError

    def job_name(self) -> str | None:
        """The prefix of the submitted Name that the user asked for."""
        return None

    def takes_leg(self, leg: Leg) -> bool:
        """Remember the leg that `on_kill` has to end; returns whether the task was told to end already."""
        self._leg = leg
        return self._killed

    # --- the legs of a task ---------------------------------------------------------------------------------------

    def execute(self, context: Context) -> Any:
        """Submit exactly once, wait here or defer, and conclude."""
        return self._run(context)

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None, **_: Any) -> Any:
        """Go on after the trigger's event, which carries all that is needed.

        An event of another try is void: a task that is cleared while its resumed leg is scheduled starts here with
        the old try's event (protocol F3).
        """
        from airflow_provider_bacalhau.hooks.attempt import try_number
        from airflow_provider_bacalhau.lifecycle.attempt import Pin

        pin = Pin.from_plain(event)
        if event is None or pin is None or pin.try_number != try_number(context):
            self.log.info(
                "The event that ended the wait belongs to another try, so this one starts from the beginning."
            )
            return self._run(context)
        with self._guarded(context, pin) as leg:
            self._announce(leg, pin)
            if "verdict" not in event:
                self.log.warning("The wait in the triggerer broke off, going on here: %s", event.get("error"))
                return self._conclude(leg, *leg.wait(pin), deadline=event.get("deadline"), stay=True)
            from airflow_provider_bacalhau.lifecycle.verdict import Verdict

            return self._conclude(leg, pin, Verdict.from_plain(event["verdict"]), deadline=event.get("deadline"))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """As Airflow's, but a wait that Airflow ended does not leave a job behind.

        On a deferral that took too long there is a last look: a job that has ended by itself is concluded as if the
        trigger had told so, any other is stopped. After a trigger that failed the wait goes on, since a crash in the
        triggerer says nothing about the job.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout as error:
            pin, verdict = self._last_look(context)
            if pin is None or verdict is None or verdict.outcome not in ("succeeded", "failed"):
                self._stop_left_behind(context)
                raise
            self.log.warning("Airflow gave the trigger up (%s), but the job has ended, so its own end counts.", error)
            with self._guarded(context, pin) as leg:
                self._announce(leg, pin)
                return leg.conclude(pin, verdict)
        except TaskDeferralError as error:
            self.log.warning("The trigger failed, which says nothing about the job: %s", error)
            return self._go_on(context)

    def on_kill(self) -> None:
        """Forbid further submits and stop the job within 3 s; called by Airflow on SIGTERM and on execution_timeout."""
        self._killed = True
        if self._leg is not None:
            self._leg.kill.pull(leave=self.on_kill_action == "leave")

    # --- steps ----------------------------------------------------------------------------------------------------

    def _run(self, context: Context, *, stay: bool = False) -> Any:
        self.job_link = ""  # none yet, and none of an earlier leg to look up
        with self._guarded(context, None) as leg:
            leg.prepare()
            pin = leg.obtain()
            self._announce(leg, pin)
            if not self.wait_for_completion:
                return leg.handover.left_running(pin)
            verdict = leg.first_verdict(pin)
            if verdict is None and self.deferrable and not stay:
                self._defer(leg, pin, leg.deadline())
            return self._conclude(leg, *leg.wait(pin), deadline=leg.deadline(), stay=stay)

    def _go_on(self, context: Context) -> Any:
        with self._guarded(context, None) as leg:
            pin, kept = leg.remembered_pin(), leg.handover.own_xcom("bacalhau_pin") or {}
        if pin is None:
            return self._run(context, stay=True)
        with self._guarded(context, pin) as leg:
            self._announce(leg, pin)
            deadline, crashes = kept.get("deadline"), int(kept.get("crashes", 0)) + 1
            if self.deferrable and crashes <= MOST_CRASHES:
                self._defer(leg, pin, deadline, crashes=crashes)
            return self._conclude(leg, *leg.wait(pin), deadline=deadline, stay=True)

    def _conclude(
        self, leg: Leg, pin: Pin, verdict: Verdict, *, deadline: float | None = None, stay: bool = False
    ) -> Any:
        while (successor := leg.successor(pin, verdict)) is not None:
            pin = successor
            self._announce(leg, pin)
            if self.deferrable and not stay:
                self._defer(leg, pin, deadline)
            pin, verdict = leg.wait(pin)
        return leg.conclude(pin, verdict)

    def _announce(self, leg: Leg, pin: Pin) -> None:
        self.job_link = leg.handover.announce(pin)

    def _defer(self, leg: Leg, pin: Pin, deadline: float | None, *, crashes: int = 0) -> NoReturn:
        from airflow_provider_bacalhau.triggers.job import BacalhauJobTrigger

        leg.handover.remember(pin, deadline=deadline, crashes=crashes)
        left = None if deadline is None else timedelta(seconds=max(0.0, deadline - leg.clock() - leg.ahead()) + MARGIN)
        self.defer(
            trigger=BacalhauJobTrigger(
                bacalhau_conn_id=self.bacalhau_conn_id,
                job_id=pin.job_id,
                namespace=pin.namespace,
                watch=leg.watch(pin).shifted(leg.ahead()).to_plain(),
                pin=pin.to_plain(),
                deadline=deadline,
                on_kill_action=self.on_kill_action,
            ),
            method_name="execute_complete",
            timeout=left,
        )

    def _last_look(self, context: Context) -> tuple[Pin | None, Verdict | None]:
        """The job that this try has left with the trigger, and its verdict if it has ended."""
        from airflow_provider_bacalhau.errors import BacalhauError

        try:
            with self._guarded(context, None) as leg:
                pin = leg.remembered_pin()
            if pin is None:
                return None, None
            with self._guarded(context, pin) as leg:
                return pin, leg.first_verdict(pin)
        except BacalhauError as error:
            self.log.warning("How the job is cannot be seen: %s", error)
            return None, None

    def _stop_left_behind(self, context: Context) -> None:
        from airflow_provider_bacalhau.errors import BacalhauError

        with self._guarded(context, None) as leg:
            pin = leg.remembered_pin()  # a clear elsewhere in the run has moved the epoch that would be computed now
        with self._guarded(context, pin) as leg:
            try:
                leg.stop_own_jobs()
            except BacalhauError as error:
                self.log.warning("The job of this task could not be stopped: %s", error)

    def _guarded(self, context: Context, pin: Pin | None) -> Any:
        from airflow_provider_bacalhau.operators.leg import guarded

        return guarded(self, context, pin)


class BacalhauSubmitJobOperator(BacalhauJobOperator):
    """Submit a Bacalhau job exactly once per attempt, wait for it, and hand over what it left.

    :param job_spec: the job as a dict, or as YAML or JSON text, in the API's or the command line's spelling.
        (templated)
    :param job_file: path of a file with the spec, read and rendered when the task runs; relative to the DAG's folder
        or `template_searchpath`. Exactly one of `job_spec` and `job_file`. (templated)
    :param bacalhau_conn_id: a connection of type `bacalhau`. (templated)
    :param namespace: None: the connection's, else the spec's, else "default". (templated)
    :param wait_for_completion: False submits and succeeds at once; the job then outlives the task.
    :param deferrable: wait in the triggerer instead of a worker.
    :param durable: take over the job of an earlier try whose worker died; False starts afresh in every try.
    :param accept_timeout: seconds or timedelta until the server has scheduled or queued the job; then it is stopped and
        submitted again, at most 3 times.
    :param queue_timeout: how long the job may wait for a free node; None: it fails at once when there is none.
    :param run_timeout: how long one execution may run, pulling the image and waiting on the node included.
    :param total_timeout: from submit to end. These three go into the spec; the client waits 3 minutes longer.
    :param poll_interval: fixed seconds between two looks; None adapts to the job's age.
    :param stream_logs: "live", "end" or "off"; None: live when a worker waits, at the end when deferred.
    :param on_kill_action: "stop" or "leave", what happens to the job when the task is ended from outside.
    :param retry_on_external_stop: retry when somebody else stopped the job; otherwise the task fails for good.
    :param on_existing: None or "new": every run submits a new job. A scheduled service or daemon must say so.
    :param fail_on_exit_code: False: a non-zero exit code is a success.
    :param skip_on_exit_code: exit codes that skip the task.
    :param xcom_value: what the task returns: "handle", "results" (list of uris), "result" (the only uri), "stdout".
    :param job_overrides: laid over the spec last: mappings merge, lists are replaced, None removes. (templated)
    """

    template_fields: Sequence[str] = ("job_spec", "job_file", *BacalhauJobOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {"job_spec": "yaml", "job_overrides": "json"}

    def __init__(
        self,
        *,
        job_spec: Mapping[str, Any] | str | None = None,
        job_file: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_spec = job_spec
        self.job_file = job_file
        if (job_spec is None) == (job_file is None):
            raise ConfigError(f"{self.task_id}: pass exactly one of job_spec and job_file.")

    def build_spec(self, context: Context) -> dict[str, Any]:
        """The spec as given, or as read from its file."""
        from airflow_provider_bacalhau.lifecycle.spec import load_spec

        return load_spec(self.job_spec if self.job_spec is not None else self._read_file(context))

    def _read_file(self, context: Context) -> str:
        """The rendered text of `job_file`; found like any template, or by its absolute path."""
        from jinja2 import TemplateNotFound

        name = str(self.job_file)
        environment = self.get_template_env()
        try:
            if Path(name).is_absolute():
                text = Path(name).read_text(encoding="utf-8")
            elif environment.loader is not None:
                text = environment.loader.get_source(environment, name)[0]
            else:
                raise TemplateNotFound(name)
        except (OSError, TemplateNotFound) as error:
            raise ConfigError(
                f"{self.task_id}: job_file {name!r} cannot be read: give an absolute path, or one relative to the "
                "DAG's folder or to template_searchpath."
            ) from error
        return str(self.render_template(text, context, environment))
