"""Which nodes can take a job, and the sentence that says why not enough of them can."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import add

from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.topics import SCHEDULING, short_id
from orchestrator_stub.scheduler.ranking import verdict_on
from orchestrator_stub.scheduler.snapshot import Snapshot
from orchestrator_stub.scheduler.workers import OUT


@dataclass(frozen=True, slots=True)
class Matching:
    """All nodes with a job's marks, in the nodes' order."""

    nodes: Sequence[Node]
    reasons: Sequence[str]
    """Why a node does not suit; "" = it does."""
    scores: Sequence[float]
    """OUT for those that do not suit."""
    suitable: int
    """How many suit."""

    def best(self, most: int | None = None) -> list[Node]:
        """Those that suit, best first, of equals the earlier; at most `most` of them, default all."""
        most = self.suitable if most is None else min(most, self.suitable)
        if most == 1:
            return [self.nodes[self.scores.index(max(self.scores))]]
        places = heapq.nlargest(most, range(len(self.nodes)), key=self.scores.__getitem__)
        return [self.nodes[at] for at in places]

    def not_enough(self, requested: int) -> str:
        """Text of a batch or service job that finds too few nodes."""
        head = f"not enough nodes to run job. requested: {requested}, available: {len(self.nodes)}, "
        return f"{head}suitable: {self.suitable}.{self._bullets()}"

    def not_enough_event(self, requested: int) -> Event:
        """The event of the same."""
        details = {
            "IsError": "true",
            "NodesAvailable": str(len(self.nodes)),
            "NodesRequested": str(requested),
            "NodesSuitable": str(self.suitable),
        }
        return Event(SCHEDULING, self.not_enough(requested), details)

    def none_event(self) -> Event:
        """An ops job that no node suits."""
        available = str(len(self.nodes) - self.suitable)
        text = f"not matching nodes to run job out of {available} available nodes.{self._bullets()}"
        return Event(SCHEDULING, text, {"IsError": "true", "NodesAvailable": available})

    def _bullets(self) -> str:
        """Nodes with the same reason share a line; suitable ones count too, first and with an empty reason."""
        by_reason: dict[str, list[Node]] = {"": []}
        for node, reason in zip(self.nodes, self.reasons, strict=True):
            by_reason.setdefault(reason, []).append(node)
        lines = []
        for reason, group in by_reason.items():
            if group:
                several = len(group) > 1
                who = f"{len(group)} of {len(self.nodes)} nodes" if several else f"Node {short_id(group[0].id)}"
                lines.append(f"\n• {who}: {reason}")
        return "".join(lines)


def match(snapshot: Snapshot) -> Matching:
    """Marks of all nodes. Raises SelectorError for constraints that cannot be understood."""
    workers = snapshot.workers
    marks = workers.marks(snapshot.job, busy_refuse=snapshot.busy_nodes_refuse)
    reasons, scores = marks.reasons, marks.scores
    past = _by_node(snapshot.current)
    if past:
        reasons, scores = list(reasons), list(scores)
        for node_id, here in past.items():
            at = workers.place_of(node_id)
            if at is None:
                continue
            reasons[at] = verdict_on(here) or reasons[at]
            scores[at] = OUT if reasons[at] else workers.again(at, marks)
    if snapshot.luck is not None:
        scores = list(map(add, scores, snapshot.luck))
    return Matching(workers.nodes, reasons, scores, reasons.count(""))


def _by_node(executions: Iterable[Execution]) -> dict[str, list[Execution]]:
    found: dict[str, list[Execution]] = {}
    for execution in executions:
        found.setdefault(execution.node_id, []).append(execution)
    return found
