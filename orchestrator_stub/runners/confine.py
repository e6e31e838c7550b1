"""Program that becomes bubblewrap: sets limits and, for root, first gives up being root.

Run as `python -I -S confine.py ORDER`, where ORDER is a JSON file (see `Order`). It imports only the standard library
and is started once per job, so it stays small. As root it works in a mount namespace of its own, in which everything
to be mounted is bound below /tmp: the unprivileged user that it becomes may not reach the folders where those things
are. It must become that user *before* bubblewrap starts, because root is exempt from the limit on processes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import TypedDict

_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_STAGE = "/tmp"  # noqa: S108 - a fresh tmpfs of this process is mounted on it before anything is written


class Order(TypedDict):
    """What to start."""

    argv: list[str | int]
    """bubblewrap and its arguments; a number stands for the bind of that number."""
    binds: list[str]
    """Files and folders of this machine that argv mounts."""
    user: int
    """User and group to become when this process is root; -1 otherwise."""
    processes: int
    memory: int
    """Bytes of writable memory of each process."""
    file_size: int
    """Bytes of each file."""


def main(arguments: list[str]) -> None:
    """Become what the order in the named file says; never returns."""
    with open(arguments[0], encoding="utf-8") as file:  # noqa: PTH123 - pathlib would cost a third of the start
        order: Order = json.load(file)
    binds = _stage(order["binds"]) if order["user"] >= 0 else order["binds"]
    argv = [binds[word] if isinstance(word, int) else word for word in order["argv"]]
    _limit(order)
    if order["user"] >= 0:
        os.setgroups([])
        os.setresgid(order["user"], order["user"], order["user"])
        os.setresuid(order["user"], order["user"], order["user"])
    os.umask(0o022)
    os.chdir("/")
    os.execve(argv[0], argv, {})  # noqa: S606 - the point of this program


def _limit(order: Order) -> None:
    for kind, value in (
        (resource.RLIMIT_DATA, order["memory"]),
        (resource.RLIMIT_FSIZE, order["file_size"]),
        (resource.RLIMIT_NPROC, order["processes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _stage(binds: list[str]) -> list[str]:
    """Bind everything below a tmpfs of this process alone; returns the new places."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def call(done: int, what: str) -> None:
        if done:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)

    call(libc.unshare(_CLONE_NEWNS), "unshare")
    call(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "/")
    handles = [os.open(bind, os.O_PATH) for bind in binds]
    call(libc.mount(b"tmpfs", _STAGE.encode(), b"tmpfs", 0, b"mode=755"), _STAGE)
    places = []
    for number, handle in enumerate(handles):
        source, place = f"/proc/self/fd/{handle}", f"{_STAGE}/{number}"
        if os.path.isdir(source):  # noqa: PTH112 - as above
            os.mkdir(place)  # noqa: PTH102 - as above
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
        call(libc.mount(source.encode(), place.encode(), None, _MS_BIND | _MS_REC, None), binds[number])
        os.close(handle)
        places.append(place)
    return places


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Exception as error:  # the runner reads this line and tells the user
        print(f"sandbox: {error}", file=sys.stderr)  # noqa: T201 - its only way to speak
        sys.exit(125)
