"""Pretends to run: for tests of everything around a job, and only when asked for."""

from __future__ import annotations

from orchestrator_stub.domain.job import Task
from orchestrator_stub.runners.base import Finished, Work


class ScriptedRunner:
    """Every task of any engine succeeds at once, says nothing and writes nothing."""

    name = "scripted"

    def check(self, task: Task) -> None:
        """Nothing is refused."""

    async def run(self, work: Work) -> Finished:  # noqa: ARG002 - no script says anything about it yet
        """Finished with exit code 0."""
        return Finished(0)
