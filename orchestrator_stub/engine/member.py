"""A node that exists, whether the orchestrator knows of it or not, and what it has said of itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from orchestrator_stub.clock import SECOND, Timer
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.states import Membership
from orchestrator_stub.engine.reports import Told

HEARTBEAT = 15 * SECOND


@dataclass(slots=True)
class Member:
    """One node. All times are unix nanoseconds."""

    told: Node
    """What it says about itself when it connects."""
    since: int
    """Its heartbeats are counted from here."""
    load: Told[tuple[Capacity, Capacity]]
    """Free capacity and what waits."""
    counts: Told[tuple[int, int]]
    """How many run and wait."""
    silent_since: int = 0
    """0 = it is alive."""
    frozen: bool = False
    """It is silent, but lives on."""
    retry: Timer | None = None
    """Its next try to get in touch."""
    news_at: int = 0
    """When somebody expects it to say something new of its load; 0 = nobody does."""
    _shown: Node = field(default_factory=lambda: Node(""))
    """Kept from heartbeat to heartbeat: it is asked for at every look at a job, and no node speaks in between."""
    _shown_at: int = 0
    _shown_from: Node | None = None

    def last_beat(self, now: int) -> int:
        """The last heartbeat at or before `now`."""
        return self.since + (now - self.since) // HEARTBEAT * HEARTBEAT

    def shown_as(self, node: Node, now: int) -> Node:
        """`node`, which the orchestrator keeps of it, with its latest heartbeat and its latest words about its load."""
        beat = self.last_beat(now)
        if node.membership is Membership.REJECTED:  # such a node is not listened to (1.5.2)
            return replace(node, last_heartbeat=beat)
        if self._shown_at != beat or self._shown_from is not node:
            self._shown_at, self._shown_from = beat, node
            self._shown = _with_figures(node, beat, self.load.known(now), self.counts.known(now))
        return self._shown

    def as_it_is(self, now: int) -> Node:
        """Its own figures of this moment, whatever it has said."""
        return _with_figures(self.told, self.last_beat(now), self.load.value, self.counts.value)

    def in_its_words(self, node: Node) -> Node:
        """`node` with what the node says of itself now and does not say with each heartbeat."""
        return replace(node, labels=self.told.labels, capacity=self.told.capacity)

    def says_news_at(self, now: int) -> int:
        """When it will next say something of its load that it has not said yet; 0 when there is nothing."""
        load, counts = self.load.news_at(now), self.counts.news_at(now)
        return min(load, counts) if load and counts else load or counts


def _with_figures(node: Node, beat: int, load: tuple[Capacity, Capacity], counts: tuple[int, int]) -> Node:
    return replace(
        node,
        last_heartbeat=beat,
        available=load[0],
        queue_used=load[1],
        running=counts[0],
        enqueued=counts[1],
    )
