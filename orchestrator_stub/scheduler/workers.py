"""The nodes that may get work, and what a job's wishes mean for each of them, worked out once for all who wish alike.

A look at a job asks about every node there is. With a thousand nodes that is most of what scheduling costs, and nearly
all of it is the same for the next job: only luck, and where the job has been already, differ from look to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, TypeVar

from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.scheduler.ranking import (
    busy,
    free_share,
    lacks,
    mismatch,
    most_taken,
    requested,
    score,
    selectors,
    spoken_load,
    too_much,
)

OUT = -inf
"""Mark of a node that does not suit."""
_KEPT = 64
"""So many different wishes are remembered."""
_NOTHING = Capacity()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Marks:
    """What one kind of wish means for each node, in the nodes' order; for a job that has not been anywhere yet."""

    reasons: Sequence[str]
    """Why a node does not suit; "" = it does."""
    scores: Sequence[float]
    """Without luck; OUT for those that do not suit."""
    favoured: Sequence[bool]


@dataclass(frozen=True, slots=True)
class _Fit:
    """What hangs on wishes that no load changes."""

    reasons: Sequence[str]
    favoured: Sequence[bool]


@dataclass(frozen=True, slots=True)
class _Room:
    """A node's room, as it last spoke of it."""

    load: Capacity
    most: Capacity
    share: float

    @classmethod
    def of(cls, node: Node) -> _Room:
        return cls(spoken_load(node), most_taken(node), free_share(node))


class Workers:
    """Nodes at one moment. Its answers never change; what was asked before is remembered."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = tuple(nodes)
        self._at = {node.id: at for at, node in enumerate(self.nodes)}
        self._rooms = [_Room.of(node) for node in self.nodes]
        self._fits: dict[Any, _Fit] = {}
        self._marks: dict[Any, Marks] = {}

    def with_loads(self, spoken: Iterable[Node]) -> Workers:
        """The same nodes after some of them spoke of their load, of which nothing else has changed."""
        after = Workers(())
        nodes, after._rooms = list(self.nodes), list(self._rooms)
        for node in spoken:
            at = self._at[node.id]
            nodes[at], after._rooms[at] = node, _Room.of(node)
        after.nodes, after._at, after._fits = tuple(nodes), self._at, self._fits
        return after

    def place_of(self, node_id: str) -> int | None:
        """Where the node stands in `nodes`, None when it is not there."""
        return self._at.get(node_id)

    def marks(self, job: Job, *, busy_refuse: bool) -> Marks:
        """The marks for a job that was nowhere yet. Raises SelectorError for constraints that nobody understands.

        :param busy_refuse: nodes that said they are full refuse
        """
        task = job.task
        sources = tuple(one.source.type for one in task.input_sources)
        wish = (task.engine.type, task.publisher.type, sources, job.constraints)
        key = (wish, task.resources, busy_refuse)
        known = self._marks.get(key)
        if known is not None:
            return known
        fit = self._fits.get(wish)
        if fit is None:
            fit = _remember(self._fits, wish, self._fit(job))
        return _remember(self._marks, key, self._weigh(fit, requested(task), busy_refuse=busy_refuse))

    def again(self, at: int, marks: Marks) -> float:
        """Without luck, the mark of a node that suits although the job was there before."""
        return score(self._rooms[at].share, favoured=marks.favoured[at], ran_here=True)

    def _fit(self, job: Job) -> _Fit:
        must, favour = selectors(job)
        lacking: dict[Any, str] = {}
        reasons = []
        for node in self.nodes:
            kind = (node.engines, node.publishers, node.storage_sources)
            if kind not in lacking:
                lacking[kind] = lacks(job, node)
            reasons.append(mismatch(job, must, node.labels) or lacking[kind])
        if not favour.requirements:
            return _Fit(reasons, [False] * len(reasons))
        return _Fit(reasons, [favour.matches(node.labels) for node in self.nodes])

    def _weigh(self, fit: _Fit, wants: Capacity, *, busy_refuse: bool) -> Marks:
        reasons, scores = [], []
        for node, room, why, favoured in zip(self.nodes, self._rooms, fit.reasons, fit.favoured, strict=True):
            reason = why
            if not _within(wants, node.capacity):
                reason = too_much(wants, node.capacity)
            if not wants.fits_beside(room.load if busy_refuse else _NOTHING, room.most):
                reason = busy(node)
            reasons.append(reason)
            scores.append(OUT if reason else score(room.share, favoured=favoured, ran_here=False))
        return Marks(reasons, scores, fit.favoured)


def _within(wants: Capacity, limit: Capacity) -> bool:
    """Exactly: who wants as much as a node has gets no benefit of rounding."""
    return (
        wants.cpu <= limit.cpu
        and wants.memory <= limit.memory
        and wants.disk <= limit.disk
        and wants.gpu <= limit.gpu
    )


def _remember(memory: dict[Any, T], key: Any, value: T) -> T:
    while len(memory) >= _KEPT:
        del memory[next(iter(memory))]
    memory[key] = value
    return value
