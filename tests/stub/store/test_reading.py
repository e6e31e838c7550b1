"""Lists and pages (fact sheet 7; scenarios 08, 09, 10, 22, 23)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.selector import parse_selector
from orchestrator_stub.domain.states import ComputeState, JobState
from orchestrator_stub.store import reading
from orchestrator_stub.store.paging import PageToken, parse_token
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery

R193, R170, DOCS = RELEASES["1.9.3"], RELEASES["1.7.0"], RELEASES["docs"]


def names(page: Any) -> list[str]:
    """Names of the jobs on a page."""
    return [job.name for job in page.items]


def test_jobs_come_oldest_first(shelf: Any) -> None:
    """Broken: the default order is not creation, or reverse and modified_at do nothing."""
    for _ in range(3):
        shelf.add()
    listed = [
        names(reading.list_jobs(shelf.store, query, R193))
        for query in (JobQuery(), JobQuery(reverse=True), JobQuery(order_by="modified_at"))
    ]
    assert listed == [["name-1", "name-2", "name-3"], ["name-3", "name-2", "name-1"], ["name-3", "name-2", "name-1"]]


def test_unknown_order_is_a_masked_error(shelf: Any) -> None:
    """Broken: an unknown order_by is ignored."""
    with pytest.raises(OrchestratorError, match="Internal server error") as refused:
        reading.list_jobs(shelf.store, JobQuery(order_by="name"), R193)
    assert refused.value.status == 500


@pytest.mark.parametrize(("namespace", "found"), [("", 3), ("*", 3), ("team", 1), ("other", 0)])
def test_namespaces(shelf: Any, namespace: str, found: int) -> None:
    """Broken: a list shows jobs of other namespaces."""
    shelf.add()
    shelf.add()
    shelf.add(namespace="team")
    assert len(reading.list_jobs(shelf.store, JobQuery(namespace=namespace), R193).items) == found


def test_pages_of_a_filtered_list(shelf: Any) -> None:
    """Broken: labels are applied after the limit, or the token loses its way."""
    for number in range(6):
        shelf.add(labels={"odd": "yes"} if number % 2 else {})
    query = JobQuery(labels=parse_selector("odd"), limit=2)
    first = reading.list_jobs(shelf.store, query, R193)
    assert names(first) == ["name-2", "name-4"]
    assert parse_token(first.next_token) == PageToken(2, 2, "", False)
    second = reading.list_jobs(shelf.store, replace(query, token=first.next_token), R193)
    assert (names(second), second.next_token) == (["name-6"], "")


def test_a_token_replaces_order_and_limit(shelf: Any) -> None:
    """Broken: the request's limit beats the token's."""
    for _ in range(4):
        shelf.add()
    token = str(PageToken(1, 2, "created_at", reverse=True))
    page = reading.list_jobs(shelf.store, JobQuery(token=token, limit=1), R193)
    assert names(page) == ["name-3", "name-2"]


def test_the_document_has_ten_on_a_page(shelf: Any) -> None:
    """Broken: the default limit of the user's document is not 10, or its token leads nowhere."""
    for _ in range(12):
        shelf.add()
    first = reading.list_jobs(shelf.store, JobQuery(), DOCS)
    assert len(first.items) == 10
    assert len(reading.list_jobs(shelf.store, JobQuery(token=first.next_token), DOCS).items) == 2
    assert len(reading.list_jobs(shelf.store, JobQuery(), R193).items) == 12


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("garbage", "invalid number of parts: invalid paging token: garbage"),
        ("%%", "failed to decode paging token: invalid paging token: %%"),
        ("YTpiOmM", "invalid number of parts: invalid paging token: YTpiOmM"),
        ("Y3JlYXRlZF9hdDpOOjI6eA", "malformed token: invalid paging token: Y3JlYXRlZF9hdDpOOjI6eA"),
    ],
)
def test_bad_tokens(shelf: Any, token: str, text: str) -> None:
    """Broken: a bad token is taken or refused in other words (scenario 23)."""
    with pytest.raises(OrchestratorError) as refused:
        reading.list_jobs(shelf.store, JobQuery(token=token), R193)
    assert (refused.value.status, refused.value.message) == (400, text)
    record = shelf.add()
    with pytest.raises(OrchestratorError, match="invalid next token: ") as refused:
        reading.history(record, HistoryQuery(token=token), R193)
    assert (refused.value.code, refused.value.component) == ("BadRequest", "JobStore")


def told(page: Any) -> list[str]:
    """Texts of a page of history."""
    return [item.event.message for item in page.items]


def test_history_of_a_finished_job_ends(shelf: Any) -> None:
    """Broken: a client that reads until the token is empty never ends, or misses the last items."""
    record = shelf.add()
    shelf.happen(record, "a", "b", "c")
    first = reading.history(record, HistoryQuery(limit=2), R193)
    assert (told(first), parse_token(first.next_token)) == (["a", "b"], PageToken(3, 2))
    second = reading.history(record, HistoryQuery(limit=2, token=first.next_token), R193)
    assert (told(second), second.next_token) == (["c"], "")
    assert reading.history(record, HistoryQuery(), R193).next_token == ""


def test_history_of_a_live_job_goes_on(shelf: Any) -> None:
    """Broken: the token of a running job ends early, or an empty page moves it (`:N:0:4` stays `:N:0:4`)."""
    record = shelf.add(state=JobState.RUNNING)
    shelf.happen(record, "a", "b", "c")
    page = reading.history(record, HistoryQuery(), R193)
    assert parse_token(page.next_token) == PageToken(4, 0)
    empty = reading.history(record, HistoryQuery(token=page.next_token), R193)
    assert (empty.items, empty.next_token) == ((), page.next_token)
    shelf.happen(record, "d")
    assert told(reading.history(record, HistoryQuery(token=empty.next_token), R193)) == ["d"]


def test_the_document_pages_its_history(shelf: Any) -> None:
    """Broken: the document's history has a token on its last page (a live job's too), or none before it."""
    record = shelf.add(state=JobState.PENDING)
    shelf.happen(record, "a", "b", "c")
    first = reading.history(record, HistoryQuery(limit=2), DOCS)
    second = reading.history(record, HistoryQuery(limit=2, token=first.next_token), DOCS)
    assert (told(first), told(second), second.next_token) == (["a", "b"], ["c"], "")


def test_history_filters(shelf: Any) -> None:
    """Broken: since, event_type or execution_id let the wrong items through."""
    record = shelf.add()
    shelf.happen(record, "job 1", "job 2")
    shelf.happen(record, "execution", execution_id="e-123")
    record.executions.append(execution(record, "e-123"))
    for query, texts in (
        (HistoryQuery(level="job"), ["job 1", "job 2"]),
        (HistoryQuery(level="execution"), ["execution"]),
        (HistoryQuery(since_s=2), ["job 2", "execution"]),
        (HistoryQuery(execution_id="e-123"), ["execution"]),
    ):
        assert told(reading.history(record, query, R193)) == texts


def test_history_by_a_short_execution_id_breaks_at_the_end(shelf: Any) -> None:
    """Broken: 1.8+ finds an execution by prefix when it decides about the next page (fact sheet 6.3)."""
    record = shelf.add()
    shelf.happen(record, "execution", execution_id="e-123")
    record.executions.append(execution(record, "e-123"))
    with pytest.raises(OrchestratorError, match="execution not found: e-1"):
        reading.history(record, HistoryQuery(execution_id="e-1"), R193)
    with pytest.raises(OrchestratorError, match="multiple executions found for id e-nope") as refused:
        reading.history(record, HistoryQuery(execution_id="e-nope"), R170)
    assert refused.value.status == 500


def test_versions_have_their_own_history(shelf: Any) -> None:
    """Broken: the history of the latest version shows the earlier ones, or a version hides its own."""
    record = shelf.add()
    shelf.happen(record, "one")
    shelf.store.put_job(record, replace(record.job, version=2))
    shelf.happen(record, "two")
    for query, texts in (
        (HistoryQuery(), ["two"]),
        (HistoryQuery(version=1), ["one"]),
        (HistoryQuery(version=9), []),
        (HistoryQuery(all_versions=True), ["one", "two"]),
    ):
        assert told(reading.history(record, query, R193)) == texts


def execution(record: Any, execution_id: str, created: int = 1, modified: int = 1) -> Execution:
    """A finished execution of the job."""
    return Execution(
        execution_id,
        record.job.namespace,
        "",
        "n",
        record.job.id,
        record.job,
        record.job.version,
        compute=ComputeState.COMPLETED,
        create_time=created,
        modify_time=modified,
    )


def test_executions_in_their_orders(shelf: Any) -> None:
    """Broken: executions are not oldest first, or order_by, reverse and limit do nothing."""
    record = shelf.add()
    record.executions += [execution(record, "e-b", 1, 9), execution(record, "e-a", 2, 8)]
    for query, ids in (
        (ExecutionQuery(), ["e-b", "e-a"]),
        (ExecutionQuery(reverse=True), ["e-a", "e-b"]),
        (ExecutionQuery(order_by="modified_at"), ["e-a", "e-b"]),
        (ExecutionQuery(limit=1), ["e-b"]),
        (ExecutionQuery(namespace="other"), []),
        (ExecutionQuery(namespace="*"), []),
    ):
        assert [e.id for e in reading.executions(record, query, R193).items] == ids
    assert len(reading.executions(record, ExecutionQuery(order_by="nope"), R193).items) == 2
    with pytest.raises(OrchestratorError, match="Internal server error"):
        reading.executions(record, ExecutionQuery(order_by="nope"), R170)
