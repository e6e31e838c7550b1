"""Busybox of this machine, which the sandbox shows where the image is a busybox: its shell has words of its own."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = "busybox"
"""Last part of the name of images that hold nothing but this program."""
HOME = "/bin"
"""Where such images have it, and a link to it for each of its commands."""
_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Busybox:
    """An installed busybox."""

    program: Path
    commands: tuple[str, ...]
    """Names under which it does something, `sh` among them."""

    @property
    def links(self) -> dict[str, str]:
        """Path in the sandbox -> target of the link, for each command."""
        return {f"{HOME}/{name}": REPOSITORY for name in self.commands if name != REPOSITORY}


def find_busybox(program: str | None = None) -> Busybox | None:
    """The busybox of this machine; None when there is none that works. Blocking, a few milliseconds.

    :param program: path of the program; None = looked up
    """
    found = program or shutil.which(REPOSITORY)
    if found is None:
        return None
    try:
        listed = subprocess.run([found, "--list"], capture_output=True, timeout=_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None  # what does not answer is as good as absent: /bin/sh of this machine is used
    names = tuple(name for name in listed.stdout.decode(errors="replace").split() if "/" not in name)
    return Busybox(Path(found), names) if "sh" in names else None
