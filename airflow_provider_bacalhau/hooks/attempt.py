"""One try of one task, as far as its job goes: whose it is, what is fixed about it, and what outlives the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.errors import AttemptOver
from airflow_provider_bacalhau.version_compat import (
    conf,
    remembered,
    run_clears_are_counted,
    state_store,
    store_forever,
)

if TYPE_CHECKING:
    from airflow_provider_bacalhau.lifecycle.identity import Epoch, Lifetime, TaskRef
    from airflow_provider_bacalhau.lifecycle.submission import Record

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


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one task, as far as its job goes; computed once, in the first leg.

    :param spec: the user's rendered and validated spec, namespace and timeouts included, before anything of ours.
    :param accept_timeout: seconds after which a Pending job of an earlier try is given up; None never.
    :param total_timeout: seconds after which a job of an earlier try has outlived its own deadline; None never.
    :param fp: the fingerprint that an earlier leg pinned; None: that of `spec`.
    """

    ref: TaskRef
    epoch: Epoch
    try_number: int
    spec: Mapping[str, Any]
    conn_id: str
    lifetime: Lifetime = "task"
    prefix: str | None = None
    durable: bool = True
    fail_on_exit_code: bool = True
    accept_timeout: float | None = 120.0
    total_timeout: float | None = None
    late_submit_grace: float = 90.0
    fp: str | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """The job of an attempt, and the identity under which it was submitted. Later legs go by this, never by what they
    would compute themselves (protocol F10)."""

    try_number: int
    epoch: str
    fp: str
    slot: int
    job_id: str
    namespace: str
    name: str = ""
    key: str = ""
    adopted: bool = False
    submitted_at: float = 0.0
    heals: int = 0
    sweeps: bool = False

    def to_plain(self) -> dict[str, Any]:
        """Plain values, for trigger arguments and events; the try goes by "try" there."""
        plain = asdict(self)
        return {"try": plain.pop("try_number"), **plain}

    @classmethod
    def from_plain(cls, value: Any) -> Pin | None:
        """Read what `to_plain` wrote, with whatever else stands beside it; None when it is not one."""
        if not isinstance(value, Mapping) or not value.get("job_id"):
            return None
        named = {**value, "try_number": value.get("try", 0)}
        known = {one.name: named[one.name] for one in fields(cls) if one.name in named}
        try:
            return cls(**known)
        except TypeError:
            return None


class TaskStore:
    """The task state store of Airflow 3.3; before, a store that keeps nothing."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context

    def read(self) -> Record | None:
        """The record of this or of an earlier try."""
        from airflow_provider_bacalhau.lifecycle.submission import Record

        return Record.from_plain(remembered(self._context))

    def write(self, record: Record | None) -> None:
        """Write the record; also the fence: only the process that owns the task may write.

        :raises AttemptOver: another try owns the task now.
        """
        if state_store(self._context) is None:
            return
        try:
            store_forever(self._context, {"phase": "looking"} if record is None else record.to_plain())
        except Exception as error:
            raise AttemptOver(
                f"Another try of this task has taken over, so this one submits and stops nothing ({error})."
            ) from error
