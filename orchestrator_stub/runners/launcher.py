"""Turns a run into an order for `confine`, and starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from orchestrator_stub.runners.base import Mount, Work
from orchestrator_stub.runners.confine import Order
from orchestrator_stub.runners.docker_spec import DockerSpec, program_environment
from orchestrator_stub.runners.walls import ETC, SYSTEM_LINKS, Bind, Walls, bubblewrap_arguments, clean, depth, inside
from orchestrator_stub.runners.watchdog import threads

PROCESSES = 512
"""Processes and threads that one job may have."""
DEFAULT_DISK = 10 * 10**9
"""Bytes that a job without a disk limit may leave in its mounts."""
DEFAULT_SCRATCH = 512 * 2**20
"""Bytes outside of mounts for a job without a memory limit."""
_MARGIN = 512 * 2**20  # writable but unused memory of one process (stacks of threads, arenas); the watchdog counts used


class Launcher:
    """Turns a run into an order for `confine` and starts it."""

    def __init__(self, bubblewrap: str, *, nested_users: bool = False) -> None:
        self._bubblewrap, self._nested_users = bubblewrap, nested_users
        self._links = system_links()
        self._count = 0
        self._lock = threading.Lock()

    def write_order(self, work: Work, spec: DockerSpec) -> Path:
        """Prepare mounts and write the order below the run's folder; blocking."""
        user = self.user()
        mounts = sorted(work.mounts, key=lambda mount: depth(mount.target))
        _make_mount_points(mounts)
        if user >= 0:
            for mount in mounts:
                if not mount.shared:
                    _give(mount.source, user)
        etc = _write_etc(work.folder / "etc")
        binds = [Bind(number, f"/etc/{path.name}", writable=False) for number, path in enumerate(etc)]
        binds += [Bind(number, clean(mount.target), mount.writable) for number, mount in enumerate(mounts, len(etc))]
        hostname = work.execution.id.removeprefix("e-").replace("-", "")[:12] or "sandbox"
        memory = work.limits.memory
        walls = Walls(
            bubblewrap=self._bubblewrap,
            command=spec.argv,
            environment=program_environment(work.env, hostname),
            hostname=hostname,
            scratch=memory or DEFAULT_SCRATCH,
            binds=binds,
            system_links=self._links,
            working_directory=spec.working_directory,
            nested_users=self._nested_users,
        )
        order: Order = {
            "argv": bubblewrap_arguments(walls),
            "binds": [str(path) for path in (*etc, *(mount.source for mount in mounts))],
            "user": user,
            "processes": self.process_limit(PROCESSES),
            "memory": memory + _MARGIN if memory else -1,
            "file_size": work.limits.disk or DEFAULT_DISK,
        }
        return write_order(order, work.folder / "order.json")

    def start(self, order: Path) -> subprocess.Popen[bytes]:
        """Start the order; it ends with the calling thread."""
        return subprocess.Popen(  # noqa: S603 - our own launcher, which starts the job behind walls
            command_of(order),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
            env={},
        )

    def user(self) -> int:
        """The user to become for the next run; -1 when this process is not root and stays who it is."""
        if os.geteuid() != 0:
            return -1
        with self._lock:
            self._count += 1
            return unprivileged_user(Path("/proc/self/uid_map").read_text(), os.getpid() * 31 + self._count)

    def process_limit(self, processes: int) -> int:
        """The kernel's limit that lets a job have so many: who is not root shares it with all his other processes."""
        return processes if os.geteuid() == 0 else processes + _own_threads()


def command_of(order: Path) -> list[str]:
    """The command line that carries out an order."""
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("confine.py")), str(order)]


def write_order(order: Order, path: Path) -> Path:
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
    """A user id that nobody has, another for each of 1,000 numbers, from those that exist here (/proc/self/uid_map)."""
    highest = max(int(line.split()[0]) + int(line.split()[2]) for line in uid_map.splitlines())
    return max(1, min(highest, 2_000_000_000) - 1_000 + number % 1_000)


def _make_mount_points(mounts: Sequence[Mount]) -> None:
    """A mount inside another one needs its place there; engines leave an empty 0755 file behind (FINDINGS-docker 4)."""
    for mount in mounts:
        above = [(outer, rest) for outer in mounts if (rest := inside(mount.target, outer.target)) and not outer.shared]
        if not above:
            continue
        outer, rest = max(above, key=lambda pair: depth(pair[0].target))
        place = outer.source / rest
        place.parent.mkdir(parents=True, exist_ok=True)
        if mount.source.is_dir():
            place.mkdir(exist_ok=True)
        elif not place.exists():
            place.touch()
            place.chmod(0o755)


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
