"""What a publisher is: it takes a finished run's files somewhere and says where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig, Task


@dataclass(frozen=True, slots=True)
class Output:
    """Files of a finished run."""

    job: Job
    task: Task
    execution: Execution
    stdout: Path
    stderr: Path
    exit_code: int
    folders: Mapping[str, Path]
    """Result path name -> folder."""
    now: int
    """Time of publishing, unix nanoseconds (for {date} and {time})."""
    root_mode: int
    """Mode of the archive's `.` entry (a matter of the release)."""


class Publisher(Protocol):
    """Publishes outputs of one type (comparison of types ignores case)."""

    type: str
    """As nodes advertise it: "local", "s3", "noop"."""

    async def publish(self, output: Output) -> SpecConfig:
        """Take the files there; the answer becomes the execution's PublishedResult. Raises StepError."""
        ...

    def result(self, published: SpecConfig, now: int) -> SpecConfig:
        """What `/results` shows for it now (s3: pre-signed where a released server signs)."""
        ...
