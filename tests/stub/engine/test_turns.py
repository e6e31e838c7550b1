"""One run on the clock acts at a time, in the order of waking."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator_stub.clock import SECOND, VirtualClock
from orchestrator_stub.engine.turns import Turns


class Runs:
    """Runs that note what they do, on one clock."""

    def __init__(self):
        self.clock = VirtualClock()
        self.turns = Turns(self.clock)
        self.done = []
        self.tasks = {}

    def begin(self, name, *steps):
        """A run; a number sleeps so many seconds, an awaitable is waited for without giving up the turn."""
        turn = self.turns.join()

        async def run():
            await turn.comes()
            try:
                for step in steps:
                    self.done.append(f"{name} acts")
                    if isinstance(step, int):
                        await turn.sleep(step)
                    elif step is None:
                        await turn.for_ever()
                    else:
                        await step
                self.done.append(f"{name} ends")
            except asyncio.CancelledError:
                self.done.append(f"{name} is stopped")
                await asyncio.sleep(0)
                self.done.append(f"{name} has cleaned up")
                raise

        task = self.tasks[name] = asyncio.create_task(run())
        task.add_done_callback(lambda _: turn.end())

    async def settle(self):
        """Let everything happen that needs no time."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def close(self):
        """Nothing is left."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


@pytest.fixture
async def runs():
    """Runs that are over at the end."""
    made = Runs()
    yield made
    await made.close()
    assert made.turns.awake == 0


async def test_who_waits_for_a_thread_lets_nobody_by(runs):
    """Which of two uploads is faster would decide what the journal of a seeded run says."""
    upload = asyncio.get_running_loop().create_future()
    runs.begin("a", upload)
    runs.begin("b")
    await runs.settle()
    assert runs.done == ["a acts"]
    assert runs.turns.awake == 2
    upload.set_result(None)
    await runs.settle()
    assert runs.done == ["a acts", "a ends", "b ends"]
    assert runs.turns.awake == 0


async def test_who_sleeps_lets_others_act_and_stands_in_line_again(runs):
    """One sleeping run would hold up all others, or two would act at once."""
    upload = asyncio.get_running_loop().create_future()
    runs.begin("a", 10, upload)
    runs.begin("b", 10)
    await runs.settle()
    assert runs.done == ["a acts", "b acts"]
    runs.clock.advance(10)
    assert runs.turns.awake == 2, "both count as awake at once, before they had a chance to run"
    await runs.settle()
    assert runs.done[2:] == ["a acts"]
    upload.set_result(None)
    await runs.settle()
    assert runs.done[2:] == ["a acts", "a ends", "b ends"]


async def test_no_time_to_sleep_keeps_the_turn(runs):
    """A stage without a delay would wait for a clock that nobody moves."""
    runs.begin("a", 0, 0)
    runs.begin("b")
    await runs.settle()
    assert runs.done == ["a acts", "a acts", "a ends", "b ends"]


async def test_who_is_stopped_cleans_up_in_its_turn(runs):
    """What follows from a stop would mix with what another run does."""
    upload = asyncio.get_running_loop().create_future()
    runs.begin("sleeper", 10)
    runs.begin("hanging", None)
    await runs.settle()
    runs.begin("busy", upload)
    await runs.settle()
    runs.tasks["hanging"].cancel()
    runs.tasks["sleeper"].cancel()
    await runs.settle()
    assert runs.done == ["sleeper acts", "hanging acts", "busy acts"]
    upload.set_result(None)
    await runs.settle()
    assert runs.done[3:] == [
        "busy ends",
        "hanging is stopped",
        "hanging has cleaned up",
        "sleeper is stopped",
        "sleeper has cleaned up",
    ]
    assert runs.clock.next_due() is None


async def test_a_stop_at_the_moment_of_waking_is_heard_once(runs):
    """A run whose limit and whose end fall on the same instant would take two turns, and hold up all others."""
    runs.begin("a", 10)
    runs.begin("b", 10)
    await runs.settle()
    runs.clock.call_at(runs.clock.now() + 10 * SECOND, lambda: None)
    runs.clock.advance(10)
    runs.tasks["a"].cancel()
    await runs.settle()
    assert runs.done[2:] == ["a is stopped", "a has cleaned up", "b ends"]
    assert runs.turns.awake == 0


async def test_a_run_that_never_begins_leaves_the_line(runs):
    """The end of a stub, or of a job that was stopped at once, would leave all others waiting for it."""
    upload = asyncio.get_running_loop().create_future()
    runs.begin("busy", upload)
    runs.begin("never")
    runs.tasks["never"].cancel()
    await runs.settle()
    runs.begin("last")
    upload.set_result(None)
    await runs.settle()
    assert runs.done == ["busy acts", "busy ends", "last ends"]


async def test_all_asleep_is_told(runs):
    """Answers would leave before what is due is done, or never."""
    upload = asyncio.get_running_loop().create_future()
    await runs.turns.all_asleep()
    runs.begin("a", upload, 10)
    told = asyncio.create_task(runs.turns.all_asleep())
    await runs.settle()
    assert not told.done()
    upload.set_result(None)
    await asyncio.wait_for(told, 1)
    assert runs.done == ["a acts", "a acts"]
