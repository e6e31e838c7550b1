"""Executions as their nodes hold them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from orchestrator_stub.domain.job import Timeouts
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.engine.capacity import Share
from orchestrator_stub.engine.held import Held, run_limit, run_now


@pytest.mark.parametrize(
    ("kind", "limits", "seconds"),
    [
        ("batch", Timeouts(), 0),
        ("batch", Timeouts(execution=5, total=60), 5),
        ("ops", Timeouts(total=60), 60),
        ("service", Timeouts(execution=5), 0),
        ("daemon", Timeouts(total=5), 0),
    ],
)
def test_how_long_a_run_may_take(build: Any, kind: str, limits: Timeouts, seconds: int) -> None:
    """Broken: a service is ended by a limit that servers ignore, or a TotalTimeout alone limits nothing."""
    cluster = build(outcome={"hang": True}, nodes=0)
    job = cluster.job("a", kind, task_timeouts=limits)
    execution = type("Execution", (), {"job": job})()
    assert run_limit(execution) == seconds


async def test_a_task_that_was_called_off_does_not_begin(build: Any) -> None:
    """Broken: a program starts although its job was stopped in the moment before."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("a")
    share: Share[str] = Share(Capacity(1.0))
    held = Held(cluster.execution(job), Capacity(1.0), share)
    assert held.begin()
    assert held.begun
    assert not replace(held, unwanted=True).begin()
    assert not replace(held, lost=True).begin()
    await cluster.orchestrator.close()


def test_driving_what_waits_is_a_mistake_that_shows() -> None:
    """Broken: a source that waits is silently abandoned in the middle of its check."""

    async def at_once() -> None:
        return None

    async def waits() -> None:
        await asyncio.sleep(0)

    run_now(at_once())
    with pytest.raises(RuntimeError, match="waited for something"):
        run_now(waits())
