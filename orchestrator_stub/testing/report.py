"""What a failed test shows of its stub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator_stub.testing.fault import Fault
from orchestrator_stub.testing.journal import Entry
from orchestrator_stub.testing.script import Script

_NO_NEWS = ("", "Running")
"""What servers say of executions that are well."""


def report(
    *,
    head: str,
    jobs: Sequence[tuple[dict[str, Any], Sequence[dict[str, Any]]]],
    scripts: Sequence[tuple[Script, int]],
    faults: Sequence[tuple[Fault, int]],
    entries: Sequence[Entry],
    last: int,
) -> str:
    """Jobs with their executions, scripts and faults with their hits, and the last requests, as lines."""
    lines = [head, *([_job(job, executions) for job, executions in jobs] or ["no job was submitted"])]
    lines += [f"{_times(hits, 'played')}: {script!r}" for script, hits in scripts]
    lines += [f"{_times(hits, 'met')}: {fault!r} {fault.id}" for fault, hits in faults]
    if len(entries) > last:
        lines.append(f"journal (the last {last} of {len(entries)} requests)")
    else:
        lines.append("journal" if entries else "journal: no request")
    return "\n".join([*lines, *map(str, entries[-last:])])


def _times(hits: int, what: str) -> str:
    return f"{what} {hits} time{'' if hits == 1 else 's'}"


def _job(job: dict[str, Any], executions: Sequence[dict[str, Any]]) -> str:
    state = job.get("State") or {}
    said = dict.fromkeys(filter(None, [state.get("Message"), *map(_message, executions)]))
    name = job.get("Name") or job["ID"]
    called = "" if name == job["ID"] else f" {name}"
    return "; ".join([f"job {job['ID']}{called}: {state.get('StateType', '')}", *said])


def _message(execution: dict[str, Any]) -> str:
    """What is wrong with an execution; "" for nothing."""
    code = (execution.get("RunOutput") or {}).get("ExitCode") or 0
    if code:
        return f"exit code {code}"
    said = (execution.get("ComputeState") or {}).get("Message") or ""
    return "" if said in _NO_NEWS else str(said)
