"""Executions and history, against recorded answers."""

from __future__ import annotations

import json

import pytest

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.states import ComputeState
from orchestrator_stub.wire.execution import execution_fields, history_fields, time_text
from orchestrator_stub.wire.gojson import dumps
from orchestrator_stub.wire.job import parse_job


@pytest.mark.parametrize(("scenario", "step"), [("06", "executions"), ("11", "executions"), ("21", "execution")])
def test_executions_come_back_byte_for_byte(release, steps, rebuild, scenario, step):
    """A key, an order or a number of an execution would differ from a real server's."""
    body = steps(scenario)[step]["body"]
    items = json.loads(body)["Items"]
    assert items
    shown = [execution_fields(rebuild.execution(item, embedded(item, release), release), release) for item in items]
    assert dumps({"NextToken": "", "Items": shown}).decode() == body


def embedded(item, release):
    """The job inside a recorded execution, where the release shows it."""
    if "Job" not in item:
        return None
    state = item["Job"]["State"]["StateType"]
    job = parse_job({**item["Job"], "State": {"StateType": state}}, release)
    from dataclasses import replace

    from orchestrator_stub.domain.states import JobState

    return replace(job, state=JobState(state))


@pytest.mark.parametrize(("scenario", "step"), [("06", "history"), ("21", "history"), ("21", "history-failed")])
def test_history_lines_keep_keys_and_order(release, steps, rebuild, scenario, step):
    """A line of the history would differ from a real server's in more than its times."""
    items = json.loads(steps(scenario)[step]["body"])["Items"]
    shown = [history_fields(rebuild.history_item(item), release) for item in items]
    for line, item in zip(shown, items, strict=True):
        line["Event"]["Timestamp"] = item["Event"]["Timestamp"]
        assert json.dumps(line) == json.dumps(item)


def test_old_clients_get_state_objects(release, steps, rebuild):
    """A 1.4 client would miss the objects that it dereferences."""
    item = rebuild.history_item(json.loads(steps("06")["history"]["body"])["Items"][0])
    assert list(history_fields(item, release, with_states=True))[-1] == "JobState"


def test_a_transition_without_event_is_not_shown(release):
    """Released servers' histories would grow lines that they never had."""
    item = HistoryItem(0, 0, "j", 1, "e", new=ComputeState.NEW)
    assert history_fields(item, release) is None


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0001-01-01T00:00:00Z"),
        (1_735_689_600 * 10**9, "2025-01-01T00:00:00Z"),
        (1_735_689_600 * 10**9 + 120_000_000, "2025-01-01T00:00:00.12Z"),
        (1_735_689_600 * 10**9 + 1, "2025-01-01T00:00:00.000000001Z"),
    ],
)
def test_times_carry_only_the_digits_they_need(nanoseconds, text):
    """Timestamps would not be RFC 3339 as Go writes it."""
    assert time_text(nanoseconds) == text
