"""Wait for jobs that somebody else submitted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from airflow_provider_bacalhau.errors import BacalhauError
from airflow_provider_bacalhau.version_compat import default_deferrable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
    from airflow_provider_bacalhau.lifecycle.handles import HandleRef
    from airflow_provider_bacalhau.lifecycle.verdict import Verdict
    from airflow_provider_bacalhau.lifecycle.watch import Observation, Watch


JOB_STATES = ("Pending", "Queued", "Running", "Completed", "Failed", "Stopped")
"""Words for `target_states`; any case is understood."""


class BacalhauJobSensor(BaseSensorOperator):
    """Wait until one or several jobs have ended well, or reached a state; returns the handle (or a list of them).

    A job that can no longer get there fails the sensor without retries, since waiting again would not help; the error
    says which task to clear.

    :param job: a task's output, a job id, or a list of these. (templated)
    :param target_states: job states that are enough, one or several of JOB_STATES in any case, e.g. ["Running"];
        None: the job has ended well.
    :param fail_on_exit_code: False: a non-zero exit code is a good end, too.
    :param bacalhau_conn_id: a connection of type `bacalhau`. (templated)
    :param namespace: of jobs that are given by id; None: the connection's. (templated)
    :param deferrable: wait in the triggerer instead of a worker.
    """

    template_fields: Sequence[str] = ("job", "bacalhau_conn_id", "namespace")
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {"job": "json"}

    def __init__(
        self,
        *,
        job: Any,
        target_states: str | Sequence[str] | None = None,
        fail_on_exit_code: bool = True,
        bacalhau_conn_id: str = "bacalhau_default",
        namespace: str | None = None,
        deferrable: bool = default_deferrable(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.target_states = _known(target_states)
        self.fail_on_exit_code = fail_on_exit_code
        self.bacalhau_conn_id = bacalhau_conn_id
        self.namespace = namespace
        self.deferrable = deferrable
        self._watches: dict[str, Watch] = {}
        self._handles: dict[str, dict[str, Any]] = {}

    def poke(self, context: Context) -> PokeReturnValue:
        """One look at every job that is not there yet."""
        hook = self._hook()
        try:
            refs = self._refs(hook)
            waiting = [ref for ref in refs if ref.job_id not in self._handles and not self._arrived(hook, ref)]
        finally:
            hook.close()
        if waiting:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._value(refs))

    def execute(self, context: Context) -> Any:
        """Look once, then wait as `mode` or `deferrable` say."""
        if not self.deferrable:
            return super().execute(context)
        return self._look_or_defer(context)

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None, **_: Any) -> Any:
        """Go on after one job's end: conclude, or wait for the next one."""
        if event is not None and "verdict" in event:
            from airflow_provider_bacalhau.lifecycle.verdict import Verdict

            verdict = Verdict.from_plain(event["verdict"])
            if not verdict.succeeded:
                hook = self._hook()
                try:
                    self._fail(hook, verdict)
                finally:
                    hook.close()
        elif event is not None and "error" in event:
            self.log.warning("The wait in the triggerer broke off: %s", event["error"])
        return self._look_or_defer(context)

    def _look_or_defer(self, context: Context) -> Any:
        done = self.poke(context)
        if done.is_done:
            return done.xcom_value
        from airflow_provider_bacalhau.triggers.job import BacalhauJobTrigger

        hook = self._hook()
        try:
            ref = next(ref for ref in self._refs(hook) if ref.job_id not in self._handles)
        finally:
            hook.close()
        began = getattr(context["ti"], "start_date", None)
        spent = time.time() - began.timestamp() if began is not None else 0.0
        return self.defer(
            trigger=BacalhauJobTrigger(
                bacalhau_conn_id=self.bacalhau_conn_id,
                job_id=ref.job_id,
                namespace=ref.namespace,
                watch=self._watch(ref).to_plain(),
                target_states=self._targets(),
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=max(1.0, self.timeout - max(0.0, spent))),
        )

    # --- one job --------------------------------------------------------------------------------------------------

    def _arrived(self, hook: BacalhauHook, ref: HandleRef) -> bool:
        from airflow_provider_bacalhau.hooks.job import observe

        seen = observe(hook.get_conn(), ref.job_id, ref.namespace)
        step = self._watch(ref).observe(seen, time.time())
        self._watches[ref.job_id] = step.watch
        for line in step.notes:
            self.log.info("%s", line)
        if seen.job is not None and seen.job.state in self._targets():
            self._handles[ref.job_id] = self._handle(hook, seen)
            return True
        if step.verdict is None:
            return False
        if not step.verdict.succeeded or self._targets():
            self._fail(hook, step.verdict)
        self._handles[ref.job_id] = self._handle(hook, seen)
        return True

    def _handle(self, hook: BacalhauHook, seen: Observation) -> dict[str, Any]:
        from airflow_provider_bacalhau.hooks.results import manifest_of
        from airflow_provider_bacalhau.lifecycle.verdict import facts_of, handle

        if seen.job is None:
            raise AssertionError
        client = hook.get_conn()
        uris = manifest_of(client, seen.job, seen.executions).uris() if seen.job.is_terminal else []
        return handle(facts_of(seen.job, seen.executions), results=uris, server=hook.config.base_url)

    def _watch(self, ref: HandleRef) -> Watch:
        from airflow_provider_bacalhau.lifecycle.watch import Watch, WatchPolicy

        if ref.job_id not in self._watches:
            policy = WatchPolicy(fail_on_exit_code=self.fail_on_exit_code)
            self._watches[ref.job_id] = Watch.start(
                policy, submitted_at=time.time(), job_id=ref.job_id, namespace=ref.namespace or ""
            )
        return self._watches[ref.job_id]

    def _fail(self, hook: BacalhauHook, verdict: Verdict) -> NoReturn:
        from airflow_provider_bacalhau.errors import ApiError
        from airflow_provider_bacalhau.hooks.outcome import airflow_error
        from airflow_provider_bacalhau.lifecycle.diagnose import error_from, explain

        owner = ""
        try:
            meta = hook.get_conn().get_job(verdict.job_id, namespace=verdict.namespace or None).meta
            if meta.get("airflow-task-id"):
                owner = f"{meta.get('airflow-dag-id', '')}.{meta['airflow-task-id']}"
        except ApiError as error:
            self.log.info("Whose job it is cannot be read: %s", error)
        advice = f"clear the task {owner} to run the job again" if owner else "submit the job again"
        if verdict.succeeded:
            text = f"Bacalhau job {verdict.job_id} ended {verdict.state} and can no longer become {self._targets()}"
        else:
            text = explain(verdict, task=owner, request_id=hook.get_conn().learnt.request_id)
        text = f"{text}\nairflow: this sensor is not retried, {advice}"
        raise airflow_error(error_from(verdict, text, retryable=False))

    # --- all jobs -------------------------------------------------------------------------------------------------

    def _refs(self, hook: BacalhauHook) -> list[HandleRef]:
        from airflow_provider_bacalhau.hooks.outcome import airflow_error
        from airflow_provider_bacalhau.lifecycle.handles import HandleRef, read_handles

        try:
            return [HandleRef(ref.job_id, ref.namespace or hook.namespace) for ref in read_handles(self.job)]
        except BacalhauError as error:
            raise airflow_error(error) from None

    def _value(self, refs: Sequence[HandleRef]) -> Any:
        found = [self._handles[ref.job_id] for ref in refs]
        return found[0] if len(found) == 1 and not isinstance(self.job, (list, tuple)) else found

    def _targets(self) -> list[str]:
        return list(self.target_states)

    def _hook(self) -> BacalhauHook:
        from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook

        return BacalhauHook(self.bacalhau_conn_id, namespace=self.namespace or None)


def _known(states: str | Sequence[str] | None) -> list[str]:
    """The states as servers spell them. Raises ValueError for a word that no job ever shows."""
    spelled = {state.lower(): state for state in JOB_STATES}
    given = [states] if isinstance(states, str) else list(states or ())
    unknown = [state for state in given if str(state).strip().lower() not in spelled]
    if unknown:
        raise ValueError(f"target_states: {unknown[0]!r} is no job state; choose from {', '.join(JOB_STATES)}")
    return [spelled[state.strip().lower()] for state in given]
