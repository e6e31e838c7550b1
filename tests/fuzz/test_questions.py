"""Properties of questions: selectors mean what they say, and pages hold everything once."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzer.requests import SELECTORS, TOKENS
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.events import Event, HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Constraint, Job
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.selector import SelectorError, from_constraints, parse_selector
from orchestrator_stub.domain.states import ComputeState, JobState
from orchestrator_stub.store import reading
from orchestrator_stub.store.memory import MemoryStore
from orchestrator_stub.store.paging import PageToken, parse_token
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery
from orchestrator_stub.wire.parameters import parse_query

# Selectors.

KEYS = st.sampled_from(["a", "b", "x.io/c", "in", "notin"])
VALUES = st.sampled_from(["", "p", "q", "5", "007", "in", "9" * 19])
NUMBERS = st.sampled_from(["0", "5", "007", "9223372036854775807"])
REQUIREMENTS = st.one_of(
    st.tuples(KEYS, st.sampled_from(["=", "==", "!="]), VALUES.map(lambda value: [value])),
    st.tuples(KEYS, st.sampled_from(["in", "notin"]), st.lists(VALUES, min_size=1, max_size=3, unique=True)),
    st.tuples(KEYS, st.sampled_from(["exists", "!"]), st.just([])),
    st.tuples(KEYS, st.sampled_from([">", "<"]), NUMBERS.map(lambda value: [value])),
)
LABELS = st.dictionaries(KEYS, VALUES | st.sampled_from(["-7", "+6", "9" * 5000, "5 ", "\u0665"]), max_size=4)
BLANKS = st.sampled_from(["", " "])


def written(requirement, blank):
    """A requirement as people write it."""
    key, operator, values = requirement
    if operator in ("in", "notin"):
        return f"{key} {operator} ({f',{blank}'.join(values)}{blank})"
    if operator in ("exists", "!"):
        return f"{'!' if operator == '!' else ''}{blank}{key}"
    return f"{key}{blank}{operator}{blank}{values[0]}"


def holds(requirement, labels):
    """The meaning of a requirement, from the definition and not from the code."""
    key, operator, values = requirement
    there = key in labels
    if operator in ("exists", "!"):
        return there is (operator == "exists")
    if operator in (">", "<"):
        text = labels.get(key, "")
        if not re.fullmatch("[+-]?[0-9]{1,19}", text) or not -(2**63) <= int(text) < 2**63:
            return False
        return int(text) > int(values[0]) if operator == ">" else int(text) < int(values[0])
    equal = there and labels[key] in values
    return not equal if operator in ("!=", "notin") else equal


@given(st.lists(REQUIREMENTS, max_size=3), LABELS, BLANKS)
def test_a_selector_means_what_it_says(requirements, labels, blank):
    """A list would hide jobs that it should show, or show others."""
    selector = parse_selector(f"{blank},{blank}".join(written(each, blank) for each in requirements))
    assert selector.matches(labels) is all(holds(each, labels) for each in requirements)


SCRAPS = st.sampled_from(["a", "in", "notin", "(", ")", ",", "=", "==", "!=", "!", ">", "<", "5", " ", "é", "a/b", "/", "-", "\0", "x" * 64, "9" * 30])


@given(st.lists(SCRAPS, max_size=8).map("".join) | st.text(max_size=12) | st.sampled_from(SELECTORS).map(lambda text: text.decode("utf-8", "replace")))
def test_any_selector_is_understood_or_refused(text):
    """Some text would be a traceback instead of a 400."""
    try:
        selector = parse_selector(text)
    except OrchestratorError as refused:
        assert (refused.status, refused.message != "") == (400, True)
    else:
        assert selector.matches({"a": "5", "in": ""}) in (True, False)


@given(st.builds(Constraint, st.text(max_size=4), st.sampled_from(["in", "=", "gt", "lt", "!", "exists", "~", ""]), st.lists(st.text(max_size=3) | NUMBERS, max_size=2).map(tuple)))
def test_any_constraint_is_understood_or_a_selector_error(constraint):
    """A constraint that submission lets through would end the scheduler."""
    try:
        selector = from_constraints((constraint,))
    except SelectorError:
        return
    assert selector.matches({"a": "9" * 5000}) in (True, False)


# Addresses and tokens.


@given(st.binary(max_size=40))
def test_any_query_is_taken_apart(raw):
    """Some address would be a traceback."""
    assert all(isinstance(value, str) for values in parse_query(raw).values() for value in values)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.sampled_from(["", "created_at", "modified_at", "id"]), st.booleans())
def test_tokens_come_back_as_they_were(offset, limit, order, reverse):
    """A client would go on at another place than where it stopped."""
    token = PageToken(offset, limit, order, reverse)
    assert parse_token(str(token)) == token
    assert set(str(token)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


PARTS = st.lists(st.sampled_from(["", "a", "Y", "N", "1", "-1", "4294967296", "\u00b2", "9" * 5000, "é"]), max_size=6)
ENCODED = PARTS.map(lambda parts: base64.urlsafe_b64encode(":".join(parts).encode()).decode().rstrip("="))


@given(st.text(max_size=8) | ENCODED | st.sampled_from(TOKENS).map(lambda token: token.decode("utf-8", "replace")))
def test_any_token_is_a_place_or_refused(text):
    """Some token would be a traceback, or be refused in Python's words."""
    try:
        token = parse_token(text)
    except ValueError as refused:
        assert str(refused).endswith(f"invalid paging token: {text}")
    else:
        assert 0 <= token.offset < 2**32


# Pages.

RELEASED = st.sampled_from(["docs", "1.5.2", "1.7.0", "1.9.3"]).map(RELEASES.__getitem__)


def job(number, **changes):
    """A job."""
    return Job(f"j-{number}", f"n-{number}", "default", "batch", 0, 1, create_time=number, **{"version": 1, **changes})


@given(RELEASED, st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 5)), max_size=12), st.integers(1, 5), st.booleans(), st.sampled_from(["", "created_at", "modified_at"]))
def test_pages_of_jobs_hold_each_job_once_and_in_order(release, made, limit, reverse, order):
    """A client that lists all jobs would miss some or see some twice."""
    store = MemoryStore(names=release.unique_names)
    for number, (namespace, modified) in enumerate(made):
        store.add_job(Job(f"j-{number}", f"n-{number}", namespace, "batch", 0, 1, create_time=number, modify_time=modified))
    labels = parse_selector("!nope")
    whole = reading.list_jobs(store, JobQuery(namespace="a", limit=1000, order_by=order, reverse=reverse, labels=labels), release)
    found, query = [], JobQuery(namespace="a", limit=limit, order_by=order, reverse=reverse, labels=labels)
    while True:
        page = reading.list_jobs(store, query, release)
        found += page.items
        assert len(page.items) <= limit
        if not page.next_token:
            break
        query = JobQuery(namespace="a", token=page.next_token, labels=labels)
    assert tuple(found) == whole.items
    assert {each.namespace for each in found} <= {"a"}


EVENTS = st.lists(st.tuples(st.sampled_from(["", "", "e-1", "e-2"]), st.integers(1, 3)), max_size=14)
FILTERS = st.fixed_dictionaries(
    {},
    optional={"level": st.sampled_from(["job", "execution"]), "since_s": st.integers(0, 8), "version": st.integers(1, 3), "all_versions": st.just(True)},
)


@given(RELEASED, EVENTS, FILTERS, st.integers(1, 5), st.booleans())
def test_pages_of_a_history_hold_what_the_filter_lets_through(release, events, filters, limit, over):
    """A client that follows the tokens of a history would miss an event, see one twice, or never come to an end."""
    record = MemoryStore(names=True).add_job(job(1, version=3, state=JobState.COMPLETED if over else JobState.RUNNING))
    for seq, (execution_id, version) in enumerate(events, start=1):
        record.history.append(HistoryItem(seq, seq * 10**9, "j-1", version, execution_id, event=Event("t", "m")))
    whole = reading.history(record, HistoryQuery(limit=1000, **filters), release).items
    found, token, asked = [], "", 0
    while asked <= len(events) + 2:
        page = reading.history(record, HistoryQuery(limit=limit, token=token, **filters), release)
        found += page.items
        token, asked = page.next_token, asked + 1
        if not token or (not page.items and not over):
            break
    assert tuple(found) == whole
    assert bool(token) is (not over and not release.page_shapes)
    for item in whole:
        assert item.time >= filters.get("since_s", 0) * 10**9
        assert filters.get("level", "") != ("execution" if not item.execution_id else "job")


@given(RELEASED, st.lists(st.tuples(st.integers(0, 5), st.integers(1, 2)), max_size=8), st.sampled_from(["", "created_at", "modify_time"]), st.booleans(), st.integers(0, 4))
def test_executions_are_those_of_the_version_in_the_order_asked_for(release, made, order, reverse, limit):
    """A client would be shown executions of another version, or the wrong ones first."""
    record = MemoryStore(names=True).add_job(job(1, version=2))
    for number, (modified, version) in enumerate(made):
        record.executions.append(
            Execution(f"e-{number}", "default", "", "n", "j-1", record.job, version, create_time=number, modify_time=modified, compute=ComputeState.NEW)
        )
    found = reading.executions(record, ExecutionQuery(order_by=order, reverse=reverse, limit=limit), release).items
    every = [each for each in record.executions if each.job_version == 2]
    assert len(found) == (min(limit, len(every)) if limit else len(every))
    assert set(each.id for each in found) <= set(each.id for each in every)
    by_change = order == "modify_time" or (not order and release.page_shapes)
    times = [each.modify_time if by_change else each.create_time for each in found]
    assert times == sorted(times, reverse=reverse)


@pytest.mark.parametrize("release", ["docs", "1.5.2", "1.7.0", "1.9.3"])
@given(text=st.text(max_size=6))
def test_an_unknown_order_is_refused_or_ignored_but_never_breaks(release, text):
    """Some word for an order would be a traceback."""
    record = MemoryStore(names=True).add_job(job(1))
    for ask in (
        lambda: reading.executions(record, ExecutionQuery(order_by=text), RELEASES[release]),
        lambda: reading.list_jobs(MemoryStore(names=True), JobQuery(order_by=text), RELEASES[release]),
    ):
        try:
            ask()
        except OrchestratorError as refused:
            assert (refused.status, refused.component) == (500, "Unknown")
