"""The stub's only source of time. Everything that waits, waits on a clock, so that tests can move time by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

SECOND = 1_000_000_000
VIRTUAL_START = 1_735_689_600 * SECOND
"""2025-01-01T00:00:00Z in unix nanoseconds."""


@dataclass(slots=True, order=True)
class Timer:
    """A callback that waits for its time."""

    due: int
    order: int
    callback: Callable[[], None] = field(compare=False)
    holds: bool = field(compare=False, default=True)
    """True for a timer of a live job; heartbeats, housekeeping and expiry are False and never keep a clock busy."""
    cancelled: bool = field(compare=False, default=False)
    handle: asyncio.TimerHandle | None = field(compare=False, default=None)

    def cancel(self) -> None:
        """The callback will not be called; cancelling twice does nothing."""
        self.cancelled = True
        if self.handle is not None:
            self.handle.cancel()


class Clock(Protocol):
    """Time for the engine, in unix nanoseconds."""

    mode: str

    def now(self) -> int:
        """The time, unix nanoseconds; strictly increasing between calls."""
        ...

    def call_at(self, due: int, callback: Callable[[], None], *, holds: bool = True) -> Timer:
        """Call back once `due` (unix nanoseconds) has come, from the event loop."""
        ...


class RealClock:
    """The machine's time."""

    mode = "real"

    def __init__(self) -> None:
        self._last = 0
        self._order = itertools.count()

    def now(self) -> int:
        """The machine's time, nudged so that no two calls see the same nanosecond."""
        self._last = max(time.time_ns(), self._last + 1)
        return self._last

    def call_at(self, due: int, callback: Callable[[], None], *, holds: bool = True) -> Timer:
        """Call back through the running event loop."""
        timer = Timer(due, next(self._order), callback, holds)
        delay = max(0.0, (due - time.time_ns()) / SECOND)
        timer.handle = asyncio.get_running_loop().call_later(delay, callback)
        return timer


class VirtualClock:
    """Time that stands still until it is told to move."""

    mode = "virtual"

    def __init__(self, start: int = VIRTUAL_START) -> None:
        self._now = start
        self._order = itertools.count()
        self._timers: list[Timer] = []

    def now(self) -> int:
        """The virtual time; each reading is one nanosecond later than the last, so that order is never lost."""
        self._now += 1
        return self._now

    def call_at(self, due: int, callback: Callable[[], None], *, holds: bool = True) -> Timer:
        """Remember the callback until time is moved to `due`."""
        timer = Timer(due, next(self._order), callback, holds)
        heapq.heappush(self._timers, timer)
        return timer

    def next_due(self, *, holding_only: bool = False) -> int | None:
        """When the next timer is due, unix nanoseconds; None when nothing waits."""
        waiting = [t.due for t in self._timers if not t.cancelled and (t.holds or not holding_only)]
        return min(waiting, default=None)

    def advance(self, seconds: float) -> None:
        """Move time forward, running every timer on the way at its own time and in order."""
        self.advance_to(self._now + int(seconds * SECOND))

    def advance_to(self, target: int) -> None:
        """Move time to `target` (unix nanoseconds); timers that callbacks add on the way run too."""
        while self._timers and self._timers[0].due <= target:
            timer = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            self._now = max(self._now, timer.due)
            timer.callback()
        self._now = max(self._now, target)
