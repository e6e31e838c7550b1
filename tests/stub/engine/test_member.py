"""What a node has said of itself, and when."""

from __future__ import annotations

from dataclasses import replace

from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.states import Membership
from orchestrator_stub.engine.member import Member
from orchestrator_stub.engine.reports import Told

FULL = Capacity(2.0)
NODE = Node("n-1", capacity=FULL, labels={"zone": "a"})


def member(load_every: int = 15, counts_every: int = 0) -> Member:
    """A node that joined at second 100."""
    since = 100 * SECOND
    load = Told((FULL, Capacity()), since, load_every * SECOND)
    return Member(NODE, since, load, Told((0, 0), since, counts_every * SECOND))


def test_a_node_is_shown_by_its_last_words() -> None:
    """The list of nodes would show a load that no node has spoken of yet."""
    one = member()
    one.load.change((Capacity(0.5), Capacity(1.0)), 103 * SECOND)
    shown = one.shown_as(NODE, 114 * SECOND)
    assert (shown.available, shown.queue_used, shown.last_heartbeat) == (FULL, Capacity(), 100 * SECOND)
    shown = one.shown_as(NODE, 116 * SECOND)
    assert (shown.available, shown.queue_used, shown.last_heartbeat) == (Capacity(0.5), Capacity(1.0), 115 * SECOND)
    assert one.as_it_is(104 * SECOND).available == Capacity(0.5)


def test_a_rejected_node_is_not_listened_to() -> None:
    """The figures of a node that was put out would go on changing (1.5.2)."""
    one = member()
    one.load.change((Capacity(0.5), Capacity()), 103 * SECOND)
    shown = one.shown_as(replace(NODE, membership=Membership.REJECTED, available=FULL), 200 * SECOND)
    assert shown.available == FULL


def test_news_is_expected_when_the_next_word_comes() -> None:
    """The scheduler would go on with an old load, or ask every node at every look."""
    one = member(30, 60)
    assert one.says_news_at(101 * SECOND) == 0
    one.counts.change((1, 0), 105 * SECOND)
    assert one.says_news_at(105 * SECOND) == 160 * SECOND
    one.load.change((Capacity(0.5), Capacity()), 106 * SECOND)
    assert one.says_news_at(106 * SECOND) == 130 * SECOND
    assert one.says_news_at(131 * SECOND) == 160 * SECOND
    assert one.says_news_at(161 * SECOND) == 0


def test_labels_and_capacity_are_its_own_words() -> None:
    """A node that changed would be kept as it was, or lose what others decided about it."""
    one = member()
    one.told = replace(NODE, labels={"zone": "b"}, capacity=Capacity(4.0))
    shown = one.in_its_words(replace(NODE, membership=Membership.PENDING, available=Capacity(1.0)))
    assert (shown.labels, shown.capacity, shown.membership) == ({"zone": "b"}, Capacity(4.0), Membership.PENDING)
