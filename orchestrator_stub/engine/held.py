"""An execution as its node holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from orchestrator_stub.clock import Timer
from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import JobType
from orchestrator_stub.domain.topics import execution_expired
from orchestrator_stub.engine.capacity import Share
from orchestrator_stub.engine.run import Attempt
from orchestrator_stub.runners.base import Runner

RESERVED = -1
"""Ticket of an execution that has its resources already (an offer of a node up to 1.5.2)."""


@dataclass(slots=True)
class Held:
    """An execution that a node knows of."""

    execution: Execution
    wants: Capacity
    share: Share[str]
    """Of the node; a node that starts again has a new one."""
    taken: bool = False
    """The orchestrator has taken the offer, or needs none."""
    ticket: int | None = None
    """Its place in the node's queue."""
    runner: Runner | None = None
    """What runs it; None before its bid."""
    task: asyncio.Task[None] | None = None
    attempt: Attempt | None = None
    begun: bool = False
    """The task has taken its first step: a task that is cancelled before never runs, not even its clean-up."""
    running_since: int = 0
    """Unix nanoseconds; 0 before it runs."""
    unwanted: bool = False
    """The orchestrator has called it off."""
    lost: bool = False
    """The node went down with it: nobody hears of it any more."""
    keeps_capacity: bool = False
    """Its end does not give back what it took."""
    pause: Timer | None = None
    """Of a slow node, before its next step."""
    waited: float = 0.0
    """Seconds of its time to run that a slow node needed to begin."""

    @property
    def is_over(self) -> bool:
        """True when whatever still runs of it is to end unheard or as stopped."""
        return self.unwanted or self.lost

    @property
    def is_wasm(self) -> bool:
        """True for a wasm program."""
        return self.execution.job.task.engine.type.lower() == "wasm"

    def goes_on(self, release: Release, *, runs: bool) -> bool:
        """With `--strict`: True when the node never hears of a stop; where only the capacity is not given back, that is
        noted.

        A wasm program is ended all the same: nothing of it could be seen but what it holds.

        :param runs: it holds capacity to run with
        """
        if not self.taken:
            return False
        if release.stopped_runs_go_on:
            self.keeps_capacity = self.is_wasm and runs
            return not self.is_wasm
        if release.stopped_daemons_keep_capacity and self.execution.job.type == JobType.DAEMON:
            self.keeps_capacity = runs
        return False

    def end_pause(self) -> bool:
        """The step that a slow node was going to take is not wanted any more; True when there was one."""
        if self.pause is None:
            return False
        self.pause.cancel()
        self.pause = None
        return True

    @property
    def is_late(self) -> bool:
        """True when a slow node needed all its time to begin."""
        return 0 < run_limit(self.execution) <= self.waited

    @property
    def expiry(self) -> Event:
        """What is said of it when its time is over."""
        return execution_expired(run_limit(self.execution))

    def begin(self) -> bool:
        """The first step of its task; False when it was called off before."""
        self.begun = True
        return not self.is_over


def run_limit(execution: Execution) -> int:
    """Seconds that a run may take, 0 = for ever; services and daemons know no limit."""
    if JobType(execution.job.type).is_long_running:
        return 0
    limits = execution.job.task.timeouts
    return max(0, limits.execution or limits.total)


def run_now(step: Coroutine[Any, Any, None]) -> None:
    """Drive a coroutine that waits for nothing to its end."""
    try:
        step.send(None)
    except StopIteration:
        return
    step.close()
    raise RuntimeError("a source that was to answer at once waited for something")
