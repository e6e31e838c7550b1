"""Nodes come and go: who has to be looked at again for it (1.8+)."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator_stub.clock import SECOND, Clock, Timer
from orchestrator_stub.domain.states import JobType
from orchestrator_stub.store.memory import MemoryStore

DELAY = 15 * SECOND
"""After the last change of a row: a cluster that comes up is looked at once, not once a node (FINDINGS 2 row 5.5g)."""
MOST = 50
"""So many changed nodes are not waited for any longer."""

NODE_JOINED = "node-join"
NODE_LEFT = "node-leave"


class Reevaluation:
    """Collects changes of nodes, then looks at the jobs that run there and, when a node joined, at all daemons."""

    def __init__(self, clock: Clock, store: MemoryStore, look_at: Callable[[str, str], object]) -> None:
        """`look_at(job_id, trigger)` enqueues an evaluation."""
        self._clock = clock
        self._store = store
        self._look_at = look_at
        self._changed: dict[str, str] = {}
        self._timer: Timer | None = None

    def joined(self, node_id: str) -> None:
        """A node is in touch, for the first time or again."""
        self._note(node_id, NODE_JOINED)

    def left(self, node_id: str) -> None:
        """A node is out of touch, rejected or deleted."""
        self._note(node_id, NODE_LEFT)

    def clear(self) -> None:
        """Nobody has to be looked at any more."""
        self._changed = {}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note(self, node_id: str, change: str) -> None:
        if not self._changed and not self._store.live():
            return
        self._changed[node_id] = change
        if self._timer is not None:
            self._timer.cancel()
        if len(self._changed) >= MOST:
            self._look()
        else:
            self._timer = self._clock.call_at(self._clock.now() + DELAY, self._look)

    def _look(self) -> None:
        changed, self._changed, self._timer = self._changed, {}, None
        trigger = NODE_JOINED if NODE_JOINED in changed.values() else NODE_LEFT
        for record in self._store.live():
            runs_there = any(e.is_live and e.node_id in changed for e in record.executions)
            if runs_there or (trigger == NODE_JOINED and record.job.type == JobType.DAEMON):
                self._look_at(record.job.id, trigger)
