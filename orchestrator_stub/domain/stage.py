"""One step of a run that is played, not run (design 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stage:
    """It takes its time, then prints and writes, and may end the run by one of the last four."""

    after: float = 0.0
    """Seconds since the stage before, or since the run began."""
    jitter: float = 0.0
    """Up to so many seconds more, by chance."""
    stdout: str = ""
    stderr: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """`RESULT/PATH` -> content; RESULT is the name of a result path of the job."""
    exit: int | None = None
    """Exit code."""
    fail: str = ""
    """The engine fails with this text."""
    hang: bool = False
    """It runs until it is stopped or its time is over."""
    node_lost: bool = False
    """Its node falls silent, and all that runs there ends."""

    @property
    def ends(self) -> bool:
        """Whether nothing comes after it."""
        return self.exit is not None or bool(self.fail) or self.hang or self.node_lost
