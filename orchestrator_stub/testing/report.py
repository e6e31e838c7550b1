"""What a failed test shows of its stub."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from orchestrator_stub.testing.fault import Fault
from orchestrator_stub.testing.script import Script

if TYPE_CHECKING:
    from orchestrator_stub.testing.handle import StubHandle

_NO_NEWS = ("", "Running")
"""What servers say of executions that are well."""


def report(
    stub: StubHandle, scripts: Sequence[tuple[Script, int]], faults: Sequence[tuple[Fault, int]], *, last: int
) -> str:
    """Jobs, scripts and faults with their hits, and the last requests. Raises StubError."""
    clock = stub.clock
    mode = clock.mode
    with clock.manual() if mode == "auto" else nullcontext():  # looking at it must not change it
        lines = [f"stub {stub.info['release']} at {stub.url}, clock {mode} at {clock.now:%Y-%m-%d %H:%M:%S}"]
        lines += [_job(job, stub.executions(job["ID"])) for job in stub.jobs()] or ["no job was submitted"]
    lines += [f"{_times(hits, 'played')}: {script!r}" for script, hits in scripts]
    lines += [f"{_times(hits, 'met')}: {fault!r} {fault.id}" for fault, hits in faults]
    entries = stub.journal()
    if len(entries) > last:
        lines.append(f"journal (the last {last} of {len(entries)} requests)")
    else:
        lines.append("journal" if entries else "journal: no request")
    lines += map(str, entries[-last:])
    return "\n".join(lines)


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
