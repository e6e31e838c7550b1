"""Pretends to run: for tests of everything around a job, and only when asked for."""

from __future__ import annotations

from orchestrator_stub.domain.job import Task
from orchestrator_stub.runners.base import Finished, Work
from orchestrator_stub.runners.image import Images


class ScriptedRunner:
    """Every task of any engine succeeds at once, says nothing and writes nothing."""

    name = "scripted"

    def __init__(self, images: Images | None = None) -> None:
        """`images`: refuses what is missing there; None = any image, or none, will do."""
        self._images = images

    def check(self, task: Task) -> None:
        """Refuse a missing image, and a docker spec that names none; nothing else is looked at.

        :raises StepError: in the words of the release
        """
        if self._images is not None:
            self._images.of(task)

    async def run(self, work: Work) -> Finished:  # noqa: ARG002 - no script says anything about it yet
        """Finished with exit code 0."""
        return Finished(0)
