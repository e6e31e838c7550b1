"""A replica that lags: what the orchestrator knew some seconds ago. It costs something only while there is one.

The present is not copied: of what changes, the state before is kept until the lag is over.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from orchestrator_stub.domain.node import Node
from orchestrator_stub.store.memory import MemoryStore, Record, not_found

_AT_ONCE = 0.001
"""Seconds: changes this close to each other are one, nobody can ask in between."""


class Replica:
    """Follows a store until it is closed."""

    def __init__(self, store: MemoryStore, lag: float, now: Callable[[], float] = time.monotonic) -> None:
        """`lag`: seconds on `now`; the state before counts as of this moment."""
        self._store = store
        self._lag = lag
        self._now = now
        self._past: dict[int, deque[tuple[float, Record | None]]] = {}
        """By the record that changes: until this moment it was so; None = it was not there."""
        self._order: deque[tuple[float, int]] = deque()
        self._nodes: deque[tuple[float, dict[str, Node]]] = deque()
        store.followers.append(self)

    def known(self) -> MemoryStore:
        """What the replica knows at this moment; for reads only, and at once."""
        self._forget()
        return _Known(self._store, self._nodes[0][1] if self._nodes else self._store.nodes, self._as_known)

    def close(self) -> None:
        """Follow no more; closing twice does nothing."""
        if self in self._store.followers:
            self._store.followers.remove(self)
        for kept in (self._past, self._order, self._nodes):
            kept.clear()

    def _as_known(self, record: Record) -> Record | None:
        past = self._past.get(id(record))
        return past[0][1] if past else record

    def _forget(self) -> None:
        """What was before everything that the replica knows."""
        seen = self._now() - self._lag
        while self._order and self._order[0][0] <= seen:
            _, key = self._order.popleft()
            past = self._past[key]
            past.popleft()
            if not past:
                del self._past[key]
        while self._nodes and self._nodes[0][0] <= seen:
            self._nodes.popleft()

    # What the store tells.

    def adding(self, record: Record) -> None:
        """A job is new."""
        self._keep(id(record), None)

    def changing(self, record: Record) -> None:
        """A job is going to change."""
        past = self._past.get(id(record))
        if not past or past[-1][0] < self._now() - _AT_ONCE:
            was = Record(record.job, list(record.earlier), list(record.executions), list(record.history))
            self._keep(id(record), was)

    def changing_nodes(self) -> None:
        """The nodes are going to change."""
        self._forget()
        self._nodes.append((self._now(), dict(self._store.nodes)))

    def _keep(self, key: int, was: Record | None) -> None:
        self._forget()
        now = self._now()
        self._past.setdefault(key, deque()).append((now, was))
        self._order.append((now, key))


class _Known(MemoryStore):
    """The part of a store that reads go to, as a replica knows it."""

    def __init__(
        self, store: MemoryStore, nodes: dict[str, Node], as_known: Callable[[Record], Record | None]
    ) -> None:
        super().__init__(names=False)
        self.nodes = nodes
        self._store = store
        self._as_known = as_known

    def find(self, ref: str, namespace: str = "") -> Record:
        """A job, see `MemoryStore`; one that the replica does not know yet still makes a prefix ambiguous."""
        record = self._as_known(self._store.find(ref, namespace))
        if record is None:
            raise not_found(ref)
        return record

    def in_order(self, namespace: str, *, reverse: bool = False) -> Iterator[Record]:
        """Jobs by creation, see `MemoryStore`."""
        for record in self._store.in_order(namespace, reverse=reverse):
            known = self._as_known(record)
            if known is not None:
                yield known
