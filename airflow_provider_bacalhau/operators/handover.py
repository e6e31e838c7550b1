"""What a task leaves behind: XCom, link, log, and at the end its value or its error."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

from airflow_provider_bacalhau.errors import ApiError, ResultError
from airflow_provider_bacalhau.links.job import XCOM_KEY, job_url
from airflow_provider_bacalhau.version_compat import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_bacalhau.hooks.attempt import KillSwitch
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
    from airflow_provider_bacalhau.hooks.logs import LiveLog, Output
    from airflow_provider_bacalhau.lifecycle.attempt import Pin
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.models.capabilities import Capabilities
    from airflow_provider_bacalhau.models.execution import Execution
    from airflow_provider_bacalhau.models.job import Job
    from airflow_provider_bacalhau.results.manifest import Manifest

RESULT_BUDGET = 600.0
"""Seconds that a server may give no answer about a job that ended well, before its results are given up."""


_ENDS_BY_ITSELF = (("Completed", "batch"), ("Completed", "ops"))
"""State and type of a job that nobody has stopped."""


class Arguments(Protocol):
    """An operator, as far as a leg of its task needs it; `operators.job.BacalhauJobOperator` is it."""

    task_id: str
    bacalhau_conn_id: str
    namespace: str | None
    wait_for_completion: bool
    deferrable: bool
    durable: bool
    accept_timeout: float | timedelta | None
    queue_timeout: float | timedelta | None
    run_timeout: float | timedelta | None
    total_timeout: float | timedelta | None
    poll_interval: float | timedelta | None
    execution_timeout: timedelta | None
    stream_logs: Literal["live", "end", "off"] | None
    on_kill_action: Literal["stop", "leave"]
    retry_on_external_stop: bool
    on_existing: Literal["new", "replace", "keep"] | None
    fail_on_exit_code: bool
    skip_on_exit_code: int | Collection[int] | None
    xcom_value: Literal["handle", "results", "result", "stdout"]
    job_overrides: Mapping[str, Any] | None
    job_link: str | None

    @property
    def log(self) -> Any:
        """The task's logger."""

    def build_spec(self, context: Context) -> dict[str, Any]:
        """The user's job spec."""

    def job_name(self) -> str | None:
        """How the submitted Name begins."""

    def takes_leg(self, leg: Any) -> bool:
        """Remember the leg that a kill has to end; True when the task was told to end already."""


class Handover:
    """Speaks to Airflow on behalf of a leg.

    :param known: the job that an earlier leg has announced.
    """

    def __init__(
        self,
        operator: Arguments,
        context: Mapping[str, Any],
        hook: BacalhauHook,
        kill: KillSwitch,
        known: Pin | None,
    ) -> None:
        self._operator = operator
        self._context = context
        self._hook = hook
        self._kill = kill
        self._known = known

    def announce(self, pin: Pin) -> str:
        """Say which job it is, in log, XCom and link, as soon as it is known. Returns the link, empty without one."""
        facts = self._facts()
        link = job_url(self._hook.options.webui_url, pin.job_id, by_query=facts is None or not facts.docs_shapes)
        if self._known is not None and self._known.job_id == pin.job_id:
            return link
        self.remember(pin)
        self._push("bacalhau_job", self._handle(_begun(pin), pin, ()))
        self._push("job_id", pin.job_id)
        if link:
            self._push(XCOM_KEY, link)
        if facts is not None and facts.warning:
            self._operator.log.warning("%s", facts.warning)
        what = "Took over" if pin.adopted else "Submitted"
        where = f"{self._hook.config.base_url}, namespace {pin.namespace}{f', {link}' if link else ''}"
        self._operator.log.info("%s Bacalhau job %s (%s) at %s", what, pin.job_id, pin.name, where)
        return link

    def remember(self, pin: Pin, **more: Any) -> None:
        """Keep the pin for a later leg of this try that gets no event."""
        self._push("bacalhau_pin", {**pin.to_plain(), **more})

    def left_running(self, pin: Pin) -> dict[str, Any]:
        """The value of a task that does not wait: from here on the job is nobody's to stop."""
        self._kill.release()
        return self._handle(_begun(pin), pin, ())

    def live_log(self, pin: Pin) -> LiveLog | None:
        """A follower of the job's live log, where one is wanted."""
        from airflow_provider_bacalhau.hooks.logs import LiveLog

        if self._mode() != "live":
            return None
        emit = self._operator.log.info
        return LiveLog(self._hook.config, pin.job_id, pin.namespace, lambda line: emit("%s", line))

    def own_xcom(self, key: str) -> Any:
        """What an earlier leg of this task pushed."""
        ti = self._context["ti"]
        return ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=getattr(ti, "map_index", None))

    def conclude(self, pin: Pin, verdict: Verdict, *, live: LiveLog | None, title: str) -> Any:
        """Logs, results, XCom; then the task's value.

        :raises JobError: the job did not do what the task wanted. AirflowSkipException: its exit code says skip.
        """
        from airflow_provider_bacalhau.lifecycle.logs import AFTER_VERDICT_SECONDS

        whole = live.finish(AFTER_VERDICT_SECONDS / 2) if live is not None else frozenset()
        job, executions, manifest = self._last_look(verdict)
        verdict = self._after_all(verdict, job, executions)
        uris = manifest.uris() if manifest is not None else []
        outputs = self._outputs(job, executions, manifest, whole)
        handle = self._handle(verdict, pin, uris)
        self._push("bacalhau_job", handle)
        self._push("job_id", pin.job_id)
        self._push("results", uris)
        if len(uris) == 1:
            self._push("result", uris[0])
        self._push("exit_codes", list(verdict.exit_codes))
        self._kill.release()
        self._skip(verdict)
        if not verdict.succeeded:
            raise self._error(pin, verdict, uris, title)
        self._operator.log.info("%s", _summary(verdict, title))
        return self._value(handle, uris, outputs, executions)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _facts(self) -> Capabilities | None:
        """What the server can do; None while it does not answer, which is no reason to end a task."""
        try:
            return self._hook.get_conn().capabilities()
        except ApiError:
            return None

    def _last_look(self, verdict: Verdict) -> tuple[Job | None, Sequence[Execution], Manifest | None]:
        """Job, executions and what was published; a server that does not answer now changes no verdict."""
        from airflow_provider_bacalhau.hooks.results import manifest_of
        from airflow_provider_bacalhau.jobs.patience import Patience

        client = self._hook.get_conn()
        if verdict.outcome == "lost":
            return None, (), None
        # what a good job published would be lost with its answer, what a bad one did is told already
        patience = Patience(RESULT_BUDGET if verdict.succeeded else 0.0, note=self._operator.log.warning)

        def look() -> tuple[Job, Sequence[Execution], Manifest]:
            job, executions, _ = client.describe_job(verdict.job_id, namespace=verdict.namespace or None)
            return job, executions, manifest_of(client, job, executions)

        try:
            return patience.ask(look)
        except ApiError as error:
            if verdict.succeeded and self._operator.xcom_value in ("results", "result"):
                raise
            self._operator.log.warning("What the job published cannot be read: %s", error)
            return None, (), None

    def _after_all(self, verdict: Verdict, job: Job | None, executions: Sequence[Execution]) -> Verdict:
        """The verdict of a job that ended by itself after the look that found it out of time, before its stop."""
        if verdict.outcome != "timed_out" or job is None or (job.state, job.type) not in _ENDS_BY_ITSELF:
            return verdict
        from airflow_provider_bacalhau.lifecycle.verdict import judge

        self._operator.log.warning("The job ended while its time ran out, so its own end counts.")
        return judge(job, executions, fail_on_exit_code=self._operator.fail_on_exit_code, expected_version=1)

    def _outputs(
        self, job: Job | None, executions: Sequence[Execution], manifest: Manifest | None, whole: frozenset[str]
    ) -> list[Output]:
        from airflow_provider_bacalhau.hooks.logs import outputs_of
        from airflow_provider_bacalhau.lifecycle.logs import AFTER_VERDICT_SECONDS

        wanted = self._operator.xcom_value == "stdout"
        if job is None or manifest is None or not job.is_terminal or (self._mode() == "off" and not wanted):
            return []
        skip = frozenset() if wanted else whole
        outputs = outputs_of(self._hook, job, executions, manifest, skip=skip, seconds=AFTER_VERDICT_SECONDS)
        if self._mode() == "off":
            return outputs
        for one in outputs:
            if one.execution_id in whole:
                continue
            mark = f"[{one.partition}] " if len(executions) > 1 else ""
            for line in one.lines():
                self._operator.log.info("%s%s", mark, line)
        return outputs

    def _value(
        self, handle: dict[str, Any], uris: list[str], outputs: Sequence[Output], executions: Sequence[Execution]
    ) -> Any:
        what = self._operator.xcom_value
        if what == "results":
            return uris
        if what == "stdout":
            done = {one.id for one in executions if one.reported_exit_code is not None}
            for one in outputs:
                if one.note:
                    self._operator.log.warning("xcom_value='stdout' is not the whole output: %s", one.note)
            return "".join(one.stdout for one in outputs if one.execution_id in done).rstrip("\n")
        if what == "result":
            if len(uris) != 1:
                count = len(uris)
                raise ResultError(f"xcom_value='result' wants one result, the job published {count}; use 'results'.")
            return uris[0]
        return handle

    def _skip(self, verdict: Verdict) -> None:
        codes = exit_codes_to_skip(self._operator.skip_on_exit_code)
        bad = {code for code in verdict.exit_codes if code != 0}
        ended = verdict.succeeded or verdict.kind == "exit_code"
        hit = bad & codes if 0 not in codes else codes & set(verdict.exit_codes)
        if ended and hit and (bad <= codes):
            raise AirflowSkipException(f"Bacalhau job {verdict.job_id} ended with exit code {min(hit)}: skipped.")

    def _error(self, pin: Pin, verdict: Verdict, uris: Sequence[str], title: str) -> Exception:
        from airflow_provider_bacalhau.lifecycle.diagnose import error_from, explain
        from airflow_provider_bacalhau.lifecycle.retries import rule_of

        again = verdict.outcome == "stopped" and self._operator.retry_on_external_stop
        retryable = again or rule_of(verdict.outcome, verdict.kind).retried
        text = explain(
            verdict,
            task=title,
            published=uris,
            try_number=pin.try_number,
            max_tries=getattr(self._context["ti"], "max_tries", None),
            retryable=retryable,
            request_id=self._hook.get_conn().learnt.request_id,
        )
        return error_from(verdict, text, retryable=retryable, link=self._operator.job_link or "", task=title)

    def _handle(self, verdict: Verdict, pin: Pin, uris: Sequence[str]) -> dict[str, Any]:
        from airflow_provider_bacalhau.lifecycle.verdict import handle

        return handle(verdict, results=uris, adopted=pin.adopted, server=self._hook.config.base_url)

    def _push(self, key: str, value: Any) -> None:
        self._context["ti"].xcom_push(key=key, value=value)

    def _mode(self) -> str:
        one = self._operator
        return one.stream_logs or ("end" if one.deferrable else "live")


def _begun(pin: Pin) -> Verdict:
    """What is known right after a submit."""
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict

    begun = Verdict("succeeded", "", pin.job_id, pin.namespace, pin.name, "Pending")
    return replace(begun, submitted_at=pin.submitted_at or None)


def _summary(verdict: Verdict, task: str) -> str:
    from airflow_provider_bacalhau.lifecycle.diagnose import summary

    return summary(verdict, task=task)


def exit_codes_to_skip(value: Any) -> frozenset[int]:
    """`skip_on_exit_code` as a set."""
    if value is None:
        return frozenset()
    return frozenset([value]) if isinstance(value, int) else frozenset(int(code) for code in value)
