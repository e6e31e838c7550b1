"""The calls of `/orchestrator/jobs`: one pure function per operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

from airflow_provider_bacalhau.client.call import Call
from airflow_provider_bacalhau.client.calls.query import query_pairs
from airflow_provider_bacalhau.errors import ApiError, ConfigError, Rejected
from airflow_provider_bacalhau.models.base import fold
from airflow_provider_bacalhau.models.capabilities import Capabilities
from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.job import Job
from airflow_provider_bacalhau.models.responses import HistoryItem, Page, Stopped, Submitted
from airflow_provider_bacalhau.models.results import PublishedResult

T = TypeVar("T")

JOBS = "/api/v1/orchestrator/jobs"
_PAGE_WORDS: Mapping[str, str] = {"created_at": "create_time", "modified_at": "modify_time"}
_RELEASED_WORDS: Mapping[str, str] = {"create_time": "created_at", "modify_time": "modified_at"}


Described = tuple[Job, list[Execution], list[HistoryItem]]
"""A job with its executions and events."""


@dataclass(frozen=True, slots=True)
class Description:
    """A job with its executions and history; None where the server did not send them along (`include` is unknown)."""

    job: Job
    executions: tuple[Execution, ...] | None = None
    history: tuple[HistoryItem, ...] | None = None

    def missing(self) -> Call[Description] | None:
        """The next call that fetches what the server did not send along, by the full id; None when all is there."""
        namespace = self.job.namespace or None
        if self.executions is None:
            executions = get_executions(self.job.id, namespace=namespace)
            return _then(executions, lambda page: replace(self, executions=page.items))
        if self.history is None:
            history = get_history(self.job.id, namespace=namespace)
            return _then(history, lambda page: replace(self, history=page.items))
        return None

    def parts(self) -> Described:
        """Job, executions, history."""
        return self.job, list(self.executions or ()), list(self.history or ())


def submit(job: Mapping[str, Any], *, force: bool = False) -> Call[Submitted]:
    """Submit a job. Never sent twice by the client: up to 1.7 each arrival makes a job (fact sheet 4.8).

    :param force: update a job of the same name although nothing changed (1.8+; ignored before).
    """
    body: dict[str, Any] = {"Job": dict(job)} | ({"Force": True} if force else {})
    return Call("submit the job", "PUT", JOBS, lambda data, _: Submitted.read(data), body=body, idempotent=False)


def check_submit() -> Call[None]:
    """Prove the right to submit without effect: `{}` is refused with 400 by a server that would take a job."""

    def passed(error: ApiError) -> None:
        if type(error) is Rejected and error.status == 400:
            return
        raise error

    return Call("check the right to submit", "PUT", JOBS, _nothing_expected, body={}, recover=passed)


def get(job_id: str, *, namespace: str | None = None) -> Call[Job]:
    """One job by full or short id, or by name (1.8+)."""
    query = query_pairs(namespace=namespace)
    return Call(f"read job {job_id}", "GET", _path(job_id), lambda data, _: _job(data), query=query)


def describe(job_id: str, *, namespace: str | None = None) -> Call[Description]:
    """A job with its executions and up to 100 events; the server behind the user's document ignores `include`."""

    def read(data: Any, capabilities: Capabilities) -> Description:
        wire = fold(data)
        return Description(
            _job(data),
            _executions(wire["executions"], capabilities).items if "executions" in wire else None,
            _history(wire["history"], capabilities).items if "history" in wire else None,
        )

    query = query_pairs(include="executions,history", namespace=namespace)
    return Call(f"read job {job_id}", "GET", _path(job_id), read, query=query)


def list_jobs(
    capabilities: Capabilities,
    *,
    namespace: str | None = None,
    labels: str | Sequence[str] | None = None,
    limit: int | None = None,
    next_token: str | None = None,
    order_by: str | None = None,
    reverse: bool = False,
) -> Call[Page[Job]]:
    """Jobs of a namespace ("*" or None: of all).

    :param labels: selectors ("env in (prod,dev)"), one or several that must all hold.
    :param order_by: create_time or modify_time; created_at and modified_at mean the same, each server gets its word.
    """
    query = query_pairs(
        namespace=namespace,
        labels=labels,
        limit=limit,
        next_token=next_token,
        order_by=_word(capabilities, order_by),
        reverse=reverse,
    )
    return Call("list jobs", "GET", JOBS, lambda data, _: Page.read(data, "jobs", Job.read), query=query)


def stop(job_id: str, *, reason: str = "", namespace: str | None = None) -> Call[Stopped]:
    """Stop a job. The reason goes into the body, where released servers read it, and into the query (document)."""
    query = query_pairs(reason=reason, namespace=namespace)
    return Call(
        f"stop job {job_id}", "DELETE", _path(job_id), lambda data, _: Stopped.read(data), query, {"reason": reason}
    )


@dataclass(frozen=True, slots=True)
class Window:
    """Which events of a job: `since` in seconds since 1970, `event_type` "all", "job" or "execution"."""

    since: float | None = None
    event_type: str | None = None
    execution_id: str | None = None
    node_id: str | None = None
    limit: int | None = None
    next_token: str | None = None


def get_history(job_id: str, window: Window = Window(), *, namespace: str | None = None) -> Call[Page[HistoryItem]]:
    """Events of a job, oldest first. :raises ConfigError: an unknown event type or a negative limit."""
    if window.event_type not in (None, "all", "job", "execution"):
        raise ConfigError(f"event_type is {window.event_type!r}: it is all, job or execution.")
    query = query_pairs(
        since=None if window.since is None else int(window.since),
        event_type=window.event_type,
        execution_id=window.execution_id,
        node_id=window.node_id,
        limit=window.limit,
        next_token=window.next_token,
        namespace=namespace,
    )
    return Call(f"read the history of job {job_id}", "GET", _path(job_id, "history"), _history, query=query)


def get_executions(
    job_id: str,
    *,
    limit: int | None = None,
    next_token: str | None = None,
    order_by: str | None = None,
    reverse: bool = False,
    namespace: str | None = None,
) -> Call[Page[Execution]]:
    """Executions of a job.

    :param order_by: create_time or modify_time (read by each release); id and state by the document's server only.
    """
    query = query_pairs(
        limit=limit,
        next_token=next_token,
        order_by=_PAGE_WORDS.get(order_by or "", order_by),
        reverse=reverse,
        namespace=namespace,
    )
    return Call(f"read the executions of job {job_id}", "GET", _path(job_id, "executions"), _executions, query=query)


def get_results(job_id: str, *, namespace: str | None = None) -> Call[Page[PublishedResult]]:
    """What completed executions published (batch and ops jobs). Pre-signed URLs differ at every call and expire."""
    return Call(
        f"read the results of job {job_id}",
        "GET",
        _path(job_id, "results"),
        lambda data, _: Page.read(data, "results", PublishedResult.read),
        query=query_pairs(namespace=namespace),
    )


def logs(
    job_id: str,
    *,
    execution_id: str | None = None,
    follow: bool = True,
    tail: bool = False,
    namespace: str | None = None,
) -> Call[None]:
    """The log socket of a job; it has no JSON answer, its frames are read by `protocol.read_frame`.

    :param tail: only what comes from now on, not the last lines (fact sheet 11.3).
    """
    query = query_pairs(execution_id=execution_id, follow=follow, tail=tail, namespace=namespace)
    return Call(f"read the log of job {job_id}", "GET", _path(job_id, "logs"), _nothing_expected, query=query)


def _then(call: Call[T], apply: Callable[[T], Description]) -> Call[Description]:
    return Call(call.name, call.method, call.path, lambda data, facts: apply(call.parse(data, facts)), call.query)


def _path(job_id: str, *parts: str) -> str:
    if not job_id or job_id in (".", ".."):
        raise ConfigError(f"A job id is needed, not {job_id!r}.")
    return "/".join((JOBS, quote(job_id, safe=""), *parts))


def _word(capabilities: Capabilities, order_by: str | None) -> str | None:
    words = _PAGE_WORDS if capabilities.docs_shapes else _RELEASED_WORDS
    return words.get(order_by or "", order_by)


def _job(data: Any) -> Job:
    return Job.read(fold(data).get("job"))


def _executions(data: Any, capabilities: Capabilities) -> Page[Execution]:
    return Page.read(data, "executions", lambda one: Execution.read(one, capabilities))


def _history(data: Any, capabilities: Capabilities) -> Page[HistoryItem]:
    return Page.read(data, "history", lambda one: HistoryItem.read(one, capabilities))


def _nothing_expected(data: Any, _: Capabilities) -> None:
    msg = f"unexpected answer {str(data)[:80]!r}"
    raise ValueError(msg)
