"""One try of one task, as far as Airflow tells: whose it is, what outlives it, and how it is ended.

Airflow ends a task with SIGTERM, calls `on_kill` on top of whatever the main thread was doing, and sends SIGKILL five
seconds later. There no lock of the main thread may be waited for: so everything that a kill needs is made beforehand,
the request runs in a thread with a client of its own, and a flag tells the main thread to submit nothing more.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.errors import AttemptOver
from airflow_provider_bacalhau.version_compat import (
    STORE_KEY,
    conf,
    remembered,
    run_clears_are_counted,
    state_store,
    store_forever,
)

if TYPE_CHECKING:
    from airflow_provider_bacalhau.client.sync import Client
    from airflow_provider_bacalhau.hooks.connection import Connected
    from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef
    from airflow_provider_bacalhau.lifecycle.submission import Record

SECTION = "bacalhau"

BUDGET = 3.0
"""Seconds that `pull` takes at most; Airflow kills the process after five."""

log = logging.getLogger(__name__)

_asking = threading.Lock()
"""A task has one line to Airflow, and `dag.test()` unplugs it while it answers; hook calls come from many threads."""


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


def secrets_rule() -> str:
    """`[bacalhau] secrets_in_spec`: what to do with a job spec that holds what Airflow would mask."""
    return str(conf.get(SECTION, "secrets_in_spec", fallback="warn"))


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


class TaskStore:
    """The task state store of Airflow 3.3; before, a store that keeps nothing.

    :param ordinal: of a hook call, whose record stands beside that of the operator's own job.
    """

    def __init__(self, context: Mapping[str, Any], *, ordinal: int | None = None) -> None:
        self._context = context
        self._key = STORE_KEY if ordinal is None else f"{STORE_KEY}_{ordinal}"

    def read(self) -> Record | None:
        """The record of this or of an earlier try."""
        from airflow_provider_bacalhau.lifecycle.submission import Record

        with _asking:
            return Record.from_plain(remembered(self._context, self._key))

    def write(self, record: Record | None) -> None:
        """Write the record; also the fence: only the process that owns the task may write.

        :raises AttemptOver: another try owns the task now, or Airflow cannot tell.
        """
        if state_store(self._context) is None:
            return
        try:
            with _asking:
                store_forever(self._context, {"phase": "looking"} if record is None else record.to_plain(), self._key)
        except Exception as error:
            raise AttemptOver(
                "Airflow keeps no record for this try, as for one that another try has replaced, so it submits and "
                f"stops nothing: {error}"
            ) from error


class KillSwitch:
    """What `on_kill` stops, kept current by whoever submits.

    `target` is called before every submit with the name that it carries, and again with the id once there is one.
    """

    def __init__(self) -> None:
        self.pulled = False
        self.leaves = False
        self.reason = ""
        self.job_id = ""
        self.name = ""
        self.namespace: str | None = None
        self.key = ""
        self.unique_names = True
        self._client: Client | None = None

    def arm(self, hook: Connected, reason: str) -> None:
        """Make the client that a kill will use; `reason` goes with the stop."""
        from airflow_provider_bacalhau.client.sync import Client

        self.reason = reason
        self._client = Client(replace(hook.config, connect_timeout=BUDGET / 2, read_timeout=BUDGET))

    def target(
        self, *, namespace: str | None, job_id: str = "", name: str = "", key: str = "", unique_names: bool = True
    ) -> None:
        """Say what would have to be stopped now."""
        self.job_id, self.name, self.namespace = job_id, name, namespace
        self.key, self.unique_names = key, unique_names

    def release(self) -> None:
        """The job has ended, or must outlive the task: a kill stops nothing any more."""
        self.target(namespace=None)

    def pull(self, *, leave: bool = False) -> None:
        """Forbid further submits and stop what is in flight, within `BUDGET` seconds; `leave` stops nothing."""
        self.pulled, self.leaves = True, leave
        if leave or self._client is None or not (self.job_id or self.name):
            return
        worker = threading.Thread(target=self._stop, args=(self._client,), name="bacalhau-stop", daemon=True)
        worker.start()
        worker.join(BUDGET)

    def _stop(self, client: Client) -> None:
        for wanted in self._ids(client):
            try:
                client.stop_job(wanted, reason=self.reason, namespace=self.namespace)
                log.info("Stopped Bacalhau job %s because the task was told to end.", wanted)
            except Exception as error:  # nobody is left to hear it; the reaper finds what runs on
                log.warning("Could not stop Bacalhau job %s: %s", wanted, error)

    def _ids(self, client: Client) -> list[str]:
        if self.job_id:
            return [self.job_id]
        if self.unique_names:
            return [self.name]
        with contextlib.suppress(Exception):
            jobs = client.iter_jobs(namespace=self.namespace, labels=f"airflow-key={self.key}")
            return [job.id for job in jobs if job.name == self.name and not job.is_terminal]
        return []


def pause(seconds: float, kill: KillSwitch | None = None) -> None:
    """Sleep in slices, so that a task that was told to end does not sleep on."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not (kill is not None and kill.pulled):
        time.sleep(min(left, 0.25))
