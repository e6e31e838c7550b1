"""Runs docker tasks as programs of this machine behind walls (bubblewrap); the image's content is not used."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import selectors
import shutil
import signal
import subprocess

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.release import Release
from orchestrator_stub.logs.buffer import LogBuffer, lossy_text
from orchestrator_stub.logs.streams import Stream
from orchestrator_stub.runners.base import Finished, Work
from orchestrator_stub.runners.docker_spec import DAEMON, DockerSpec, docker_spec
from orchestrator_stub.runners.image import Images
from orchestrator_stub.runners.launcher import DEFAULT_DISK, PROCESSES, Launcher
from orchestrator_stub.runners.results import refuse_taken_names
from orchestrator_stub.runners.threads import in_own_thread
from orchestrator_stub.runners.watchdog import (
    Watchdog,
    fair_memory,
    own_files,
    own_memory,
    threads,
    tree,
    used_disk,
)

_log = logging.getLogger(__name__)

MINIMUM_MEMORY = 6 * 2**20
"""Bytes; container engines refuse less."""
FILES = 200_000
"""Files that a job may have in memory; each takes some of the kernel's, which no other limit counts."""
_OWN_FOLDERS = ("/", "/dev/shm")  # noqa: S108 - inside the walls, where nobody else is
_LEAST_FREE = 200 * 10**6  # bytes that a job must leave free on the disk of the stub
_LOOKS_PER_DISK_WALK = 10
_READ = 8192
_START_FAILED, _ORDER_FAILED = 1, 125
_WHO = "(?:bwrap|sandbox): "
_EXEC_FAILURE = re.compile(_WHO + r"execvp (?P<program>.*): (?P<reason>[^:\n]+)\n", re.DOTALL)
_FOLDER_FAILURE = re.compile(_WHO + r"Can't (?:chdir to|mkdir) (?P<folder>.*): (?P<reason>[^:\n]+)\n", re.DOTALL)
_START = "failed to start container: "
_BRIDGED = frozenset({"default", "bridge"})
"""Networks that need the engine's bridge (golden 73, network-*)."""


class SandboxRunner:
    """Runs programs of this machine, whatever the image, without network, whatever the job asks for."""

    name = "sandbox"

    def __init__(
        self,
        release: Release,
        bubblewrap: str,
        *,
        images: Images | None = None,
        bridge_network: bool = True,
        nested_users: bool = False,
    ) -> None:
        """Ready to run.

        :param images: which exist and what stands in for them; None = all do
        :param bridge_network: False makes it a node whose engine has no bridge, nor a gateway for HTTP alone: jobs
            that ask for such a network do not start, as on the recorded nodes (FINDINGS-docker 0, 6)
        :param nested_users: True where this bubblewrap cannot forbid user namespaces inside
        """
        self._release, self._images, self._bridge_network = release, images or Images(release), bridge_network
        self._launcher = Launcher(bubblewrap, nested_users=nested_users)
        self._watchdog = Watchdog()

    def check(self, task: Task) -> None:
        """Refuse a broken spec, a malformed and an unknown image (FINDINGS-docker 6).

        :raises StepError: in the words of the release
        """
        self._images.of(task)

    async def run(self, work: Work) -> Finished:
        """Run the program to its end; the exit code is 128 + signal when it was killed.

        :raises StepError: it could not be started, or wrote more than its disk limit
        """
        spec = docker_spec(work.task, self._release)
        stand_in = self._images.stand_in(spec.image)
        check_startable(spec, work)
        if not self._bridge_network:
            _check_network(work.task.network.type.lower())
        _log.info("execution %s: image %s is %s", work.execution.id, spec.image, stand_in.words)
        order = await asyncio.to_thread(self._launcher.write_order, work, spec, stand_in)
        # Started from the loop's thread: bubblewrap dies with the *thread* that started it.
        container = Container(self._launcher.start(order), work, spec, self._watchdog)
        exit_code = await in_own_thread(f"sandbox {work.execution.id}", container.follow, container.kill)
        refuse_taken_names(work)
        return Finished(exit_code)


class Container:
    """A started program: its output, its limits, its end."""

    def __init__(self, process: subprocess.Popen[bytes], work: Work, spec: DockerSpec, watchdog: Watchdog) -> None:
        self.process = process
        self._work, self._spec, self._watchdog = work, spec, watchdog
        self._disk = work.limits.disk or DEFAULT_DISK
        self._own = [mount.source for mount in work.mounts if not mount.shared]
        self._looks = 0
        self._overflow = ""

    def kill(self) -> None:
        """Kill the whole tree (thread-safe), also one whose walls are still being put up.

        bubblewrap's child asks to die with its parent only after its mounts; until then it would outlive the parent.
        """
        self.process.send_signal(signal.SIGSTOP)  # it forks no more while its children are counted
        for pid in tree(self.process.pid):
            _kill_process(pid)
        self.process.kill()

    def follow(self) -> int:
        """Hand on output until the end; the exit code. Raises StepError."""
        with self._watchdog.watching(self._look):
            complaint = pump(self.process, self._work.log)
            code = self.process.wait()
        if self._overflow:
            raise StepError(self._overflow)
        if complaint and code in (_START_FAILED, _ORDER_FAILED):
            raise StepError(start_failure(complaint, self._spec))
        if complaint:
            self._work.log.write(2, complaint)
        return code if code >= 0 else 128 - code

    def _look(self) -> None:
        pids = tree(self.process.pid)
        limit = self._work.limits.memory
        if limit and sum(map(own_memory, pids)) > limit:
            used = {pid: fair_memory(pid) for pid in pids}
            if sum(used.values()) > limit:
                _kill_process(max(used, key=used.__getitem__))
        if sum(map(threads, pids)) > PROCESSES:
            self.kill()
        if pids and own_files(pids[0], _OWN_FOLDERS) > FILES:
            self._overflow = f"sandbox: the job made more than {FILES} files outside of its inputs and results"
            self.kill()
        self._looks += 1
        if shutil.disk_usage(self._work.folder).free < _LEAST_FREE:
            self._overflow = f"sandbox: less than {_LEAST_FREE} bytes are free on the disk of the stub"
            self.kill()
        elif self._looks % _LOOKS_PER_DISK_WALK == 0 and used_disk(self._own) > self._disk:
            self._overflow = f"sandbox: the job wrote more than its disk limit of {self._disk} bytes"
            self.kill()


def pump(process: subprocess.Popen[bytes], log: LogBuffer) -> bytes:
    """Copy stdout and stderr to the log in the order of arrival; returns what the walls themselves complained of.

    A stderr that begins like a complaint of the walls is held back: only the exit code tells whose it is.
    """
    held = b""
    seen = False
    with selectors.DefaultSelector() as selector:
        for stream, pipe in ((1, process.stdout), (2, process.stderr)):
            assert pipe is not None
            selector.register(pipe.fileno(), selectors.EVENT_READ, stream)
        while selector.get_map():
            for key, _ in selector.select():
                data = os.read(key.fd, _READ)
                stream_of: Stream = key.data
                if not data:
                    selector.unregister(key.fd)
                elif stream_of == 2 and (held or not seen) and (held + data).startswith((b"bwrap: ", b"sandbox: ")):
                    held += data
                else:
                    log.write(stream_of, data)
                seen = seen or stream_of == 2
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
    return held


def start_failure(complaint: bytes, spec: DockerSpec) -> str:
    """What a container engine says of a program that did not start (golden 73; the words after the colon are ours)."""
    text = lossy_text(complaint)
    if match := _EXEC_FAILURE.fullmatch(text):
        program = match["program"]
        if match["reason"] != "No such file or directory":
            return f'{_START}{_START}{DAEMON}exec: "{program}": {match["reason"].lower()}'
        if "/" in program:
            return f'{_START}{_START}{DAEMON}exec: "{program}": stat {program}: no such file or directory'
        return f'{_START}executable file not found: {DAEMON}exec: "{program}": executable file not found in $PATH'
    if spec.working_directory and _FOLDER_FAILURE.fullmatch(text):
        return f'{_START}{_START}{DAEMON}working directory "{spec.working_directory}" is not a directory'
    return f"creating container: {DAEMON}{text.removeprefix('bwrap: ').removeprefix('sandbox: ').strip()}"


def check_startable(spec: DockerSpec, work: Work) -> None:
    """Refuse what no engine makes a container of. Raises StepError."""
    if not spec.argv:
        raise StepError(f"creating container: {DAEMON}no command specified")
    for mount in work.mounts:
        if not mount.target.startswith("/"):
            raise StepError(f"creating container: {DAEMON}invalid mount path: '{mount.target}' must be absolute")
    if 0 < work.limits.memory < MINIMUM_MEMORY:
        raise StepError(f"{_START}{_START}{DAEMON}minimum memory limit allowed is 6MB")


def _check_network(kind: str) -> None:
    if kind == "http":
        raise StepError(f"setting up network: error pulling gateway image: {DAEMON}this node has no registry")
    if kind in _BRIDGED:
        raise StepError(f"{_START}{_START}{DAEMON}this node has no bridge network")


def _kill_process(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # ended meanwhile
        return
