"""Answers to the queries: which items, in which order, on which page (fact sheet 6, 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.store.memory import MemoryStore, Record
from orchestrator_stub.store.paging import PageToken, parse_token
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery, NodeQuery, Page

T = TypeVar("T")

_SECOND = 1_000_000_000
_HISTORY_PAGE = 100
_MASKED = "Internal server error"

_CREATED = frozenset({"", "created_at", "create_time"})
_MODIFIED = frozenset({"modified_at", "modify_time"})


def list_jobs(store: MemoryStore, query: JobQuery, release: Release) -> Page[Job]:
    """A page of jobs. Raises OrchestratorError 400 for a bad token, 500 for an unknown order."""
    at = PageToken(0, query.limit or release.list_limit_default, query.order_by, query.reverse)
    if query.token:
        at = _token(query.token)
    jobs: Iterable[Job] = (record.job for record in store.in_order(query.namespace, reverse=at.reverse))
    known = {"", "created_at"} | ({"create_time"} if release.page_shapes else set())
    if at.order_by == "modified_at":
        jobs = sorted(jobs, key=lambda job: job.modify_time, reverse=at.reverse)
    elif at.order_by == "id" and release.page_shapes:
        jobs = sorted(jobs, key=lambda job: job.id, reverse=at.reverse)
    elif at.order_by not in known:
        raise _masked()
    if query.labels is not None and query.labels.requirements:
        matches = query.labels.matches
        jobs = (job for job in jobs if matches(job.labels))
    return _page(jobs, at)


def history(record: Record, query: HistoryQuery, release: Release) -> Page[HistoryItem]:
    """A page of a job's history. Raises OrchestratorError 400 for a bad token, 404/500 for an execution id that
    the decision about a next page cannot find."""
    offset, limit = 0, query.limit
    if query.token:
        try:
            token = parse_token(query.token)
        except ValueError as error:
            text = f"invalid next token: {error}"
            raise OrchestratorError(400, text, code="BadRequest", component="JobStore") from None
        offset, limit = token.offset, query.limit or token.limit
    limit = limit or _HISTORY_PAGE
    found: list[HistoryItem] = []
    more = False
    wanted = query.version or record.job.version
    for item in record.history:
        if item.seq < offset:
            continue
        if len(found) == limit:
            more = True
            break
        if _shown(item, query, wanted):
            found.append(item)
    if release.page_shapes:
        return Page(tuple(found), str(PageToken(found[-1].seq + 1, query.limit)) if more else "")
    if not more and _is_over(record, query, release):
        return Page(tuple(found))
    return Page(tuple(found), str(PageToken(found[-1].seq + 1 if found else offset, query.limit)))


def _shown(item: HistoryItem, query: HistoryQuery, version: int) -> bool:
    if query.execution_id and not item.execution_id.startswith(query.execution_id):
        return False
    if query.node_id and not item.node_id.startswith(query.node_id):
        return False
    if item.time // _SECOND < query.since_s:
        return False
    if query.level != "all" and (query.level == "execution") != bool(item.execution_id):
        return False
    return (query.all_versions and not query.version) or item.job_version == version


def _is_over(record: Record, query: HistoryQuery, release: Release) -> bool:
    """A client may stop asking: the execution is over, or the job (fact sheet 7.3)."""
    if not query.execution_id:
        return record.job.state.is_terminal
    execution = next((e for e in record.executions if e.id == query.execution_id), None)
    if execution is not None:
        return not execution.is_live
    if release.full_id_lenient:
        raise OrchestratorError(
            500,
            f"multiple executions found for id {query.execution_id}",
            code="MultipleExecutionsFound",
            component="JobStore",
            hint="Use full execution ID",
        )
    text = f"execution not found: {query.execution_id}"
    raise OrchestratorError(404, text, code="NotFound", component="JobStore")


def executions(record: Record, query: ExecutionQuery, release: Release) -> Page[Execution]:
    """Executions of a job. Raises OrchestratorError 500 for an unknown order up to 1.7."""
    at = PageToken(0, query.limit, query.order_by, query.reverse)
    if query.token and release.page_shapes:
        at = _token(query.token)
    found = list(record.executions)
    if not (query.all_versions and not query.version):
        version = query.version or record.job.version
        found = [e for e in found if e.job_version == version]
    if query.namespace not in ("", record.job.namespace) and release.unique_names:
        found = []
    order = at.order_by or ("modify_time" if release.page_shapes else "")
    keys: Mapping[str, Callable[[Execution], Any]] = {}
    if release.page_shapes:
        keys = {"id": lambda e: e.id, "state": lambda e: release.compute_number(e.compute)}
    if order in _MODIFIED:
        found.sort(key=lambda e: e.modify_time)
    elif order in keys:
        found.sort(key=keys[order])
    elif order not in _CREATED:
        if release.executions_order_checked:
            raise _masked()
        return Page(tuple(islice(sorted(found, key=lambda e: e.id), at.limit or None)))
    if at.reverse:
        found.reverse()
    page = _page(found, at)
    return page if release.page_shapes else Page(page.items)


_NODE_KEYS: Mapping[str, Callable[[Node], Any]] = {
    "": lambda n: n.id,
    "id": lambda n: n.id,
    "type": lambda n: n.is_compute,
    "available_cpu": lambda n: -n.available.cpu,
    "available_memory": lambda n: -n.available.memory,
    "available_disk": lambda n: -n.available.disk,
    "available_gpu": lambda n: -n.available.gpu,
    "approval": lambda n: str(n.membership),
    "status": lambda n: str(n.membership),
}


def list_nodes(nodes: Iterable[Node], query: NodeQuery, release: Release) -> Page[Node]:
    """A page of `nodes`, which come as they are to be shown. Raises OrchestratorError 400 for an unknown order."""
    at = PageToken(0, query.limit or release.list_limit_default, query.order_by, query.reverse)
    if query.token and release.page_shapes:
        at = _token(query.token)
    key = _NODE_KEYS.get(at.order_by)
    if key is None:
        raise OrchestratorError(400, "invalid order_by")
    found = [
        node
        for node in nodes
        if (not query.approval or query.approval.upper() == node.membership)
        and (not query.status or query.status.upper() == node.connection)
        and (query.labels is None or query.labels.matches(node.labels))
    ]
    page = _page(sorted(found, key=key, reverse=at.reverse), at)
    return page if release.page_shapes else Page(page.items)


def find_node(store: MemoryStore, ref: str, release: Release) -> Node:
    """A node by id or prefix. Raises OrchestratorError: not found, or more than one (fact sheet 1.13)."""
    node = store.nodes.get(ref)
    if node is not None:
        return node
    hits = [n for n in store.nodes.values() if n.id.startswith(ref)]
    if len(hits) == 1:
        return hits[0]
    if release.node_update_reports:
        raise _masked()
    if not hits:
        raise OrchestratorError(404, f"node not found: {ref}", code="NotFound", component="NodesManager")
    ids = [n.id for n in hits[:3]] + (["..."] if len(hits) > 3 else [])
    raise OrchestratorError(
        409,
        f"multiple nodes found for prefix: {ref}, matching IDs: [{' '.join(ids)}]",
        code="MultipleNodesFound",
        component="NodesManager",
        hint="Use a more specific node ID prefix",
    )


def _page(items: Iterable[T], at: PageToken) -> Page[T]:
    stop = at.offset + at.limit + 1 if at.limit else None
    found = tuple(islice(items, at.offset, stop))
    if not at.limit or len(found) <= at.limit:
        return Page(found)
    after = PageToken(at.offset + at.limit, at.limit, at.order_by, at.reverse)
    return Page(found[: at.limit], str(after))


def _token(text: str) -> PageToken:
    try:
        return parse_token(text)
    except ValueError as error:
        raise OrchestratorError(400, str(error)) from None


def _masked() -> OrchestratorError:
    """What servers say about an error that they have no words for."""
    return OrchestratorError(500, _MASKED, component="Unknown")
