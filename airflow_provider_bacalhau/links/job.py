"""The button in the UI that opens a job in Bacalhau's web interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

XCOM_KEY = "bacalhau_job_link"


class BacalhauJobLink(BaseOperatorLink):
    """Link to the job, present as soon as it was submitted and only when the connection names a `webui_url`."""

    name = "Bacalhau job"
    xcom_key = XCOM_KEY

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """The URL that the operator knows, else the one that it pushed in an earlier leg; empty without one.

        Airflow writes what this returns over what was pushed right after the submit, so both are the same.
        """
        known = getattr(operator, "job_link", None)
        if known is not None:
            return str(known)
        from airflow.sdk.execution_time.xcom import XCom

        return str(XCom.get_value(ti_key=ti_key, key=XCOM_KEY) or "")


def job_url(webui_url: str | None, job_id: str, *, by_query: bool = True) -> str:
    """Where a job is shown.

    :param webui_url: the connection's: a base URL, or one with its own `{job_id}` placeholder.
    :param by_query: the release serves `/jobs?id=ID`; older ones serve `/jobs/ID`.
    :return: empty without a `webui_url`.
    """
    if not webui_url:
        return ""
    safe = quote(job_id, safe="")
    if "{job_id}" in webui_url:
        return webui_url.replace("{job_id}", safe)
    return f"{webui_url.rstrip('/')}/jobs{'?id=' if by_query else '/'}{safe}"
