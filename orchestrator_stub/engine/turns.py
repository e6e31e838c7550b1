"""Whose turn it is: of the runs whose time is the clock's, one acts at a time.

What such a run does between two sleeps may wait for threads and files, whose order no seed can fix. So it has its turn
until it sleeps again, and those that woke up meanwhile stand in line in the order of their waking.
"""

from __future__ import annotations

import asyncio
from collections import deque

from orchestrator_stub.clock import SECOND, Clock
from orchestrator_stub.logs.bell import Bell


class Turns:
    """The line of those that are awake."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.changes = 0
        """How often anybody woke up or fell asleep."""
        self._acting: Turn | None = None
        self._line: deque[Turn] = deque()
        self._rest = Bell()

    @property
    def awake(self) -> int:
        """How many act or wait for their turn."""
        return len(self._line) + (self._acting is not None)

    def join(self) -> Turn:
        """A run begins: it stands in line from now on, and waits for its turn by `Turn.comes`."""
        turn = Turn(self, self._clock)
        self.stand(turn)
        return turn

    async def all_asleep(self) -> None:
        """Until nobody is awake."""
        while self.awake:
            await self._rest.heard()

    # For turns.

    def stand(self, turn: Turn) -> None:
        """At the end of the line."""
        self.changes += 1
        self._line.append(turn)
        self._next()

    def leave(self, turn: Turn) -> None:
        """Out of its turn or out of the line; leaving twice does nothing."""
        self.changes += 1
        if self._acting is turn:
            self._acting = None
            self._next()
        elif turn in self._line:
            self._line.remove(turn)
        if not self.awake:
            self._rest.ring()

    def _next(self) -> None:
        if self._acting is None and self._line:
            self._acting = self._line.popleft()
            self._acting.grant()

    def is_acting(self, turn: Turn) -> bool:
        """Whether it is this one's turn."""
        return self._acting is turn


class Turn:
    """A run's place; what it sleeps by (a `clock.Sleeper`)."""

    def __init__(self, turns: Turns, clock: Clock) -> None:
        self._turns = turns
        self._clock = clock
        self._waiter: asyncio.Future[None] | None = None

    def now(self) -> int:
        """The time, unix nanoseconds."""
        return self._clock.now()

    async def comes(self) -> None:
        """Until it is this run's turn. Who is cancelled meanwhile learns of it only then: what follows from that has
        its place in the order, too."""
        is_cancelled = False
        while not self._turns.is_acting(self):
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            except asyncio.CancelledError:
                is_cancelled = True
        if is_cancelled:
            raise asyncio.CancelledError

    async def sleep(self, seconds: float) -> None:
        """Until so many seconds are over and it is this run's turn again; may be cancelled."""
        await self.sleep_until(self._clock.peek() + round(seconds * SECOND))

    async def sleep_until(self, due: int) -> None:
        """Until it is `due` (unix nanoseconds) and this run's turn again; may be cancelled."""
        if due > self._clock.peek():
            await self._sleep(due)

    async def for_ever(self) -> None:
        """Until cancelled, and this run's turn."""
        await self._sleep(None)

    async def _sleep(self, due: int | None) -> None:
        woken = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():  # else it is cancelled, and will stand in line for that
                woken.set_result(None)
                self._turns.stand(self)

        timer = self._clock.call_at(due, wake) if due is not None else None
        self._turns.leave(self)
        try:
            await woken
        except asyncio.CancelledError:
            if woken.cancelled():
                self._turns.stand(self)
            await self.comes()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        await self.comes()

    def end(self) -> None:
        """The run is over; the next one's turn has come."""
        self._turns.leave(self)

    def grant(self) -> None:
        """Called by `Turns`: the turn has come."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
