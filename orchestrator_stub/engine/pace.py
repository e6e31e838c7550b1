"""How a virtual clock moves: from instant to instant, and only when nothing else can happen at the one it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, TypeVar

from orchestrator_stub.clock import LAST, MODES, SECOND, Clock, Mode, VirtualClock
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.engine.turns import Turns
from orchestrator_stub.engine.underway import UnderWay

T = TypeVar("T")

_READ = 16
"""Rounds of the event loop until what a run wrote is on its way to those who follow its log."""


class Pace:
    """What is awake, what holds the clock, and what is next. Real time has its own pace: there nothing is done here."""

    def __init__(self, clock: Clock, turns: Turns, under_way: UnderWay) -> None:
        self.first_mode: Mode = clock.mode
        self._clock = clock if isinstance(clock, VirtualClock) else None
        self._turns = turns
        self._under_way = under_way
        self._moving = asyncio.Lock()
        self._moves = 0
        if self._clock is not None:
            self._clock.awaited = under_way.news.ring

    @property
    def is_virtual(self) -> bool:
        """False where time moves by itself."""
        return self._clock is not None

    @property
    def follows_clients(self) -> bool:
        """True in mode auto: time moves for clients that are seen waiting."""
        return self._clock is not None and self._clock.mode == "auto"

    def change_mode(self, mode: Mode) -> None:
        """From virtual to auto or back. Raises OrchestratorError 409 from or to real: what happened has its times."""
        now = self._clock.mode if self._clock is not None else MODES[0]
        if mode == now:
            return
        if self._clock is None or mode == "real":
            raise OrchestratorError(
                409, f"the clock is {now} and cannot become {mode} while the stub runs: start one with --clock {mode}"
            )
        self._clock.mode = mode
        self._under_way.news.ring()

    async def settle(self) -> None:
        """Until all that is due now is done: every run on the clock sleeps or is over."""
        if self._clock is None:
            return
        before = -1
        while self._turns.changes != before:  # a round of the event loop in which nobody moves: no stop is on its way
            before = self._turns.changes
            await asyncio.sleep(0)
            await self._turns.all_asleep()
            due = self._clock.next_due()
            if due is not None and due <= self._clock.peek():
                self._clock.advance_to(self._clock.peek())
                before = -1

    async def advance(self, seconds: float) -> None:
        """Move on, with all that happens on the way; real work is waited for, and takes no time.

        Raises OrchestratorError 409 where time moves by itself, 400 when it would go beyond the last year.
        """
        clock = self._to_move()
        if seconds > (LAST - clock.peek()) / SECOND:
            year = datetime.fromtimestamp(LAST // SECOND, UTC).year
            raise OrchestratorError(400, f"advance: the clock goes no further than the year {year}")
        target = clock.peek() + round(seconds * SECOND)
        async with self._moving:
            await self._go_to(clock, target)

    async def run_until_idle(self) -> None:
        """Go on until no job waits for anything but clients. Raises OrchestratorError 409 where time moves by itself.
        """
        clock = self._to_move()
        async with self._moving:
            await self._rest()
            while (due := clock.next_due(holding_only=True)) is not None:
                await self._go_to(clock, due)

    async def jump(self) -> bool:
        """Mode auto: go on to the next instant that a job waits for, since somebody waits for the job.

        True when time has moved since the call, by whomever; False when nothing would happen, or real work holds it.
        """
        before = self._moves
        async with self._moving:
            await self.settle()
            clock = self._clock
            if clock is None or self._moves != before:
                return self._moves != before
            due = clock.next_due(holding_only=True)
            if due is None or clock.mode != "auto" or self._under_way.real:
                return False
            await self._step(clock, due)
            while clock.peek() < due and not self._under_way.real:
                await self._step(clock, due)
            return True

    async def follow(self, things: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """The same things; in mode auto time goes on for as long as the next one does not come."""
        while True:
            coming = asyncio.ensure_future(anext(things, None))
            try:
                await self.pass_time_until(coming)
            finally:
                if not coming.done():
                    coming.cancel()
                    await asyncio.wait({coming})
            thing = coming.result()
            if thing is None:
                return
            yield thing

    async def pass_time_until(self, thing: asyncio.Future[Any]) -> None:
        """Until `thing` is done; in mode auto time goes on meanwhile."""
        while not thing.done():
            news = asyncio.ensure_future(self._under_way.news.heard())
            try:
                for _ in range(_READ):
                    await asyncio.sleep(0)
                if not thing.done() and not (self.follows_clients and await self.jump()):
                    await asyncio.wait({thing, news}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                news.cancel()

    def _to_move(self) -> VirtualClock:
        if self._clock is None:
            raise OrchestratorError(
                409, "the clock is real and moves by itself: start the stub with --clock virtual or --clock auto"
            )
        return self._clock

    async def _go_to(self, clock: VirtualClock, target: int) -> None:
        """Instant by instant, each of them to its end."""
        await self._rest()
        while clock.peek() < target:
            await self._step(clock, target)
            if self._under_way.real:
                await self._rest()

    async def _step(self, clock: VirtualClock, target: int) -> None:
        """To the next instant at which anything happens, but not beyond `target`; all that is due then."""
        due = clock.next_due()
        self._moves += 1
        clock.advance_to(target if due is None else min(due, target))
        await self.settle()

    async def _rest(self) -> None:
        """Until nothing happens any more without time moving."""
        await self.settle()
        while self._under_way.real:
            await self._under_way.news.heard()
            await self.settle()
