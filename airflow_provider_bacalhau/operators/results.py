"""Bring back what jobs published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.sdk import BaseOperator

from airflow_provider_bacalhau.errors import BacalhauError

if TYPE_CHECKING:
    from airflow.sdk import Context


class BacalhauGetResultsOperator(BaseOperator):
    """Download what one or several jobs published, unpack it, and put it in one place; returns the written uris.

    :param job: a task's output, a job id, or a list of these. (templated)
    :param target: an absolute folder on the worker, or "s3://bucket/prefix". (templated)
    :param only: patterns of the wanted files, e.g. ["outputs/**"]; None: all. (templated)
    :param layout: "per-execution": one folder each; "merged": all in one, a collision is an error.
    :param overwrite: "replace", or "fail" when something is there already.
    :param allow_empty: nothing published is no error.
    :param aws_conn_id: reads and writes S3; None: the Bacalhau connection's, else "aws_default". (templated)
    :param bacalhau_conn_id: a connection of type `bacalhau`. (templated)
    :param namespace: of jobs that are given by id; None: the connection's. (templated)
    """

    template_fields: Sequence[str] = ("job", "target", "only", "aws_conn_id", "bacalhau_conn_id", "namespace")
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {"job": "json", "only": "json"}
    ui_color = "#e8fbee"

    def __init__(
        self,
        *,
        job: Any,
        target: str,
        only: str | Sequence[str] | None = None,
        layout: Literal["per-execution", "merged"] = "per-execution",
        overwrite: Literal["replace", "fail"] = "replace",
        allow_empty: bool = False,
        aws_conn_id: str | None = None,
        bacalhau_conn_id: str = "bacalhau_default",
        namespace: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.target = target
        self.only = only
        self.layout = layout
        self.overwrite = overwrite
        self.allow_empty = allow_empty
        self.aws_conn_id = aws_conn_id
        self.bacalhau_conn_id = bacalhau_conn_id
        self.namespace = namespace

    def execute(self, context: Context) -> list[str]:
        """Fetch the results; on any error the target stays as it was."""
        from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
        from airflow_provider_bacalhau.hooks.outcome import airflow_error
        from airflow_provider_bacalhau.hooks.results import download
        from airflow_provider_bacalhau.lifecycle.handles import read_handles

        hook = BacalhauHook(self.bacalhau_conn_id, namespace=self.namespace or None)
        try:
            uris = download(
                hook,
                [(ref.job_id, ref.namespace) for ref in read_handles(self.job)],
                self.target,
                only=self.only,
                layout=self.layout,
                overwrite=self.overwrite,
                allow_empty=self.allow_empty,
                aws_conn_id=self.aws_conn_id,
            )
        except BacalhauError as error:
            raise airflow_error(error) from None
        finally:
            hook.close()
        self.log.info("Wrote %d files to %s", len(uris), self.target)
        return uris
