"""The stub's only source of time. Everything that waits, waits on a clock, so that tests can move time by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

SECOND = 1_000_000_000
VIRTUAL_START = 1_735_689_600 * SECOND
"""2025-01-01T00:00:00Z in unix nanoseconds."""
LAST = 2**63 - 1
"""The last instant that can be written, unix nanoseconds: in the year 2262."""
Mode = Literal["real", "virtual", "auto"]
MODES: tuple[Mode, ...] = ("real", "virtual", "auto")
_FEW = 64  # cancelled timers that are not worth looking for


@dataclass(slots=True, order=True)
class Timer:
    """A callback that waits for its time."""

    due: int
    order: int
    callback: Callable[[], None] = field(compare=False)
    holds: bool = field(compare=False, default=True)
    """True for a timer of a live job; heartbeats, housekeeping and expiry are False and never keep a clock busy."""
    over: bool = field(compare=False, default=False)
    """Called back, or cancelled."""
    handle: asyncio.TimerHandle | None = field(compare=False, default=None)

    def cancel(self) -> None:
        """The callback will not be called; cancelling twice does nothing."""
        self.over = True
        self.callback = _nothing  # what it held is free now, however far away its time is
        if self.handle is not None:
            self.handle.cancel()


class Sleeper(Protocol):
    """What a run needs of time."""

    def now(self) -> int:
        """The time, unix nanoseconds; strictly increasing between calls."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Until so many seconds are over; may be cancelled."""
        ...

    async def sleep_until(self, due: int) -> None:
        """Until it is `due`, unix nanoseconds; may be cancelled."""
        ...

    async def for_ever(self) -> None:
        """Until cancelled."""
        ...


class Clock(Sleeper, Protocol):
    """Time for the engine, in unix nanoseconds."""

    mode: Mode

    def peek(self) -> int:
        """The time for those who only look: no reading counts as one, so that looking changes nothing."""
        ...

    def call_at(self, due: int, callback: Callable[[], None], *, holds: bool = True) -> Timer:
        """Call back once `due` (unix nanoseconds) has come, from the event loop."""
        ...


class _Sleeps(ABC):
    """Sleeping, made of timers."""

    @abstractmethod
    def peek(self) -> int: ...

    @abstractmethod
    def call_at(self, due: int, callback: Callable[[], None], *, holds: bool = True) -> Timer: ...

    async def sleep(self, seconds: float) -> None:
        """Until so many seconds are over; may be cancelled."""
        await self.sleep_until(self.peek() + round(seconds * SECOND))

    async def sleep_until(self, due: int) -> None:
        """Until it is `due`, unix nanoseconds; may be cancelled."""
        if self.peek() >= due:
            await asyncio.sleep(0)
            return
        over = asyncio.Event()
        timer = self.call_at(due, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()

    async def for_ever(self) -> None:
        """Until cancelled."""
        await asyncio.get_running_loop().create_future()


class RealClock(_Sleeps):
    """The machine's time."""

    mode: Mode = "real"

    def __init__(self) -> None:
        self._last = 0
        self._order = itertools.count()

    def now(self) -> int:
        """The machine's time, nudged so that no two calls see the same nanosecond."""
        self._last = max(time.time_ns(), self._last + 1)
        return self._last

    def peek(self) -> int:
        """The machine's time, never before the last reading."""
        return max(time.time_ns(), self._last)

    def call_at(self, due: int, callback: Callable[[], None], *, holds: bool = True) -> Timer:
        """Call back through the running event loop."""
        timer = Timer(due, next(self._order), callback, holds)
        delay = max(0.0, (due - time.time_ns()) / SECOND)
        timer.handle = asyncio.get_running_loop().call_later(delay, callback)
        return timer


class VirtualClock(_Sleeps):
    """Time that stands still until it is told to move."""

    def __init__(self, start: int = VIRTUAL_START, mode: Mode = "virtual") -> None:
        """`mode`: "virtual" or "auto", which is the same here: who moves this clock tells them apart."""
        self.mode = mode
        self.awaited: Callable[[], None] = _nothing
        """Called when there is one more timer that holds."""
        self._now = start
        self._order = itertools.count()
        self._timers: list[Timer] = []
        self._holding: list[Timer] = []
        self._enough = _FEW

    def now(self) -> int:
        """The virtual time; each reading is one nanosecond later than the last, so that order is never lost."""
        self._now += 1
        return self._now

    def peek(self) -> int:
        """The virtual time as the last reading saw it."""
        return self._now

    def call_at(self, due: int, callback: Callable[[], None], *, holds: bool = True) -> Timer:
        """Remember the callback until time is moved to `due`."""
        timer = Timer(due, next(self._order), callback, holds)
        if len(self._timers) >= self._enough:
            self._clear()
        heapq.heappush(self._timers, timer)
        if holds:
            heapq.heappush(self._holding, timer)
            self.awaited()
        return timer

    def next_due(self, *, holding_only: bool = False) -> int | None:
        """When the next timer is due, unix nanoseconds; None when nothing waits."""
        timers = self._holding if holding_only else self._timers
        while timers and timers[0].over:
            heapq.heappop(timers)
        return timers[0].due if timers else None

    def advance(self, seconds: float) -> None:
        """Move time forward, running every timer on the way at its own time and in order."""
        self.advance_to(self._now + round(seconds * SECOND))

    def advance_to(self, target: int) -> None:
        """Move time to `target` (unix nanoseconds); timers that callbacks add on the way run too."""
        while (due := self.next_due()) is not None and due <= target:
            timer = heapq.heappop(self._timers)
            timer.over = True
            self._now = max(self._now, timer.due)
            timer.callback()
        self._now = max(self._now, target)
        self.next_due(holding_only=True)  # forget those that have been called

    def _clear(self) -> None:
        """Forget what was cancelled long before its time; what is kept may double until the next time."""
        for timers in (self._timers, self._holding):
            timers[:] = [timer for timer in timers if not timer.over]
            heapq.heapify(timers)
        self._enough = max(_FEW, 2 * len(self._timers))


def _nothing() -> None:
    pass
