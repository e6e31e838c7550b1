"""What is free on each node, and who waits there for it."""

from __future__ import annotations

import heapq
import itertools
from typing import Generic, TypeVar

from orchestrator_stub.domain.node import Capacity

T = TypeVar("T")


class Share(Generic[T]):
    """One node's resources: taken and given back; what does not fit waits, highest priority first, then first come."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.available = capacity
        self.running = 0
        self.queue_used = Capacity()
        self._order = itertools.count()
        self._waiting: dict[Capacity, list[tuple[int, int, T]]] = {}
        self._gone: set[int] = set()

    def take(self, wants: Capacity) -> bool:
        """Take resources if they are free."""
        if not wants.fits_in(self.available):
            return False
        self.available = self.available - wants
        self.running += 1
        return True

    def give_back(self, wants: Capacity) -> None:
        """Return what `take` took."""
        self.available = self.available + wants
        self.running -= 1

    def wait(self, wants: Capacity, priority: int, item: T) -> int:
        """Queue an item; returns its ticket."""
        ticket = next(self._order)
        heapq.heappush(self._waiting.setdefault(wants, []), (-priority, ticket, item))
        self.queue_used = self.queue_used + wants
        return ticket

    def leave(self, wants: Capacity, ticket: int) -> None:
        """An item does not wait any more."""
        self._gone.add(ticket)
        self.queue_used = self.queue_used - wants

    def next_fitting(self) -> T | None:
        """The first waiting item that fits now, with its resources taken; None when none does.

        Items of one size are alike, so only the first of each size is looked at.
        """
        best: tuple[int, int, T] | None = None
        size = Capacity()
        for wants, queue in list(self._waiting.items()):
            while queue and queue[0][1] in self._gone:
                self._gone.discard(heapq.heappop(queue)[1])
            if not queue:
                del self._waiting[wants]
            elif wants.fits_in(self.available) and (best is None or queue[0][:2] < best[:2]):
                best, size = queue[0], wants
        if best is None:
            return None
        heapq.heappop(self._waiting[size])
        self.queue_used = self.queue_used - size
        self.take(size)
        return best[2]

    def resize(self, capacity: Capacity) -> None:
        """Offer another amount; what is taken stays taken."""
        taken = self.capacity - self.available
        self.capacity, self.available = capacity, capacity - taken

    @property
    def free(self) -> Capacity:
        """What a node says is available: never less than nothing."""
        left = self.available
        if left.cpu >= 0 and left.memory >= 0 and left.disk >= 0 and left.gpu >= 0:
            return left
        return Capacity(max(0.0, left.cpu), max(0, left.memory), max(0, left.disk), max(0, left.gpu))

    @property
    def enqueued(self) -> int:
        """How many wait."""
        return sum(len(queue) for queue in self._waiting.values()) - len(self._gone)
