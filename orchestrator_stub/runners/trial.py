"""Proves at start that the sandbox works here and that its limits hold."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orchestrator_stub.runners.confine import Order
from orchestrator_stub.runners.launcher import Launcher, command_of, process_limit, system_links, write_order
from orchestrator_stub.runners.walls import Walls, bubblewrap_arguments

_MEMORY = 8 * 2**20
_FILE = 100_000
_SCRATCH = 16 * 2**20
_PROCESSES = 8
_SECONDS = 10
_SCRIPT = f"""
test -z "$(ls -A /root)$(ls -A /home 2>/dev/null)" || echo "the home folders"
(head -c {2 * _FILE} /dev/zero > file) 2>/dev/null && echo "the limit on files"
(x=0123456789abcdef; while test ${{#x}} -lt {2 * _MEMORY}; do x=$x$x; done) 2>/dev/null && echo "the limit on memory"
(i=0; while test $i -lt {2 * _PROCESSES}; do sleep 1 >/dev/null & i=$((i+1)); done) 2>/dev/null \\
  && echo "the limit on processes"
echo done
"""
"""A line for each wall or limit that does not hold."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether the sandbox can be used."""

    reason: str = ""
    """Why not, one sentence with the next step; "" when it can."""
    bubblewrap: str = ""
    """Path of the program."""
    nested_users: bool = False
    """True when this bubblewrap cannot forbid user namespaces inside."""

    @property
    def works(self) -> bool:
        """True when docker tasks can run in the sandbox."""
        return not self.reason


def trial(bubblewrap: str | None = None) -> Trial:
    """Run a small program behind the walls and see them hold; blocking, well below 0.2 s where all is well.

    :param bubblewrap: path of the program; None = looked up
    """
    program = bubblewrap or shutil.which("bwrap")
    if sys.platform != "linux":
        return Trial("the sandbox needs Linux; use --docker-runner scripted")
    if program is None:
        return Trial("bubblewrap is not installed (package bubblewrap)")
    first = _try(program, nested_users=False)
    if first.works or "disable-userns" not in first.reason:
        return first
    return _try(program, nested_users=True)  # before 0.8


def _try(program: str, *, nested_users: bool) -> Trial:
    with tempfile.TemporaryDirectory(prefix="bacalhau-stub-trial-") as folder:
        launcher = Launcher(program, nested_users=nested_users)
        walls = Walls(
            bubblewrap=program,
            command=("/bin/sh", "-c", _SCRIPT),
            environment={"PATH": "/usr/bin:/bin"},
            hostname="trial",
            scratch=_SCRATCH,
            system_links=system_links(),
            nested_users=nested_users,
        )
        order: Order = {
            "argv": bubblewrap_arguments(walls),
            "binds": [],
            "user": launcher.user(),
            "processes": process_limit(_PROCESSES),
            "memory": _MEMORY,
            "file_size": _FILE,
        }
        path = write_order(order, Path(folder) / "order.json")
        try:
            done = subprocess.run(  # noqa: S603 - our own launcher
                command_of(path), stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Trial(f"bubblewrap does not work here: {error}")
    said = done.stdout.decode(errors="replace").splitlines()
    if said == ["done"]:
        return Trial("", program, nested_users)
    if said and said[-1] == "done":
        return Trial(f"bubblewrap does not protect {', '.join(said[:-1])} here")
    complaint = done.stderr.decode(errors="replace").strip().splitlines() or ["no answer"]
    return Trial(f"bubblewrap does not work here: {complaint[-1].removeprefix('bwrap: ')}")
