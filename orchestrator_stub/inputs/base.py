"""What a storage source is: it says at the bid whether the data is there, and fetches it before the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator_stub.domain.job import InputSource
from orchestrator_stub.runners.base import Mount


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a job's data an execution gets, where its source divides data among executions (s3)."""

    index: int = 0
    """The execution's partition, from 0."""
    count: int = 1
    """The job's Count."""


WHOLE = Part()
"""All of it."""


class Source(Protocol):
    """Fetches inputs of one type (comparison of types ignores case)."""

    type: str
    """As nodes advertise it: "inline", "urldownload", "s3", "localdirectory", "local"."""

    async def check(self, source: InputSource, part: Part = WHOLE) -> int:
        """Size in bytes, asked at the bid. Raises StepError with the released servers' text."""
        ...

    async def fetch(self, source: InputSource, folder: Path, part: Part = WHOLE) -> tuple[Mount, ...]:
        """Bring the data below `folder` (own, empty) and say where it is mounted. Raises StepError."""
        ...
