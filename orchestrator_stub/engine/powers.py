"""What the stub can do that no orchestrator does. The control surface configures it, the engine and the api use it."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator_stub.engine.journal import Journal


@dataclass(slots=True)
class Powers:
    """One of each for a stub."""

    journal: Journal = field(default_factory=Journal)
