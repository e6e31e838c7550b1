"""Time moves from instant to instant, for whoever may move it, and never past what really runs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from orchestrator_stub.clock import SECOND, VIRTUAL_START, RealClock, VirtualClock
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Constraint, Resources, Timeouts
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.engine.pace import Pace
from orchestrator_stub.engine.turns import Turns
from orchestrator_stub.engine.underway import UnderWay
from orchestrator_stub.store.queries import HistoryQuery

SIX_HOURS = 6 * 3600
NOWHERE = (Constraint("zone", "=", ("nowhere",)),)


def seconds(cluster: Any) -> float:
    """Virtual time since the start; what readings add is not shown."""
    return round((cluster.clock.peek() - VIRTUAL_START) / SECOND, 3)


def hold(cluster: Any) -> asyncio.Event:
    """Real work that goes on until the event is set."""
    over = asyncio.Event()

    async def work(_: object) -> None:
        await over.wait()

    cluster.orchestrator.pace._under_way.begin(work, on_clock=False)
    return over


async def test_nothing_moves_by_itself(build: Any) -> None:
    """A test that looks twice would see two different things."""
    cluster = build(outcome={"after": 10})
    job = cluster.submit("a")
    for _ in range(3):
        await cluster.orchestrator.pace.settle()
        assert await cluster.orchestrator.pace.jump() is False
    assert cluster.state(job) is JobState.RUNNING
    assert seconds(cluster) == 0


async def test_settling_carries_out_all_that_is_due(build: Any) -> None:
    """An answer would leave before what its request brought about is done."""
    cluster = build()
    jobs = [cluster.submit(f"j{number}") for number in range(50)]
    await cluster.orchestrator.pace.settle()
    assert {cluster.state(job) for job in jobs} == {JobState.COMPLETED}
    assert seconds(cluster) == 0


async def test_what_happens_on_the_way_happens_at_its_own_time(build: Any) -> None:
    """A day's history would have one time stamp."""
    cluster = build(outcome={"after": 100})
    job = cluster.submit("a", priority=1)
    later = [cluster.submit(f"j{number}", task_timeouts=Timeouts(execution=30)) for number in range(3)]
    await cluster.orchestrator.pace.advance(86_400)
    assert seconds(cluster) == 86_400
    assert cluster.state(job) is JobState.COMPLETED
    ended = cluster.execution(job).modify_time - VIRTUAL_START
    assert ended // SECOND == 100
    for each in later:
        times = [
            (item.time - VIRTUAL_START) // SECOND
            for item in cluster.orchestrator.history(each, HistoryQuery()).items
            if item.event and "timed out" in item.event.message
        ]
        assert times == [30, 60], "two tries, one after the other, each to its limit"


async def test_a_run_that_begins_on_the_way_goes_on_from_there(build: Any) -> None:
    """Jobs in a node's queue would all start at the end of the advance."""
    cluster = build(outcome={"after": 10})
    jobs = [cluster.submit(f"j{number}", task_resources=Resources(cpu="1")) for number in range(5)]
    await cluster.orchestrator.pace.advance(1000)
    ends = [(cluster.execution(job).modify_time - VIRTUAL_START) // SECOND for job in jobs]
    assert ends == [10, 10, 20, 20, 30], "the node has two cores"


async def test_a_day_with_a_thousand_jobs_takes_no_second(build: Any) -> None:
    """A day of scheduling would not fit into a test."""
    cluster = build(node={"capacity": Capacity(1000.0, 10**15, 10**15, 0)})
    scripted, queued = [], []
    for number in range(500):
        cluster.runner.outcome = replace(cluster.runner.outcome, after=number * 60 + 30, stdout=b"done")
        scripted.append(cluster.submit(f"scripted-{number}"))
        await cluster.orchestrator.pace.settle()
        limit = Timeouts(queue=90 + number)
        queued.append(cluster.submit(f"queued-{number}", constraints=NOWHERE, task_timeouts=limit))
    begun = time.process_time()
    await cluster.orchestrator.pace.advance(86_400)
    took = time.process_time() - begun
    assert {cluster.state(job) for job in scripted} == {JobState.COMPLETED}
    assert {cluster.state(job) for job in queued} == {JobState.FAILED}
    assert cluster.execution(scripted[-1]).modify_time // SECOND == VIRTUAL_START // SECOND + 499 * 60 + 30
    assert took < 1.5, "half a second here; the rest is for slower machines"


async def test_a_queued_job_is_looked_at_again_in_virtual_time(build: Any) -> None:
    """The retries of a queue would need a real hour of waiting."""
    cluster = build()
    job = cluster.submit("a", constraints=NOWHERE, task_timeouts=Timeouts(queue=600))
    assert cluster.state(job) is JobState.QUEUED
    await cluster.orchestrator.pace.advance(599)
    assert cluster.state(job) is JobState.QUEUED
    await cluster.orchestrator.pace.advance(120)
    assert cluster.state(job) is JobState.FAILED


async def test_a_dropped_node_is_missed_in_virtual_time(build: Any) -> None:
    """The loss of a node would have to be waited for."""
    cluster = build(nodes=2, outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.orchestrator.pace.settle()
    where = cluster.execution(job).node_id
    cluster.orchestrator.fleet.drop(where)
    await cluster.orchestrator.pace.advance(40)
    assert cluster.orchestrator.get_node(where).connection == "CONNECTED"
    await cluster.orchestrator.pace.advance(60)
    assert cluster.orchestrator.get_node(where).connection == "DISCONNECTED"


async def test_auto_jumps_to_the_next_instant_and_no_further(build: Any) -> None:
    """A client would miss what its job goes through, or never see its end."""
    cluster = build(outcome={"after": SIX_HOURS})
    cluster.clock.mode = "auto"
    pace = cluster.orchestrator.pace
    job = cluster.submit("a")
    await pace.settle()
    cluster.runner.outcome = replace(cluster.runner.outcome, after=60)
    soon = cluster.submit("b")
    await pace.settle()
    assert await pace.jump() is True
    assert (cluster.state(soon), cluster.state(job), seconds(cluster)) == (JobState.COMPLETED, JobState.RUNNING, 60)
    assert await pace.jump() is True
    assert (cluster.state(job), seconds(cluster)) == (JobState.COMPLETED, SIX_HOURS)
    assert await pace.jump() is False, "nothing that a job waits for is left"
    assert seconds(cluster) == SIX_HOURS


@pytest.mark.parametrize("kind", ["service", "batch"])
async def test_what_hangs_is_idle(build: Any, kind: str) -> None:
    """Time would race on for a client that watches a service, with every heartbeat."""
    cluster = build(outcome={"hang": True})
    cluster.clock.mode = "auto"
    cluster.submit("a", kind=kind)
    await cluster.orchestrator.pace.settle()
    assert await cluster.orchestrator.pace.jump() is False
    await cluster.orchestrator.pace.run_until_idle()
    assert seconds(cluster) == 0


async def test_running_until_idle_ends_all_that_ends(build: Any) -> None:
    """A test would have to know how long its jobs take."""
    cluster = build(outcome={"after": 40})
    jobs = [cluster.submit(f"j{number}") for number in range(20)]
    await cluster.orchestrator.pace.run_until_idle()
    assert {cluster.state(job) for job in jobs} == {JobState.COMPLETED}


async def test_real_work_holds_the_clock_and_takes_no_time(build: Any) -> None:
    """A scripted timeout would end a job whose real program has not had a chance."""
    cluster = build(outcome={"after": 10})
    cluster.clock.mode = "auto"
    pace = cluster.orchestrator.pace
    job, over = cluster.submit("a"), hold(cluster)
    await pace.settle()
    assert await pace.jump() is False
    moves = [asyncio.create_task(pace.advance(20)), asyncio.create_task(pace.run_until_idle())]
    for _ in range(50):
        await asyncio.sleep(0)
    assert not any(move.done() for move in moves)
    assert (cluster.state(job), seconds(cluster)) == (JobState.RUNNING, 0)
    over.set()
    await asyncio.wait_for(asyncio.gather(*moves), 1)
    assert (cluster.state(job), seconds(cluster)) == (JobState.COMPLETED, 20)


async def test_two_who_wait_at_once_move_time_once(build: Any) -> None:
    """Each of a hundred clients that look at the same moment would skip an instant of its own."""
    cluster = build(outcome={"after": 10})
    cluster.clock.mode = "auto"
    pace = cluster.orchestrator.pace
    first = cluster.submit("a")
    await pace.settle()
    cluster.runner.outcome = replace(cluster.runner.outcome, after=20)
    second = cluster.submit("b")
    await pace.settle()
    assert await asyncio.gather(*(pace.jump() for _ in range(5))) == [True] * 5
    assert (cluster.state(first), cluster.state(second)) == (JobState.COMPLETED, JobState.RUNNING)


async def test_time_passes_until_something_comes(build: Any) -> None:
    """An open log stream would wait for ever for lines that are hours away."""
    cluster = build(outcome={"after": SIX_HOURS})
    cluster.clock.mode = "auto"
    pace = cluster.orchestrator.pace
    job = cluster.submit("a")

    async def over() -> None:
        while cluster.state(job) is JobState.RUNNING:
            await asyncio.sleep(0)

    await asyncio.wait_for(pace.pass_time_until(asyncio.ensure_future(over())), 5)
    assert seconds(cluster) == SIX_HOURS


@pytest.mark.parametrize("news", ["timer", "mode", "real work over"])
async def test_whoever_waits_hears_that_time_can_go_on(build: Any, news: str) -> None:
    """A stream that was opened before its job was submitted, or while another one really ran, would never go on."""
    cluster = build(outcome={"after": 10})
    pace = cluster.orchestrator.pace
    cluster.clock.mode = "virtual" if news == "mode" else "auto"
    over = hold(cluster) if news == "real work over" else asyncio.Event()
    if news != "timer":
        cluster.submit("a")
    thing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cluster.clock.call_at(VIRTUAL_START + 5 * SECOND, lambda: thing.set_result(None), holds=False)
    waiting = asyncio.create_task(pace.pass_time_until(thing))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    if news == "timer":
        cluster.submit("a")
    elif news == "mode":
        pace.change_mode("auto")
    over.set()
    await asyncio.wait_for(waiting, 1)


async def test_following_hands_on_everything_and_closes_what_it_follows(build: Any) -> None:
    """Lines of a log would be lost, or its file stay open after the client has left."""
    cluster = build()
    closed = []

    async def things() -> Any:
        try:
            for number in range(3):
                yield str(number)
            await asyncio.get_running_loop().create_future()
        finally:
            closed.append(True)

    source, seen = things(), []
    follower = cluster.orchestrator.pace.follow(source)

    async def read() -> None:
        async for thing in follower:
            seen.append(thing)

    reading = asyncio.create_task(read())
    for _ in range(200):
        await asyncio.sleep(0)
    assert seen == ["0", "1", "2"]
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await source.aclose()
    assert closed == [True]


async def test_the_end_of_what_is_followed_is_the_end(build: Any) -> None:
    """A log stream would stay open after its last line."""
    cluster = build()

    async def things() -> Any:
        yield "only"

    assert [thing async for thing in cluster.orchestrator.pace.follow(things())] == ["only"]


async def test_modes_change_only_between_virtual_ones() -> None:
    """History would have times of two kinds."""
    for clock, wrong in ((VirtualClock(), "real"), (RealClock(), "virtual"), (RealClock(), "auto")):
        turns = Turns(clock)
        pace = Pace(clock, turns, UnderWay(clock, turns))
        before = clock.mode
        with pytest.raises(OrchestratorError, match=f"the clock is {before} and cannot become {wrong}") as refused:
            pace.change_mode(wrong)  # type: ignore[arg-type]
        assert (refused.value.status, clock.mode) == (409, before)
        pace.change_mode(before)
        assert pace.is_virtual is (before != "real")
        if before == "real":
            await pace.settle()
            for move in (pace.advance(1), pace.run_until_idle()):
                with pytest.raises(OrchestratorError, match="moves by itself") as told:
                    await move
                assert told.value.status == 409
        else:
            pace.change_mode("auto")
            assert pace.follows_clients


async def test_the_clock_has_an_end() -> None:
    """Times beyond what servers can write would break every answer."""
    clock = VirtualClock()
    turns = Turns(clock)
    pace = Pace(clock, turns, UnderWay(clock, turns))
    with pytest.raises(OrchestratorError, match="no further than the year 2262") as refused:
        await pace.advance(1e12)
    assert refused.value.status == 400
    assert clock.peek() == VIRTUAL_START
