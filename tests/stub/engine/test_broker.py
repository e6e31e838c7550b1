"""Looks at jobs: one at a time, in order, each when it is due."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from orchestrator_stub.clock import SECOND, RealClock, VirtualClock
from orchestrator_stub.domain.events import Evaluation
from orchestrator_stub.engine.broker import ORDERS_AT_A_TIME, Broker


def evaluation(name: str, due: int = 0) -> Evaluation:
    """An evaluation called `name`."""
    return Evaluation(name, "j-1", "test", due)


def test_what_follows_is_done_before_the_call_returns() -> None:
    """Broken: a submit answers before the work that is due is done, or two looks overlap."""
    seen: list[str] = []
    depth: list[int] = []

    def process(one: Evaluation) -> None:
        depth.append(1)
        if one.id == "first":
            broker.enqueue(evaluation("follows"))
            broker.enqueue(evaluation("last"))
            assert seen == []
        seen.append(one.id)

    broker = Broker(VirtualClock(), process)
    broker.enqueue(evaluation("first"))
    assert seen == ["first", "follows", "last"]


def test_later_looks_wait_on_the_clock() -> None:
    """Broken: a backoff is not kept."""
    clock = VirtualClock()
    seen: list[str] = []
    broker = Broker(clock, lambda one: seen.append(one.id))
    broker.enqueue(evaluation("later", clock.now() + 60 * SECOND))
    clock.advance(59)
    assert seen == []
    clock.advance(2)
    assert seen == ["later"]


def test_a_look_that_breaks_does_not_stop_the_next() -> None:
    """Broken: after one error no job is ever looked at again."""
    seen: list[str] = []

    def process(one: Evaluation) -> None:
        if one.id == "broken":
            raise KeyError("broken")
        seen.append(one.id)

    broker = Broker(VirtualClock(), process)
    with pytest.raises(KeyError):
        broker.enqueue(evaluation("broken"))
    broker.enqueue(evaluation("next"))
    assert seen == ["next"]


def test_what_is_cleared_is_never_looked_at() -> None:
    """Broken: after a reset the clock still waits for jobs that are gone."""
    clock = VirtualClock()
    seen: list[str] = []
    broker = Broker(clock, lambda one: seen.append(one.id))
    for name, seconds in (("soon", 1), ("later", 60)):
        broker.enqueue(evaluation(name, clock.now() + seconds * SECOND))
    clock.advance(2)
    broker.clear()
    assert clock.next_due() is None
    clock.advance(60)
    broker.enqueue(evaluation("new", clock.now() + SECOND))
    clock.advance(2)
    assert seen == ["soon", "new"]


# Long work in real time.


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the machine's watch takes a millisecond."""
    times = itertools.count(1)
    monkeypatch.setattr("orchestrator_stub.engine.broker.time.perf_counter", lambda: next(times) / 1000)


@pytest.mark.usefixtures("watch")
async def test_others_are_served_while_long_work_goes_on() -> None:
    """Broken: nobody gets an answer until a job has been placed on each of a thousand nodes."""
    seen: list[str] = []

    def process(one: Evaluation) -> None:
        seen.append(one.id)
        if one.id == "0":
            for number in range(1, 30):
                broker.enqueue(evaluation(str(number)))

    broker = Broker(RealClock(), process)
    broker.enqueue(evaluation("0"))
    assert 0 < len(seen) < 10
    assert broker.is_behind
    done, rounds = asyncio.ensure_future(broker.done()), 0
    while not done.done():
        await asyncio.sleep(0)
        rounds += 1
    assert rounds > 5
    assert (seen, broker.is_behind) == ([str(number) for number in range(30)], False)


async def test_orders_come_before_the_next_look_and_a_few_at_a_time() -> None:
    """Broken: a thousand runs begin in one moment, in which nobody else is served, or orders change places."""
    seen: list[str] = []

    def process(one: Evaluation) -> None:
        seen.append(one.id)
        for number in range(10 if one.id == "first" else 0):
            broker.follow(lambda order=number: seen.append(f"order {order}"))

    broker = Broker(RealClock(), process)
    broker.enqueue(evaluation("first"))
    broker.enqueue(evaluation("second"))
    assert seen == ["first", *(f"order {number}" for number in range(ORDERS_AT_A_TIME))]
    await broker.done()
    assert seen == ["first", *(f"order {number}" for number in range(10)), "second"]


@pytest.mark.usefixtures("watch")
async def test_a_look_that_breaks_in_between_does_not_stop_the_rest() -> None:
    """Broken: after one error answers that wait for the rest never come."""
    seen: list[str] = []

    def process(one: Evaluation) -> None:
        if one.id == "first":
            for number in range(20):
                broker.enqueue(evaluation(str(number)))
        if one.id in ("10", "19"):
            raise KeyError(one.id)
        seen.append(one.id)

    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    broker = Broker(RealClock(), process)
    broker.enqueue(evaluation("first"))
    async with asyncio.timeout(5):
        await broker.done()
    assert len(errors) == 2
    assert seen == ["first", *(str(number) for number in range(20) if number not in (10, 19))]


@pytest.mark.usefixtures("watch")
def test_on_a_virtual_clock_all_is_done_at_once() -> None:
    """Broken: virtual time goes on while something that was due before is not done."""
    seen: list[str] = []
    broker = Broker(VirtualClock(), lambda one: seen.append(one.id))
    for number in range(100):
        broker.follow(lambda order=number: seen.append(f"order {order}"))
    broker.enqueue(evaluation("a"))
    assert (len(seen), broker.is_behind) == (101, False)
