"""Run a job that is given as a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.operators.base import BacalhauJobOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


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
    :param durable: take over the live job of an earlier try whose worker died; False starts afresh in every try.
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
