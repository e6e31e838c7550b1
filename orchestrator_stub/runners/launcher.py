"""Turns a run into an order for `confine`, and starts it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator_stub.runners.base import Mount, Work
from orchestrator_stub.runners.busybox import HOME, REPOSITORY
from orchestrator_stub.runners.confine import Order
from orchestrator_stub.runners.docker_spec import DockerSpec, program_environment
from orchestrator_stub.runners.image import StandIn
from orchestrator_stub.runners.mountpoints import Shown, make_places, show
from orchestrator_stub.runners.walls import ETC, SYSTEM_LINKS, Bind, Walls, bubblewrap_arguments, clean, depth
from orchestrator_stub.runners.watchdog import threads

PROCESSES = 512
"""Processes and threads that one job may have."""
DEFAULT_DISK = 10 * 10**9
"""Bytes that a job without a disk limit may leave in its mounts."""
DEFAULT_SCRATCH = 512 * 2**20
"""Bytes outside of mounts for a job without a memory limit."""
MARGIN = 512 * 2**20
"""Bytes of writable but unused memory of one process (stacks of threads, arenas); the watchdog counts used ones."""
_RUNS = itertools.count()
"""Of this process, whoever starts them: the kernel counts by user, and what was killed is counted a little longer."""


class Launcher:
    """Turns a run into an order for `confine` and starts it."""

    def __init__(self, bubblewrap: str, *, nested_users: bool = False) -> None:
        self._bubblewrap, self._nested_users = bubblewrap, nested_users
        self._links = system_links()

    def write_order(self, work: Work, spec: DockerSpec, stand_in: StandIn = StandIn()) -> Path:  # noqa: B008 - frozen
        """Prepare mounts and write the order below the run's folder; blocking."""
        user = self.user()
        given = sorted(work.mounts, key=lambda mount: depth(mount.target))
        make_places(given)
        if user >= 0:
            for mount in given:
                if not mount.shared:
                    _give(mount.source, user)
        etc = [Mount(path, f"/etc/{path.name}") for path in _write_etc(work.folder / "etc")]
        image = _image(stand_in, [*(mount.target for mount in given), spec.working_directory or "/"])
        mounts = [*etc, *image.mounts, *given]
        hostname = work.execution.id.removeprefix("e-").replace("-", "")[:12] or "sandbox"
        memory = work.limits.memory
        walls = Walls(
            bubblewrap=self._bubblewrap,
            command=spec.argv,
            environment=program_environment(work.env, hostname, stand_in.path),
            hostname=hostname,
            scratch=memory or DEFAULT_SCRATCH,
            binds=[Bind(number, clean(mount.target), mount.writable) for number, mount in enumerate(mounts)],
            system_links=self._links if stand_in.busybox is None else _without(self._links, HOME),
            folders=image.folders,
            links=image.links,
            working_directory=spec.working_directory,
            nested_users=self._nested_users,
        )
        order: Order = {
            "argv": bubblewrap_arguments(walls),
            "binds": [str(mount.source) for mount in mounts],
            "user": user,
            "processes": process_limit(PROCESSES),
            "memory": memory + MARGIN if memory else -1,
            "file_size": work.limits.disk or DEFAULT_DISK,
        }
        return write_order(order, work.folder / "order.json")

    def start(self, order: Path) -> subprocess.Popen[bytes]:
        """Start the order; it ends with the calling thread."""
        return start_order("confine.py", order, stdin=subprocess.DEVNULL)

    def user(self) -> int:
        """The user to become for the next run; -1 when this process is not root and stays who it is."""
        if os.geteuid() != 0:
            return -1
        return unprivileged_user(Path("/proc/self/uid_map").read_text(), os.getpid() * 30_011 + next(_RUNS))


def process_limit(processes: int) -> int:
    """The kernel's limit that lets a job have so many: who is not root shares it with all his other processes."""
    return processes if os.geteuid() == 0 else processes + _own_threads()


def command_of(order: Path, script: str = "confine.py") -> list[str]:
    """The command line that carries out an order, by a program beside this file."""
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name(script)), str(order)]


def start_order(script: str, order: Path, *, stdin: int) -> subprocess.Popen[bytes]:
    """Start one of the programs beside this file, which carries out an order; it inherits nothing.

    :param stdin: as of `subprocess.Popen`
    """
    return subprocess.Popen(  # noqa: S603 - our own program, which starts the job
        command_of(order, script),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        env={},
    )


def write_order(order: Mapping[str, object], path: Path) -> Path:
    """Store an order where only this user reads it (it holds the job's environment)."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(order, file)
    return path


def system_links(root: Path = Path("/")) -> dict[str, str]:
    """Name -> link target ("" = a folder) of what stands beside /usr on this machine."""
    return {
        name: str((root / name).readlink()) if (root / name).is_symlink() else ""
        for name in SYSTEM_LINKS
        if (root / name).exists()
    }


def unprivileged_user(uid_map: str, number: int) -> int:
    """A user id that nobody has, of those that exist here (/proc/self/uid_map): another for each of a million numbers,
    or of 1,000 where there are few."""
    highest = max(int(line.split()[0]) + int(line.split()[2]) for line in uid_map.splitlines())
    span = 1_000_000 if highest > 10_000_000 else 1_000
    return max(1, min(highest, 2_000_000_000) - span + number % span)


def _image(stand_in: StandIn, places: Sequence[str]) -> Shown:
    """What stands in for the image, with room for what the job mounts inside of it."""
    image = Shown()
    if stand_in.busybox is not None:
        image.mounts.append(Mount(stand_in.busybox.program, f"{HOME}/{REPOSITORY}", shared=True))
        image.links |= stand_in.busybox.links
    for mount in stand_in.mounts:
        image.add(show(mount, places))
    return image


def _without(links: Mapping[str, str], path: str) -> dict[str, str]:
    return {name: target for name, target in links.items() if f"/{name}" != path}


def _write_etc(folder: Path) -> list[Path]:
    folder.mkdir()
    for name, text in ETC.items():
        (folder / name).write_text(text)
    return [folder / name for name in ETC]


def _give(path: Path, user: int) -> None:
    """Make a user the owner of everything below a path, never following links."""
    os.lchown(path, user, user)
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            _give(child, user)


def _own_threads() -> int:
    total = 0
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and process.stat().st_uid == os.getuid():
                total += threads(int(process.name))
        except OSError:  # ended meanwhile
            continue
    return total
