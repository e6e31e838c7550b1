"""What holds a virtual clock, and what has turns on it."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator_stub.clock import RealClock, VirtualClock
from orchestrator_stub.engine.turns import Turn, Turns
from orchestrator_stub.engine.underway import UnderWay


class House:
    """An UnderWay and its turns."""

    def __init__(self, clock):
        self.clock = clock
        self.turns = Turns(clock)
        self.under_way = UnderWay(clock, self.turns)
        self.sleepers = []
        self.go_on = asyncio.Event()

    async def step(self, sleeper):
        """Remembers what it may sleep by, and waits to be let go."""
        self.sleepers.append(sleeper)
        await self.go_on.wait()


async def test_real_steps_hold_the_clock_until_they_are_over():
    """A virtual six hours would pass while a real program has not even started."""
    house = House(VirtualClock())
    task = house.under_way.begin(house.step, on_clock=False)
    assert house.under_way.real == 1, "from the order on, not from its first step on"
    told = asyncio.create_task(house.under_way.news.heard())
    await asyncio.sleep(0)
    assert house.sleepers == [house.clock]
    assert not told.done()
    house.go_on.set()
    await asyncio.wait_for(told, 1)
    assert task.done()
    assert house.under_way.real == house.turns.awake == 0


@pytest.mark.parametrize(("on_clock", "ends"), [(True, True), (True, False), (False, False)])
async def test_services_and_runs_on_the_clock_hold_nothing(on_clock, ends):
    """A service would stop time for as long as it runs, a scripted run for ever."""
    house = House(VirtualClock())
    house.under_way.begin(house.step, on_clock=on_clock, ends=ends)
    assert house.under_way.real == 0
    assert house.turns.awake == on_clock
    await house.under_way.close()


async def test_steps_on_a_virtual_clock_have_turns_in_the_order_of_their_beginning():
    """Two runs with one seed would publish in different orders."""
    house, order = House(VirtualClock()), []

    def step(name):
        async def run(sleeper):
            order.append(name)
            assert isinstance(sleeper, Turn)
            await house.go_on.wait()

        return run

    tasks = [house.under_way.begin(step(name), on_clock=True) for name in "abc"]
    for _ in range(5):
        await asyncio.sleep(0)
    assert order == ["a"]
    house.go_on.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 1)
    assert order == ["a", "b", "c"]


async def test_in_real_time_all_act_at_once():
    """Uploads of scripted runs would wait for each other for nothing."""
    house = House(RealClock())
    for _ in range(3):
        house.under_way.begin(house.step, on_clock=True)
    await asyncio.sleep(0)
    assert house.sleepers == [house.clock] * 3
    await house.under_way.close()


async def test_a_step_that_breaks_leaves_its_turn_and_the_clock():
    """One broken runner would stop the time of the whole stub."""
    house = House(VirtualClock())

    async def breaks(_):
        raise KeyError("oops")

    tasks = [house.under_way.begin(breaks, on_clock=on_clock) for on_clock in (True, False)]
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert house.under_way.real == house.turns.awake == 0
    assert [type(task.exception()) for task in tasks] == [KeyError, KeyError]


async def test_close_ends_those_that_wait_for_their_turn_too():
    """A stub would not end while runs are in line."""
    house = House(VirtualClock())
    tasks = [house.under_way.begin(house.step, on_clock=True) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.wait_for(house.under_way.close(), 1)
    assert all(task.cancelled() for task in tasks)
    await asyncio.sleep(0)
    assert house.turns.awake == 0
