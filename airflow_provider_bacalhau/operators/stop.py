"""Stop jobs that other tasks submitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_bacalhau.errors import BacalhauError
from airflow_provider_bacalhau.version_compat import XComNotFound

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.lifecycle.handles import HandleRef

PATIENCE = 120.0
"""Seconds within which the executions of a stopped job have to be seen ended."""


class BacalhauStopJobOperator(BaseOperator):
    """Stop one or several jobs; jobs that have ended already are fine.

    :param job: a task's output, its `["bacalhau_job"]` or `["job_id"]`, a job id, or a list of these. None, as a task
        leaves it that never submitted, stops nothing. (templated)
    :param reason: shown with the stopped job. (templated)
    :param wait: wait, too, until no execution of the stopped jobs runs on; the jobs themselves are seen stopped in
        any case.
    :param bacalhau_conn_id: a connection of type `bacalhau`. (templated)
    :param namespace: of jobs that are given by id; None: the connection's. (templated)
    """

    template_fields: Sequence[str] = ("job", "reason", "bacalhau_conn_id", "namespace")
    template_ext: Sequence[str] = ()
    ui_color = "#fbeee8"

    def __init__(
        self,
        *,
        job: Any,
        reason: str | None = None,
        wait: bool = True,
        bacalhau_conn_id: str = "bacalhau_default",
        namespace: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.reason = reason
        self.wait = wait
        self.bacalhau_conn_id = bacalhau_conn_id
        self.namespace = namespace

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """As Airflow's; a task that never submitted left no job, so a clean-up after it has nothing to stop."""
        try:
            super().render_template_fields(context, jinja_env)
        except XComNotFound:
            self.job = None
            super().render_template_fields(context, jinja_env)

    def execute(self, context: Context) -> list[str]:
        """Stop the jobs; returns their ids."""
        from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
        from airflow_provider_bacalhau.hooks.outcome import airflow_error
        from airflow_provider_bacalhau.lifecycle.handles import read_handles

        hook = BacalhauHook(self.bacalhau_conn_id, namespace=self.namespace or None)
        ti = context["ti"]
        reason = self.reason or f"stopped by the Airflow task {ti.dag_id}.{ti.task_id}"
        try:
            refs = read_handles([one for one in _listed(self.job) if one is not None])
            if not refs:
                self.log.info("There is no job to stop.")
            client = hook.get_conn()
            for ref in refs:
                self._stop(client, ref, ref.namespace or hook.namespace, reason)
            for ref in refs if self.wait else ():
                self._until_over(client, ref, ref.namespace or hook.namespace)
        except BacalhauError as error:
            raise airflow_error(error) from None
        finally:
            hook.close()
        return [ref.job_id for ref in refs]

    def _stop(self, client: Client, ref: HandleRef, namespace: str | None, reason: str) -> None:
        from airflow_provider_bacalhau.hooks.attempt import pause
        from airflow_provider_bacalhau.jobs.stopping import stop_until_ended

        job = client.get_job(ref.job_id, namespace=namespace)
        if job.is_terminal:
            self.log.info("Job %s is %s already.", job.id, job.state)
            return
        stop_until_ended(client, job.id, namespace=job.namespace, reason=reason, sleep=pause)
        self.log.info("Stopped Bacalhau job %s.", job.id)

    def _until_over(self, client: Client, ref: HandleRef, namespace: str | None) -> None:
        """A stopped job is Stopped at once, its programs end a little later."""
        import time

        from airflow_provider_bacalhau.hooks.attempt import pause
        from airflow_provider_bacalhau.jobs.patience import Patience

        until, step = time.monotonic() + PATIENCE, 0.2
        patience = Patience(PATIENCE, note=self.log.warning, sleep=pause)
        space = patience.ask(lambda: client.get_job(ref.job_id, namespace=namespace)).namespace
        while True:
            executions = patience.ask(lambda: client.get_executions(ref.job_id, namespace=space)).items
            left = [one.id for one in executions if not one.is_terminal]
            if not left:
                return
            if time.monotonic() > until:
                raise BacalhauError(
                    f"Bacalhau job {ref.job_id} is stopped, but {', '.join(left[:3])} did not end within "
                    f"{PATIENCE:.0f}s: its node may be away, see `bacalhau node list`."
                )
            pause(step)
            step = min(step * 2, 5.0)


def _listed(value: Any) -> list[Any]:
    """One or several handles as a list; the output of a mapped task iterates over its values."""
    if value is None or isinstance(value, (str, dict)) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)
