"""Pretends to run: for tests of everything around a job, and only when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from orchestrator_stub.clock import SECOND
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import Task
from orchestrator_stub.logs.streams import Stream
from orchestrator_stub.runners.base import Finished, Runner, Work
from orchestrator_stub.runners.image import Images
from orchestrator_stub.runners.results import refuse_taken_names

if TYPE_CHECKING:
    from orchestrator_stub.domain.stage import Stage

SCRIPTED = "scripted"
"""Name of all runners here: their time is the clock's, all others run in real time."""


class ScriptedRunner:
    """Every task of any engine succeeds at once, says nothing and writes nothing."""

    name = SCRIPTED

    def __init__(self, images: Images | None = None) -> None:
        """`images`: refuses what is missing there; None = any image, or none, will do."""
        self._images = images

    def check(self, task: Task) -> None:
        """Refuse a missing image, and a docker spec that names none; nothing else is looked at.

        :raises StepError: in the words of the release
        """
        if self._images is not None:
            self._images.of(task)

    async def run(self, work: Work) -> Finished:  # noqa: ARG002 - it has nothing to do
        """Finished with exit code 0."""
        return Finished(0)


class Player:
    """Plays one script in the place of whatever runs the task's engine, its check at the bid included."""

    name = SCRIPTED

    def __init__(
        self, stages: Sequence[Stage], lose_node: Callable[[str], None], begun: Callable[[], None] = lambda: None
    ) -> None:
        """Ready to play.

        :param lose_node: makes the node of this id fall silent, which ends all that runs there
        :param begun: called when it begins to play
        """
        self._stages = stages
        self._lose_node = lose_node
        self._begun = begun

    def check(self, task: Task) -> None:
        """Nothing is refused, whatever the engine would say of the task."""

    async def run(self, work: Work) -> Finished:
        """Play the stages one after the other; a script without an end of its own ends with exit code 0.

        :raises StepError: the script says so, or names a result path that the job does not have
        """
        self._begun()
        due = work.clock.now()
        for number, stage in enumerate(self._stages):
            due += round((stage.after + stage.jitter * chance(work.execution.id, number)) * SECOND)
            if stage.after or stage.jitter:
                await work.clock.sleep_until(due)
            _print(work, 1, stage.stdout)
            _print(work, 2, stage.stderr)
            _write(work, stage.files)
            if stage.node_lost:
                self._lose_node(work.execution.node_id)
            if stage.hang or stage.node_lost:
                await work.clock.for_ever()
            if stage.fail:
                raise StepError(stage.fail)
            if stage.exit is not None:
                return _ended(work, stage.exit)
        return _ended(work, 0)


class Refuser:
    """Fails every run with one text."""

    name = SCRIPTED

    def __init__(self, text: str, real: Runner | None = None, begun: Callable[[], None] = lambda: None) -> None:
        """`real`: whose check counts all the same; `begun`: called when a run begins."""
        self._text = text
        self._real = real
        self._begun = begun

    def check(self, task: Task) -> None:
        """Raises StepError where the real runner does."""
        if self._real is not None:
            self._real.check(task)

    async def run(self, work: Work) -> Finished:  # noqa: ARG002 - whatever it is
        """Raises StepError."""
        self._begun()
        raise StepError(self._text)


def chance(execution_id: str, stage: int) -> float:
    """A number from 0 to 1 for a stage of an execution: by chance as its id is, which a seed repeats."""
    digest = hashlib.sha256(f"{execution_id} {stage}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def _ended(work: Work, code: int) -> Finished:
    refuse_taken_names(work)
    return Finished(code)


def _print(work: Work, stream: Stream, text: str) -> None:
    if text:
        line = text if text.endswith("\n") else text + "\n"
        work.log.write(stream, line.encode("utf-8", "replace"))


def _write(work: Work, files: Mapping[str, bytes]) -> None:
    """Files below the result paths, with the rights that a container's programs give them."""
    paths = work.task.result_paths
    mounts = work.mounts[len(work.mounts) - len(paths) :]
    folders = {path.name: mount.source for path, mount in zip(paths, mounts, strict=True)}
    for name, content in files.items():
        result, _, inner = name.partition("/")
        if result not in folders:
            known = f"it has {', '.join(folders)}" if folders else "it has none"
            raise StepError(f"script: {name}: the job has no result path named {result} ({known})")
        for folder in reversed(PurePosixPath(inner).parents[:-1]):
            made = folders[result] / folder
            made.mkdir(exist_ok=True)
            made.chmod(0o755)
        place = folders[result] / inner
        place.write_bytes(content)
        place.chmod(0o644)
