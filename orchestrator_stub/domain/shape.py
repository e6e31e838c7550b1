"""A node as a cluster file or the control surface describes it, before anything is known of what runs it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator_stub.domain.node import Capacity


@dataclass(frozen=True, slots=True)
class Behaviour:
    """In what a node is worse than others."""

    slow: float = 0.0
    """Seconds by which each of its steps takes longer: answering an offer, and running."""
    lossy: float = 0.0
    """Share of the executions it begins, 0 to 1, that are never heard of again."""
    rejecting: str = ""
    """Bids are refused with this text; "" = they are not."""


@dataclass(frozen=True, slots=True)
class NodeShape:
    """One node to be."""

    name: str = ""
    """Its id; "" = the stub makes one up."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Beside those that every node has."""
    cpu: float | None = None
    """Cores; this and the next two: None = as nodes have it that nobody described."""
    memory: int | None = None
    """Bytes."""
    disk: int | None = None
    """Bytes."""
    gpu: int = 0
    engines: tuple[str, ...] | None = None
    """This and the next: None = all that there are here."""
    publishers: tuple[str, ...] | None = None
    behaviour: Behaviour = Behaviour()

    def capacity(self, usual: Capacity) -> Capacity:
        """What it offers. `usual`: what nodes offer that nobody described."""
        return Capacity(
            usual.cpu if self.cpu is None else self.cpu,
            usual.memory if self.memory is None else self.memory,
            usual.disk if self.disk is None else self.disk,
            self.gpu,
        )
