"""Whose a container is: labels that tell the next stub which ones a killed stub left behind."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

OWNER = "stub.bacalhau.org/owner"
EXECUTION = "stub.bacalhau.org/execution"
JOB = "stub.bacalhau.org/job"
_FIELD = 19
"""Of /proc/PID/stat behind the name: when the process started, in ticks since the machine did."""
_DEAD = ("Z", "X")
"""States of a process that only waits for its parent to notice."""


def owner_label() -> str:
    """This process: host name, process id, and when it started, since ids are given again."""
    return f"{socket.gethostname()}/{os.getpid()}/{started(os.getpid())}"


def is_left_over(label: str, hostname: str, started_at: Callable[[int], str]) -> bool:
    """Whether the stub that the label names is gone; of stubs on other hosts nothing is known (pure).

    :param started_at: tells of a process id when that process started, "" when there is none
    """
    host, _, rest = label.partition("/")
    pid, _, began = rest.partition("/")
    if host != hostname or not pid.isdigit():
        return False
    now = started_at(int(pid))
    return not now or now != began


def started(pid: int) -> str:
    """When a process started; "" when there is none, "running" where only that can be told (no /proc)."""
    if Path("/proc/self/stat").exists():
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            return "" if fields[0] in _DEAD else fields[_FIELD]
        return ""
    try:
        with contextlib.suppress(PermissionError):  # somebody else's, but there
            os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    return "running"
