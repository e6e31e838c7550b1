"""Daemon jobs: everywhere, as long as they are wanted (fact sheet 5.8)."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.domain.states import ComputeState, JobState

GB = 1_000_000_000
BID, RUNS = ComputeState.ASK_FOR_BID_ACCEPTED, ComputeState.BID_ACCEPTED
DONE, FAILED = ComputeState.COMPLETED, ComputeState.FAILED


@pytest.mark.parametrize(("release", "placed"), [("1.7.0", 0), ("1.8.0", 1)])
def test_daemon_replaces_an_ended_execution_since_18(world: Any, release: str, placed: int) -> None:
    """Broken: daemons are replaced on 1.7, or not on 1.8."""
    job = world.job("daemon", count=0, state=JobState.RUNNING)
    ended = world.execution(job, world.node(), FAILED)
    assert len(world.decide(job, [world.node()], [ended], release=release).new) == placed
