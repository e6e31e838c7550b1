"""Which nodes can take a job, and the sentence that says why not enough of them can."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.topics import SCHEDULING, short_id
from orchestrator_stub.scheduler.ranking import Rank, rank
from orchestrator_stub.scheduler.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Matching:
    """Nodes that suit, best first, and those that do not."""

    suitable: tuple[Rank, ...]
    unsuitable: tuple[Rank, ...]

    def not_enough(self, requested: int) -> str:
        """Text of a batch or service job that finds too few nodes."""
        available = len(self.suitable) + len(self.unsuitable)
        head = f"not enough nodes to run job. requested: {requested}, available: {available}, "
        return f"{head}suitable: {len(self.suitable)}.{self._bullets()}"

    def not_enough_event(self, requested: int) -> Event:
        """The event of the same."""
        details = {
            "IsError": "true",
            "NodesAvailable": str(len(self.suitable) + len(self.unsuitable)),
            "NodesRequested": str(requested),
            "NodesSuitable": str(len(self.suitable)),
        }
        return Event(SCHEDULING, self.not_enough(requested), details)

    def none_event(self) -> Event:
        """An ops job that no node suits."""
        available = str(len(self.unsuitable))
        text = f"not matching nodes to run job out of {available} available nodes.{self._bullets()}"
        return Event(SCHEDULING, text, {"IsError": "true", "NodesAvailable": available})

    def _bullets(self) -> str:
        """Nodes with the same reason share a line; suitable ones count too, with an empty reason."""
        ranks = self.suitable + self.unsuitable
        by_reason: dict[str, list[Rank]] = {}
        for one in ranks:
            by_reason.setdefault(one.reason, []).append(one)
        lines = []
        for reason, group in by_reason.items():
            who = f"{len(group)} of {len(ranks)} nodes" if len(group) > 1 else f"Node {short_id(group[0].node.id)}"
            lines.append(f"\n• {who}: {reason}")
        return "".join(lines)


def match(snapshot: Snapshot) -> Matching:
    """Rank all nodes. Raises SelectorError for constraints that cannot be understood."""
    ranks = rank(snapshot)
    suitable = sorted((r for r in ranks if r.suits), key=lambda r: -r.score)
    return Matching(tuple(suitable), tuple(r for r in ranks if not r.suits))
