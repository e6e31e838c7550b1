"""Blocking work never blocks the loop and never outlives its coroutine."""

from __future__ import annotations

import asyncio
import threading

import pytest

from orchestrator_stub.runners.threads import in_own_thread


async def test_results_and_errors_come_through():
    """A runner would end without its outcome."""
    assert await in_own_thread("t", lambda: 7, lambda: None) == 7
    with pytest.raises(ZeroDivisionError):
        await in_own_thread("t", lambda: 1 // 0, lambda: None)


async def test_a_cancelled_caller_stops_the_work_and_waits_for_it():
    """Something would still run after the engine believes it stopped."""
    stop, ended = threading.Event(), threading.Event()

    def work():
        stop.wait()
        ended.set()

    task = asyncio.create_task(in_own_thread("t", work, stop.set))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_a_second_cancellation_changes_nothing():
    """An impatient engine would leave the thread behind."""
    go, asked = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(in_own_thread("t", go.wait, lambda: loop.call_soon(asked.set)))
    await asyncio.sleep(0)
    task.cancel()
    await asked.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_many_at_once():
    """The loop's own pool has few threads; long runs would wait for each other."""
    gate = threading.Barrier(40)
    await asyncio.wait_for(asyncio.gather(*(in_own_thread("t", lambda: gate.wait(), lambda: None) for _ in range(40))), 10)
