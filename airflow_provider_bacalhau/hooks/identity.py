"""Who the running task is, read from Airflow's context in the words of `lifecycle.identity`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.version_compat import conf, run_clears_are_counted

if TYPE_CHECKING:
    from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef

SECTION = "bacalhau"


def task_ref(context: Mapping[str, Any], *, deployment: str | None, ordinal: int | None = None) -> TaskRef:
    """The task instance as the owner of a job. Equal in every try: the URL goes without its try number."""
    from airflow_provider_bacalhau.lifecycle.identity import TaskRef

    ti = context["ti"]
    run = context.get("dag_run")
    task = context.get("task") or getattr(ti, "task", None)
    map_index = getattr(ti, "map_index", -1)
    return TaskRef(
        deployment=deployment or configured_deployment(),
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=-1 if map_index is None else map_index,
        owner=str(getattr(task, "owner", "") or ""),
        triggered_by=str(getattr(run, "triggering_user_name", None) or ""),
        url=str(getattr(ti, "log_url", "") or "").partition("?")[0],
        ordinal=ordinal,
    )


def configured_deployment() -> str | None:
    """`[bacalhau] deployment`; None while it is unset."""
    return conf.get(SECTION, "deployment", fallback="") or None


def late_submit_grace() -> float:
    """`[bacalhau] late_submit_grace` in seconds."""
    return float(conf.getfloat(SECTION, "late_submit_grace", fallback=90.0))


def epoch_of(context: Mapping[str, Any]) -> Epoch:
    """The span of tries that may share a job. To be computed once, in `execute`: a resumed leg uses the pinned one."""
    from airflow_provider_bacalhau.lifecycle.identity import Epoch

    ti = context["ti"]
    run = context.get("dag_run")
    born: datetime | None = getattr(run, "start_date", None) or getattr(ti, "start_date", None)
    counted = run_clears_are_counted(context)
    task = context.get("task") or getattr(ti, "task", None)
    return Epoch(
        born_us=round(born.timestamp() * 1_000_000) if born is not None else 0,
        clear_number=getattr(run, "clear_number", None),
        max_tries=int(getattr(ti, "max_tries", 0) or 0),
        retries=None if counted else int(getattr(task, "retries", 0) or 0),
    )


def try_number(context: Mapping[str, Any]) -> int:
    """The running try, from 1."""
    return int(getattr(context["ti"], "try_number", 1) or 1)
