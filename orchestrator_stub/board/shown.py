"""Jobs and executions as the page gets them: plain values, times as RFC 3339 text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.moment import rfc3339
from orchestrator_stub.domain.states import ComputeState
from orchestrator_stub.engine.overview import Found, Seen

MOST_LINES = 500
"""Lines of a history on the page: the newest."""
MOST_EXECUTIONS = 500
"""Executions of a job on the page: the newest."""


def time_text(nanoseconds: int) -> str:
    """`2025-01-01T00:00:00.000Z`, "" for 0."""
    return rfc3339(nanoseconds, digits=3) if nanoseconds else ""


def listed(found: Found, counts: dict[Any, int]) -> dict[str, Any]:
    """A page of jobs, with how many there are in each state."""
    return {
        "total": found.total,
        "counts": {str(state): number for state, number in counts.items()},
        "jobs": [_row(job, executions) for job, executions in found.jobs],
    }


def opened(seen: Seen) -> dict[str, Any]:
    """All about one job."""
    executions = seen.executions[-MOST_EXECUTIONS:]
    return {
        **_row(seen.job, seen.executions),
        "spec": _spec(seen.job),
        "labels": dict(seen.job.labels),
        "meta": dict(seen.job.meta),
        "executions": [_execution(each) for each in executions],
        "more_executions": len(seen.executions) - len(executions),
        "history": [_line(item) for item in _events(seen.history[-MOST_LINES:])],
        "more_history": max(0, len(seen.history) - MOST_LINES),
    }


def brief(execution: Execution) -> dict[str, Any]:
    """An execution in a list of what runs on a node."""
    return {
        "id": execution.id,
        "job": execution.job_id,
        "name": execution.job.name,
        "partition": execution.partition,
        "state": str(execution.compute),
    }


def _row(job: Job, executions: Sequence[Execution]) -> dict[str, Any]:
    task = job.task if job.tasks else None
    exits = {each.output.exit_code for each in executions if each.output and each.compute is ComputeState.COMPLETED}
    return {
        "id": job.id,
        "name": job.name,
        "namespace": job.namespace,
        "type": job.type,
        "engine": task.engine.type if task else "",
        "image": str((task.engine.params or {}).get("Image", "")) if task else "",
        "count": job.count,
        "version": job.version,
        "state": str(job.state),
        "message": job.message,
        "created": time_text(job.create_time),
        "modified": time_text(job.modify_time),
        # A job whose program failed is Completed; -1 is a wasm program that returned normally.
        "exit_codes": sorted(exits - {0, -1}),
        "runs": {str(state): number for state, number in Counter(each.compute for each in executions).items()},
    }


def _spec(job: Job) -> str:
    """The job's task as readable text; the one thing that a page may show of it that is not worth a field."""
    return "\n\n".join(json.dumps(asdict(task), indent=2, ensure_ascii=False, default=str) for task in job.tasks)


def _execution(execution: Execution) -> dict[str, Any]:
    output = execution.output
    return {
        "id": execution.id,
        "node": execution.node_id,
        "partition": execution.partition,
        "version": execution.job_version,
        "desired": str(execution.desired),
        "state": str(execution.compute),
        "message": execution.compute_message or execution.desired_message,
        "created": time_text(execution.create_time),
        "modified": time_text(execution.modify_time),
        "is_live": execution.is_live,
        "exit_code": output.exit_code if output else None,
        "stdout": output.stdout if output else "",
        "stderr": output.stderr if output else "",
        "published": execution.published.type,
    }


def _events(history: Iterable[HistoryItem]) -> list[HistoryItem]:
    return [item for item in history if item.event is not None or item.new is not None]


def _line(item: HistoryItem) -> dict[str, Any]:
    event = item.event
    return {
        "time": time_text(item.time),
        "execution": item.execution_id,
        "topic": event.topic if event else f"{item.previous} to {item.new}",
        "message": event.message if event else item.comment,
        "is_error": bool(event and event.details.get("IsError") == "true"),
        "hint": event.details.get("Hint", "") if event else "",
    }
