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
