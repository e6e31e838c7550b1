"""Runs docker tasks as plain programs of this machine: no walls, no image; only when asked for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.release import Release
from orchestrator_stub.runners.base import Finished, Mount, Work
from orchestrator_stub.runners.docker_spec import PATH, DockerSpec, docker_spec
from orchestrator_stub.runners.image import Images
from orchestrator_stub.runners.launcher import DEFAULT_DISK, MARGIN, PROCESSES, process_limit, start_order, write_order
from orchestrator_stub.runners.places import Places
from orchestrator_stub.runners.results import refuse_taken_names
from orchestrator_stub.runners.sandbox import Container, check_startable
from orchestrator_stub.runners.supervise import Duty
from orchestrator_stub.runners.threads import in_own_thread
from orchestrator_stub.runners.walls import clean, depth, inside
from orchestrator_stub.runners.watchdog import Watchdog

_log = logging.getLogger(__name__)


class ProcessRunner:
    """The sandbox's runner without walls: the program sees this machine as the stub itself does, network and all.

    Nothing can be mounted without walls. Inputs and result paths lie below a folder of the run, in which the program
    starts, and their paths are replaced where they stand in the command line or in variables.
    """

    name = "process"

    def __init__(self, release: Release, *, images: Images | None = None) -> None:
        """`images`: which are missing; None = none is."""
        self._release, self._images = release, images or Images(release)
        self._watchdog = Watchdog()

    def check(self, task: Task) -> None:
        """Refuse a broken spec, a malformed and an unknown image (FINDINGS-docker 6).

        :raises StepError: in the words of the release
        """
        self._images.of(task)

    async def run(self, work: Work) -> Finished:
        """Run the program to its end, and end what it leaves running; 128 + signal when it was killed.

        :raises StepError: it could not be started, or wrote more than its disk limit
        """
        spec = docker_spec(work.task, self._release)
        check_startable(spec, work)
        _log.info("execution %s: image %s is this machine's programs, without walls", work.execution.id, spec.image)
        stand_in = self._images.stand_in(spec.image)
        mounts = (*stand_in.mounts, *work.mounts)
        root = work.folder / "root"
        places = Places(str(root), [mount.target for mount in mounts])
        spec = rewritten(spec, places)
        await asyncio.to_thread(lay_out, root, mounts)
        order = await asyncio.to_thread(_write_duty, work, spec, places, stand_in.path)
        process = start_order("supervise.py", order, stdin=subprocess.PIPE)
        program = _Program(process, work, spec, self._watchdog)
        try:
            exit_code = await in_own_thread(f"process {work.execution.id}", program.follow, program.kill)
        finally:
            program.kill()
            await asyncio.to_thread(_clear, work.mounts)
        refuse_taken_names(work)
        return Finished(exit_code)


class _Program(Container):
    """A program below its supervisor."""

    def kill(self) -> None:
        """Let go of the supervisor, which ends everything below it (thread-safe)."""
        with contextlib.suppress(OSError):
            self.process.send_signal(signal.SIGCONT)
        assert self.process.stdin is not None
        self.process.stdin.close()


def rewritten(spec: DockerSpec, places: Places) -> DockerSpec:
    """The spec as this machine has it: paths of mounts where they are."""
    return replace(
        spec,
        entrypoint=tuple(map(places.rewritten, spec.entrypoint)),
        parameters=tuple(map(places.rewritten, spec.parameters)),
    )


def lay_out(root: Path, mounts: tuple[Mount, ...]) -> None:
    """Links at the targets, below `root`; blocking.

    :raises StepError: a target lies inside of a local input, to which nothing may be added, or inside of a file
    """
    root.mkdir()
    for mount in sorted(mounts, key=lambda mount: depth(mount.target)):
        around = [each.target for each in mounts if each.shared and inside(mount.target, each.target)]
        if around:
            raise StepError(f"creating container: {mount.target} cannot lie inside of the local input {around[0]}")
        place = root / clean(mount.target).lstrip("/")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(mount.source)
        except OSError as error:
            raise StepError(f"creating container: nothing can stand at {mount.target}: {error.strerror}") from None


def _clear(mounts: tuple[Mount, ...]) -> None:
    """Leave empty places of what was linked into results, as mounts do (FINDINGS-docker 4)."""
    for inner in mounts:
        for outer in mounts:
            rest = inside(inner.target, outer.target)
            place = outer.source / (rest or "")
            if rest and not outer.shared and place.is_symlink() and place.readlink() == inner.source:
                place.unlink()
                if inner.source.is_dir():
                    place.mkdir()
                else:
                    place.touch(mode=0o755)


def _write_duty(work: Work, spec: DockerSpec, places: Places, first: Sequence[str]) -> Path:
    folder = Path(places.path(spec.working_directory or "/"))
    if not os.path.lexists(folder):
        folder.mkdir(parents=True)
    search = [*map(places.path, first), os.environ.get("PATH", PATH)]
    own = {"PATH": ":".join(search), "HOME": places.path("/").rstrip("/")}
    memory = work.limits.memory
    duty: Duty = {
        "argv": list(spec.argv),
        "env": own | places.environment(work.env),
        "folder": str(folder),
        "processes": process_limit(PROCESSES),
        "memory": memory + MARGIN if memory else -1,
        "file_size": work.limits.disk or DEFAULT_DISK,
    }
    return write_order(duty, work.folder / "order.json")
