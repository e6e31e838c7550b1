"""Looks again and again at running work that the kernel cannot limit as a whole."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

INTERVAL = 0.05
"""Seconds between two looks at memory and processes."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ENTRY = 4096  # bytes that anything with a name counts: a disk has room for so many names, too


class Watchdog:
    """One thread for all running work; it lives only while something runs."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._lock = threading.Lock()
        self._looks: dict[object, Callable[[], None]] = {}
        self._idle = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, look: Callable[[], None]) -> Iterator[None]:
        """Call `look` every interval (seconds) until the block ends; it must be quick and not raise."""
        key = object()
        with self._lock:
            self._looks[key] = look
            if self._thread is None:
                self._idle.clear()
                self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._looks[key]
                if not self._looks:
                    self._idle.set()
                    self._thread = None

    def _watch(self) -> None:
        while not self._idle.wait(self._interval):
            with self._lock:
                if self._thread is not threading.current_thread():
                    return
                looks = list(self._looks.values())
            for look in looks:
                look()


def tree(pid: int) -> list[int]:
    """Process ids of everything below a process, without itself; what ends meanwhile is left out."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = _children(waiting.pop())
        waiting += below
        found += below
    return found


def _children(pid: int) -> list[int]:
    """Children of every thread of a process."""
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):  # one thread that ends must not hide the children of the others
                children += map(int, (thread / "children").read_text().split())
    return children


def threads(pid: int) -> int:
    """Number of threads of a process; 0 when it is gone."""
    with contextlib.suppress(OSError):
        return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    return 0


def own_memory(pid: int) -> int:
    """Bytes of memory that a process does not share with a file; 0 when it is gone. Cheap; counts forks twice."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(fields[1]) - int(fields[2])) * _PAGE
    return 0


def fair_memory(pid: int) -> int:
    """Bytes of memory of a process, shared pages divided among their users; 0 when unknown. Exact, but slow."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
    return own_memory(pid)


def own_files(pid: int, folders: tuple[str, ...]) -> int:
    """Files in file systems that a process has for itself; 0 when it sees those of this machine, or is gone.

    :param folders: where the file systems stand, as the process sees them
    """
    total = 0
    with contextlib.suppress(OSError):
        root = f"/proc/{pid}/root"
        if Path(root).stat().st_dev == Path("/").stat().st_dev:  # its walls are still being put up, or it has none
            return 0
        for folder in folders:
            facts = os.statvfs(root + folder)
            total += facts.f_files - facts.f_ffree
    return total


def used_disk(folders: list[Path]) -> int:
    """Bytes on disk of all files below the folders (or of the files), never following links; empty ones count, too."""
    total = 0
    waiting = list(folders)
    while waiting:
        path = waiting.pop()
        with contextlib.suppress(OSError):
            facts = path.lstat()
            total += max(facts.st_blocks * 512, _ENTRY)
            if stat.S_ISDIR(facts.st_mode):
                waiting.extend(path.iterdir())
    return total
