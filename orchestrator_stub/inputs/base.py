"""What a storage source is: it says at the bid whether the data is there, and fetches it before the run."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from orchestrator_stub.domain.job import InputSource
from orchestrator_stub.runners.base import Mount


class Source(Protocol):
    """Fetches inputs of one type (comparison of types ignores case)."""

    type: str
    """As nodes advertise it: "inline", "urldownload", "s3", "localdirectory", "local"."""

    async def check(self, source: InputSource) -> int:
        """Size in bytes, asked at the bid. Raises StepError with the released servers' text."""
        ...

    async def fetch(self, source: InputSource, folder: Path) -> tuple[Mount, ...]:
        """Bring the data below `folder` (own, empty) and say where it is mounted. Raises StepError."""
        ...
