"""The doctor's look around here: where results can be read, which Airflow this is, and what beside it is alive."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from airflow_provider_bacalhau.commands.finding import Finding
from airflow_provider_bacalhau.version_compat import (
    AirflowNotFoundException,
    alive_triggerers,
    conf,
    default_deferrable,
    trigger_has_on_kill,
)

if TYPE_CHECKING:
    from airflow_provider_bacalhau.commands.visit import Visit

AMAZON = "apache-airflow-providers-amazon"
STUB = ("starlette", "uvicorn", "moto", "wasmtime")
LEAST_GRACE = 35.0
"""Seconds: a server answers 503 after 30 and may take the job even so."""
MOST_HEARTBEAT = 30
"""Seconds that a sweep waits on Airflow 3.1 for a replaced worker to notice."""


def results(visit: Visit) -> Iterator[Finding]:
    """Whether what jobs publish can be read here."""
    from airflow.sdk import BaseHook

    if visit.options is None:
        return
    usable = [node for node in visit.nodes or () if node.is_usable]
    s3 = sum("s3" in node.publishers for node in usable)
    wanted = visit.options.aws_conn_id or "aws_default"
    try:
        BaseHook.get_connection(wanted)
        publish = f"; {s3} nodes publish to it" if s3 else ""
        yield Finding("ok", "results", f"s3 is read through connection {wanted}{publish}")
    except AirflowNotFoundException:
        hint = f"add connection {wanted}, or name another in extra.aws_conn_id"
        if s3:
            yield Finding("warn", "results", f"s3 publishers on {s3} nodes, and no connection to read with: {hint}")
        else:
            yield Finding("ok", "results", f"no node publishes to s3; should one: {hint}")
    if visit.options.webui_url is None:
        yield Finding("warn", "link", "tasks show no link to their job: set extra.webui_url")
    else:
        yield Finding("ok", "link", visit.options.webui_url)


def airflow(_: Visit) -> Iterator[Finding]:
    """What this Airflow means for the promise."""
    from airflow import __version__

    if trigger_has_on_kill():
        yield Finding("ok", "airflow", f"{__version__}: clears are counted, and triggers hear of a killed task")
        return
    yield Finding(
        "warn",
        "airflow",
        f"{__version__}: a task that is cleared while its worker is dead may take over its old job (mark it failed "
        "first), and the job of a deferred task that is marked or cleared is stopped late; a newer Airflow closes both",
    )


def extras(_: Visit) -> Iterator[Finding]:
    """What of the optional parts is installed."""
    try:
        yield Finding("ok", "amazon", f"{AMAZON} {version(AMAZON)}")
    except PackageNotFoundError:
        yield Finding("warn", "amazon", "s3 results cannot be read: pip install 'airflow-provider-bacalhau[amazon]'")
    missing = [name for name in STUB if find_spec(name) is None]
    have = "installed" if not missing else "not installed, only tests need it"
    yield Finding("ok", "stub", have)


def settings(_: Visit) -> Iterator[Finding]:
    """Times that have to fit each other."""
    from airflow_provider_bacalhau.hooks.attempt import late_submit_grace

    grace = late_submit_grace()
    beat = conf.getint("scheduler", "task_instance_heartbeat_sec", fallback=0)
    limit = conf.getint("scheduler", "task_instance_heartbeat_timeout", fallback=300)
    text = f"late_submit_grace {grace:g} s, task heartbeat {beat or 'as Airflow has it'} of {limit} s"
    problems = []
    if grace < LEAST_GRACE:
        problems.append(f"[bacalhau] late_submit_grace is below {LEAST_GRACE:g} s: a late submit may meet a second job")
    if beat >= MOST_HEARTBEAT:
        problems.append("[scheduler] task_instance_heartbeat_sec of 30 or more: a replaced worker notices too late")
    if beat * 2 > limit:
        problems.append("[scheduler] task_instance_heartbeat_timeout is below two heartbeats: live workers are lost")
    yield Finding("warn" if problems else "ok", "settings", "; ".join([text, *problems]))


def triggerer(*, needed: bool) -> Iterator[Finding]:
    """Whether a triggerer is alive.

    :param needed: a task of the DAG in question is deferrable.
    """
    alive = alive_triggerers()
    if alive is None:
        yield Finding("warn", "triggerer", "this machine does not see Airflow's database; ask on the scheduler's")
    elif alive:
        yield Finding("ok", "triggerer", f"alive on {', '.join(sorted(set(alive)))}")
    elif needed or default_deferrable():
        yield Finding("FAIL", "triggerer", "none is alive, and deferred tasks wait for one: start `airflow triggerer`")
    else:
        yield Finding("warn", "triggerer", "none is alive; deferrable tasks need one: start `airflow triggerer`")
