"""Both clocks keep the same promise; the virtual one moves only when told."""

from __future__ import annotations

import asyncio

from orchestrator_stub.clock import SECOND, VIRTUAL_START, RealClock, VirtualClock


def test_virtual_time_starts_at_a_round_date_and_stands_still():
    """Two runs would not compare equal."""
    clock = VirtualClock()
    first, second = clock.now(), clock.now()
    assert first - VIRTUAL_START == 1
    assert second - first == 1, "readings stay in order without time passing"


def test_timers_run_at_their_own_time_and_in_order():
    """A backoff would fire after a later timeout, or both at the end."""
    clock, seen = VirtualClock(), []
    start = clock.now()
    for seconds in (30, 10, 20):
        clock.call_at(start + seconds * SECOND, lambda s=seconds: seen.append((s, (clock.now() - start) // SECOND)))
    clock.advance(25)
    assert seen == [(10, 10), (20, 20)]
    clock.advance(5)
    assert seen[-1] == (30, 30)


def test_a_timer_that_a_timer_sets_runs_in_the_same_advance():
    """A day of retries would need a day of calls."""
    clock, seen = VirtualClock(), []

    def again():
        seen.append(clock.now())
        clock.call_at(clock.now() + 60 * SECOND, again)

    clock.call_at(clock.now() + 60 * SECOND, again)
    clock.advance(600.5)
    assert len(seen) == 10


def test_a_cancelled_timer_never_runs():
    """A stopped job would time out afterwards."""
    clock, seen = VirtualClock(), []
    timer = clock.call_at(clock.now() + SECOND, lambda: seen.append(1))
    timer.cancel()
    timer.cancel()
    clock.advance(2)
    assert seen == []
    assert clock.next_due() is None


def test_timers_of_live_jobs_are_told_from_the_stubs_own():
    """An idle stub would never look idle, because of its heartbeats."""
    clock = VirtualClock()
    now = clock.now()
    clock.call_at(now + SECOND, lambda: None, holds=False)
    clock.call_at(now + 2 * SECOND, lambda: None)
    assert clock.next_due() == now + SECOND
    assert clock.next_due(holding_only=True) == now + 2 * SECOND


async def test_the_real_clock_calls_back_from_the_loop_and_never_repeats_a_reading():
    """Two events of one nanosecond could change places."""
    clock, called = RealClock(), asyncio.Event()
    readings = [clock.now() for _ in range(1000)]
    assert readings == sorted(set(readings))
    clock.call_at(clock.now(), called.set)
    await asyncio.wait_for(called.wait(), 5)


async def test_whoever_sleeps_wakes_when_it_is_time_and_not_before():
    """A scripted run would end at once, or never."""
    clock, seen = VirtualClock(), []

    async def run(seconds):
        await clock.sleep(seconds)
        seen.append((seconds, (clock.peek() - VIRTUAL_START) // SECOND))

    tasks = [asyncio.create_task(run(seconds)) for seconds in (20, 10, 0)]
    await asyncio.sleep(0.001)
    assert seen == [(0, 0)], "no time is over at once"
    for _ in range(3):
        clock.advance(10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert seen == [(0, 0), (10, 10), (20, 20)]
    await asyncio.gather(*tasks)


async def test_a_cancelled_sleeper_leaves_no_timer():
    """A stopped job would keep the clock busy until its run would have ended."""
    clock = VirtualClock()
    sleeper, for_ever = asyncio.create_task(clock.sleep(3600)), asyncio.create_task(clock.for_ever())
    await asyncio.sleep(0)
    assert clock.next_due(holding_only=True) == VIRTUAL_START + 3600 * SECOND
    for task in (sleeper, for_ever):
        task.cancel()
    await asyncio.gather(sleeper, for_ever, return_exceptions=True)
    assert clock.next_due() is None


async def test_the_real_clock_sleeps_in_real_time():
    """Scripted runs would never end without a virtual clock."""
    clock = RealClock()
    before = clock.now()
    await clock.sleep(0.01)
    assert clock.peek() - before >= 9_000_000


def test_looking_at_the_time_changes_nothing():
    """Two runs would differ by how often somebody looked."""
    clock = VirtualClock()
    assert clock.peek() == clock.peek() == VIRTUAL_START
    assert clock.now() - VIRTUAL_START == 1
    real = RealClock()
    assert real.now() <= real.peek() < real.now()


def test_a_million_timers_that_were_cancelled_take_no_room():
    """A stub that runs for weeks would grow by every execution's timeout."""
    clock = VirtualClock()
    kept = [clock.call_at(clock.now() + 3600 * SECOND, lambda: None, holds=number % 2 == 0) for number in range(10)]
    for _ in range(10_000):
        clock.call_at(clock.now() + 86_400 * SECOND, lambda: None).cancel()
    assert len(clock._timers) < 200
    assert len(clock._holding) < 200
    for _ in range(10_000):
        clock.call_at(clock.now() + 1, lambda: None)
        clock.advance_to(clock.peek() + 2)
    assert len(clock._holding) < 200
    assert not any(timer.over for timer in kept)


def test_timers_that_hold_are_told():
    """Open log streams would miss that there is something to wait for."""
    clock, told = VirtualClock(), []
    clock.awaited = lambda: told.append("awaited")
    clock.call_at(clock.now() + SECOND, lambda: told.append("called"), holds=False)
    clock.call_at(clock.now() + SECOND, lambda: None)
    clock.advance(2)
    assert told == ["awaited", "called"]
