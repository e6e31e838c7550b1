"""A node's resources and its queue."""

from __future__ import annotations

import random

from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.engine.capacity import Share

SMALL, BIG = Capacity(1.0, 1), Capacity(3.0, 3)


def test_takes_only_what_is_free() -> None:
    """Broken: a node runs more than it has."""
    share: Share[str] = Share(Capacity(2.0, 10))
    assert [share.take(SMALL), share.take(SMALL), share.take(SMALL)] == [True, True, False]
    share.give_back(SMALL)
    assert (share.available, share.running) == (Capacity(1.0, 9), 1)


def test_what_fits_overtakes_what_does_not() -> None:
    """Broken: a big job at the head of the queue keeps small ones waiting."""
    share: Share[str] = Share(Capacity(3.0, 10))
    assert share.take(SMALL)
    share.wait(BIG, 0, "big")
    share.wait(SMALL, 0, "small")
    assert (share.next_fitting(), share.next_fitting()) == ("small", None)
    assert share.enqueued == 1
    share.give_back(SMALL)
    share.give_back(SMALL)
    assert share.next_fitting() == "big"


def test_priority_then_order() -> None:
    """Broken: the queue is neither fair nor heeds priorities."""
    share: Share[str] = Share(Capacity(1.0, 10))
    assert share.take(SMALL)
    for name, priority in (("a", 0), ("b", 5), ("c", 5), ("d", 0)):
        share.wait(SMALL, priority, name)
    order = []
    for _ in range(4):
        share.give_back(SMALL)
        order.append(share.next_fitting())
    assert order == ["b", "c", "a", "d"]


def test_who_leaves_is_not_served() -> None:
    """Broken: a stopped job is started when its turn comes, or still counts as waiting."""
    share: Share[str] = Share(Capacity(1.0, 10))
    assert share.take(SMALL)
    ticket = share.wait(SMALL, 0, "gone")
    share.wait(SMALL, 0, "stays")
    share.leave(SMALL, ticket)
    assert (share.enqueued, share.queue_used) == (1, SMALL)
    share.give_back(SMALL)
    assert (share.next_fitting(), share.next_fitting()) == ("stays", None)
    assert (share.enqueued, share.queue_used) == (0, Capacity())


def test_figures_add_up_whatever_happens() -> None:
    """Broken: after many jobs a node believes to be busier or freer than it is."""
    luck = random.Random(3)
    share: Share[int] = Share(Capacity(4.0, 100))
    sizes = [Capacity(0.1, 1), Capacity(0.7, 30), Capacity(2.3, 50)]
    running: list[Capacity] = []
    waiting: dict[int, tuple[Capacity, int]] = {}
    for number in range(3000):
        size = luck.choice(sizes)
        if luck.random() < 0.5:
            if share.take(size):
                running.append(size)
            else:
                waiting[number] = (size, share.wait(size, luck.randrange(3), number))
        elif running:
            share.give_back(running.pop(luck.randrange(len(running))))
        elif waiting:
            share.leave(*waiting.pop(luck.choice(list(waiting))))
        while (found := share.next_fitting()) is not None:
            running.append(waiting.pop(found)[0])
        assert share.enqueued == len(waiting)
        assert share.running == len(running)
    for size in running:
        share.give_back(size)
    for size, ticket in waiting.values():
        share.leave(size, ticket)
    assert (share.available, share.running, share.enqueued, share.queue_used) == (
        Capacity(4.0, 100),
        0,
        0,
        Capacity(),
    )


def test_another_capacity_leaves_what_is_taken() -> None:
    """Broken: a node that grows or shrinks forgets what runs on it, or says that less than nothing is free."""
    share: Share[str] = Share(Capacity(2.0, 10))
    assert share.take(Capacity(1.5, 4))
    share.resize(Capacity(1.0, 20))
    assert (share.free, share.take(Capacity(0.1))) == (Capacity(0.0, 16), False)
    share.give_back(Capacity(1.5, 4))
    assert (share.free, share.available) == (Capacity(1.0, 20), Capacity(1.0, 20))
