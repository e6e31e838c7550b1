"""What the stub can do that no orchestrator does. The control surface configures it, the engine and the api use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator_stub.engine.journal import Journal
from orchestrator_stub.engine.scripts import Scripts

if TYPE_CHECKING:  # a stub without faults starts without them
    from orchestrator_stub.engine.faults import Faults


@dataclass(slots=True)
class Powers:
    """One of each for a stub."""

    journal: Journal = field(default_factory=Journal)
    faults: Faults | None = None
    """None until the first one is set."""
    scripts: Scripts = field(default_factory=Scripts)

    def clear(self) -> None:
        """As at the start: nothing was asked for, nothing goes wrong, nothing is scripted."""
        if self.faults is not None:
            self.faults.clear(drop=True)
        self.scripts.clear()
        self.journal.clear()
