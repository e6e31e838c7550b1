"""What the nodes have under way: checks and runs, on the clock or in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from orchestrator_stub.clock import Clock, Sleeper
from orchestrator_stub.engine.turns import Turn, Turns
from orchestrator_stub.logs.bell import Bell

Step = Callable[[Sleeper], Coroutine[Any, Any, None]]
"""Called with what it may sleep by."""


class UnderWay:
    """The tasks of all nodes."""

    def __init__(self, clock: Clock, turns: Turns) -> None:
        self._clock = clock
        self._turns = turns
        self._tasks: set[asyncio.Task[None]] = set()
        self._real = 0
        self.news = Bell()
        """Rung when something that held the clock is over."""

    @property
    def real(self) -> int:
        """How many hold a virtual clock: they take real time and will end."""
        return self._real

    def begin(self, step: Step, *, on_clock: bool, ends: bool = True) -> asyncio.Task[None]:
        """Carry out a step.

        :param on_clock: its time is the clock's; with a virtual one it then has turns, and stands in line from now on
        :param ends: it is expected to end by itself; services are not, and hold no clock
        """
        turn = self._turns.join() if on_clock and self._clock.mode != "real" else None
        task = asyncio.get_running_loop().create_task(self._carry_out(step, turn))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if turn is not None:
            task.add_done_callback(lambda _: turn.end())
        elif ends and not on_clock:
            self._real += 1
            task.add_done_callback(self._ended)
        return task

    async def _carry_out(self, step: Step, turn: Turn | None) -> None:
        if turn is not None:
            await turn.comes()
        await step(turn or self._clock)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._real -= 1
        self.news.ring()

    async def close(self) -> None:
        """Stop all."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
