"""The faults that are set: whose turn it is, what they count, and what they hold."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator_stub.domain.fault import Delay, DropReply, DropRequest, Facts, Fault, Hang, Match, Stale
from orchestrator_stub.engine.faults import Faults

PUT, GET = Facts("PUT", "/jobs", []), Facts("GET", "/jobs", [])


class Follower:
    """A replica that is only closed."""

    def __init__(self, lag: float) -> None:
        self.lag = lag
        self.is_closed = False

    def close(self) -> None:
        """Done."""
        self.is_closed = True


@pytest.fixture
def faults():
    """None set yet."""
    return Faults(Follower, bytes)


def taken(faults: Faults, *requests: Facts) -> list[str]:
    """Which fault befalls each, "" for none."""
    found = (faults.take(facts) for facts in requests)
    return [standing.title if standing else "" for standing in found]


def test_the_first_that_is_due_befalls_a_request(faults) -> None:
    """Faults would be carried out in another order than they were added in, or two at once."""
    faults.add(Fault(DropReply(), Match(method="PUT", nth=2)))
    faults.add(Fault(Hang(), Match(times=2)))
    assert taken(faults, PUT, PUT, GET, GET, PUT) == ["f-2 hang", "f-1 drop_reply", "f-2 hang", "", ""]


def test_a_request_counts_for_every_fault_it_comes_to(faults) -> None:
    """`The third request` would be another one where another fault is set beside it."""
    faults.add(Fault(DropRequest(), Match(nth=2)))
    faults.add(Fault(DropReply(), Match(nth=2)))
    # The second request is the first one's, so the second fault sees requests 1 and 3.
    assert taken(faults, PUT, PUT, PUT, PUT) == ["", "f-1 drop_request", "f-2 drop_reply", ""]


def test_faults_stay_listed_and_can_be_taken_away(faults) -> None:
    """Nobody could see that a fault was hit, or a fault would go on after it was removed."""
    first = faults.add(Fault(DropReply()))
    second = faults.add(Fault(DropRequest(), Match(times=0)))
    assert taken(faults, PUT) == ["f-1 drop_reply"]
    first.hit()
    assert [(each.id, each.hits) for each in faults.listed()] == [("f-1", 1), ("f-2", 0)]
    assert faults.remove("f-2")
    assert not faults.remove("f-2")
    assert taken(faults, PUT) == [""]
    assert faults.clear() == ["f-1"]
    assert faults.add(second.fault).id == "f-3"


async def test_1000_held_requests_go_on_at_once_when_the_fault_is_taken_away(faults) -> None:
    """A test that ends a delay would still wait for it, request by request."""
    standing = faults.add(Fault(Delay(3600), Match(times=0)))
    held = [asyncio.ensure_future(standing.hold(3600)) for _ in range(1000)]
    await asyncio.sleep(0)
    assert standing.held == 1000
    faults.remove("f-1")
    assert await asyncio.wait_for(asyncio.gather(*held), 30) == [True] * 1000
    assert standing.held == 0


async def test_a_delay_ends_by_itself_and_a_reset_drops_what_is_held(faults) -> None:
    """A delay would never end, or a request of before a reset would have its effect after it."""
    standing = faults.add(Fault(Delay(0.01)))
    assert await asyncio.wait_for(standing.hold(0.01), 30)
    waiting = asyncio.ensure_future(standing.hold(3600))
    await asyncio.sleep(0)
    faults.clear(drop=True)
    assert not await asyncio.wait_for(waiting, 30)


def test_a_replica_is_followed_until_the_last_stale_answer(faults) -> None:
    """A stale fault would cost every later change something though nobody can be answered by it any more."""
    standing = faults.add(Fault(Stale(5), Match(times=2)))
    replica = standing.replica
    assert replica.lag == 5
    for is_closed in (False, True):
        assert taken(faults, GET) == ["f-1 stale"]
        standing.hit()
        standing.done()
        assert replica.is_closed is is_closed
    other = faults.add(Fault(Stale(1), Match(times=0)))
    faults.remove(other.id)
    assert other.replica.is_closed
