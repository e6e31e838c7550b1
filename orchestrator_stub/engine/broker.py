"""The queue of looks to take at jobs; one at a time, each to its end."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from orchestrator_stub.clock import Clock, Timer
from orchestrator_stub.domain.events import Evaluation
from orchestrator_stub.logs.bell import Bell

AT_A_TIME_S = 0.004
"""Real seconds of work between two rounds of the event loop, in which others are served; the last piece may exceed it.
"""
ORDERS_AT_A_TIME = 4
"""And so many orders to nodes: each of them may begin a run, and all that began run in the next round."""


class Broker:
    """Hands evaluations to the one who processes them, in order; those for later wait on the clock.

    In real time nobody shall have to wait for the end of long work, such as a job that runs on each of a thousand
    nodes: there only the beginning of it is done at once, the rest between rounds of the event loop (`done` waits for
    that). On a virtual clock all is done at once, since time must not go on before.
    """

    def __init__(self, clock: Clock, process: Callable[[Evaluation], None]) -> None:
        self._clock = clock
        self._process = process
        self._queue: deque[Evaluation] = deque()
        self._later: dict[str, Timer] = {}
        self._orders: deque[Callable[[], None]] = deque()
        self._busy = False
        self._may_pause = clock.mode == "real"
        self._pause_at = 0.0
        self._orders_left = 0
        self._rest = Bell()

    @property
    def is_behind(self) -> bool:
        """True while something that is due is not done."""
        return bool(self._orders or self._queue)

    async def done(self) -> None:
        """Until nothing is due."""
        while self.is_behind:
            await self._rest.heard()

    def enqueue(self, evaluation: Evaluation) -> None:
        """Add an evaluation and work until nothing is due, or it takes too long.

        Called while one is being processed it only adds: what follows from an evaluation is done by the same drain,
        so when the outermost call returns, all work that was due is done.
        """
        if evaluation.due:
            self._later[evaluation.id] = self._clock.call_at(evaluation.due, lambda: self._come(evaluation))
            return
        self._add(evaluation)

    def follow(self, order: Callable[[], None]) -> None:
        """Something that the evaluation being processed orders: done right after it, before the next is looked at."""
        self._orders.append(order)

    def clear(self) -> None:
        """Whatever was to be looked at is gone."""
        self._orders.clear()
        self._queue.clear()
        self._rest.ring()
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()

    def _come(self, evaluation: Evaluation) -> None:
        del self._later[evaluation.id]
        self._add(evaluation)

    def _add(self, evaluation: Evaluation) -> None:
        self._queue.append(evaluation)
        if not self._busy:
            self._work()

    def _work(self) -> None:
        self._busy = True
        try:
            while self.is_behind and not self._has_to_pause():
                if self._orders:
                    self._orders_left -= 1
                    self._orders.popleft()()
                else:
                    self._process(self._queue.popleft())
        finally:
            self._busy = False
            if not self.is_behind:
                self._rest.ring()

    def _has_to_pause(self) -> bool:
        """True when others have to be served first; the next round of the event loop goes on."""
        if not self._may_pause:
            return False
        if not self._pause_at:
            self._pause_at, self._orders_left = time.perf_counter() + AT_A_TIME_S, ORDERS_AT_A_TIME
            asyncio.get_running_loop().call_soon(self._next_round)
        return time.perf_counter() >= self._pause_at or (self._orders_left <= 0 and bool(self._orders))

    def _next_round(self) -> None:
        self._pause_at = 0.0
        if self.is_behind:
            self._work()
