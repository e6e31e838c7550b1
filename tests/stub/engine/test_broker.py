"""Looks at jobs: one at a time, in order, each when it is due."""

from __future__ import annotations

import pytest

from orchestrator_stub.clock import SECOND, VirtualClock
from orchestrator_stub.domain.events import Evaluation
from orchestrator_stub.engine.broker import Broker


def evaluation(name: str, due: int = 0) -> Evaluation:
    """An evaluation called `name`."""
    return Evaluation(name, "j-1", "test", due)


def test_what_follows_is_done_before_the_call_returns() -> None:
    """Broken: a submit answers before the work that is due is done, or two looks overlap."""
    seen: list[str] = []
    depth: list[int] = []

    def process(one: Evaluation) -> None:
        depth.append(1)
        if one.id == "first":
            broker.enqueue(evaluation("follows"))
            broker.enqueue(evaluation("last"))
            assert seen == []
        seen.append(one.id)

    broker = Broker(VirtualClock(), process)
    broker.enqueue(evaluation("first"))
    assert seen == ["first", "follows", "last"]


def test_later_looks_wait_on_the_clock() -> None:
    """Broken: a backoff is not kept."""
    clock = VirtualClock()
    seen: list[str] = []
    broker = Broker(clock, lambda one: seen.append(one.id))
    broker.enqueue(evaluation("later", clock.now() + 60 * SECOND))
    clock.advance(59)
    assert seen == []
    clock.advance(2)
    assert seen == ["later"]


def test_a_look_that_breaks_does_not_stop_the_next() -> None:
    """Broken: after one error no job is ever looked at again."""
    seen: list[str] = []

    def process(one: Evaluation) -> None:
        if one.id == "broken":
            raise KeyError("broken")
        seen.append(one.id)

    broker = Broker(VirtualClock(), process)
    with pytest.raises(KeyError):
        broker.enqueue(evaluation("broken"))
    broker.enqueue(evaluation("next"))
    assert seen == ["next"]
