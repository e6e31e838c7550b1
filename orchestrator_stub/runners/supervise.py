"""Program that starts another one and sees to it that nothing of it outlives its end, its stop, or the stub.

Run as `python -I -S supervise.py ORDER`, where ORDER is a JSON file (see `Duty`). Its stdin is a pipe that the stub
holds: when that closes, because the run is stopped or the stub was killed, everything below ends. On Linux it adopts
what its program leaves behind, so that a program cannot hide; elsewhere what makes a session of its own is not found.
It imports only the standard library and is started once per job, so it stays small.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import TypedDict

_PR_SET_CHILD_SUBREAPER = 36
_PAUSE = 0.005
_ORDER_FAILED = 125
_KILLED = 137


class Duty(TypedDict):
    """What to start."""

    argv: list[str]
    env: dict[str, str]
    folder: str
    """Where it starts."""
    processes: int
    memory: int
    """Bytes of writable memory of each process; -1 = no limit."""
    file_size: int
    """Bytes of each file."""


def main(arguments: list[str]) -> int:
    """Carry out the order in the named file; the exit code of its program, 128 + signal when it was killed."""
    with open(arguments[0], encoding="utf-8") as file:  # noqa: PTH123 - pathlib would cost a third of the start
        duty: Duty = json.load(file)
    _adopt()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _become(duty, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        complaint = pipe.read()
    if complaint:
        sys.stderr.write(f"sandbox: {complaint.decode(errors='replace')}\n")
        return _ORDER_FAILED
    threading.Thread(target=_end_with_stub, args=(child,), daemon=True).start()
    ended, status = os.waitpid(-1, 0)
    while ended != child:  # one that was adopted
        ended, status = os.waitpid(-1, 0)
    end_all(child)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _adopt() -> None:
    """Become the parent of what loses its own below (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _become(duty: Duty, complaints: int) -> None:
    """Turn into the program; never returns. What fails is said in the words of the sandbox's launcher."""
    what = "setup"
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        for kind, value in (
            (resource.RLIMIT_DATA, duty["memory"]),
            (resource.RLIMIT_FSIZE, duty["file_size"]),
            (resource.RLIMIT_NPROC, duty["processes"]),
            (resource.RLIMIT_CORE, 0),
        ):
            _limit(kind, value)
        what = f"Can't chdir to {duty['folder']}"
        os.chdir(duty["folder"])
        what = f"execvp {duty['argv'][0]}"
        os.execvpe(duty["argv"][0], duty["argv"], duty["env"])  # noqa: S606 - the point of this program
    except OSError as error:
        os.write(complaints, f"{what}: {error.strerror}".encode())
    finally:
        os._exit(_ORDER_FAILED)


def _limit(kind: int, value: int) -> None:
    with contextlib.suppress(ValueError, OSError):  # a kind that this system does not know
        hard = resource.getrlimit(kind)[1]
        allowed = value if hard == resource.RLIM_INFINITY or value < 0 else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _end_with_stub(child: int) -> None:
    os.read(0, 1)  # nothing is ever written: it returns when the pipe closes
    end_all(child)
    os._exit(_KILLED)


def end_all(child: int) -> None:
    """Kill everything below this process, until nothing is left."""
    while True:
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        living = list(_living(os.getpid()))
        for pid in living:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not living:
            return
        time.sleep(_PAUSE)


def _living(parent: int) -> Iterator[int]:
    """Processes below another one that still run; none where there is no /proc."""
    waiting = [parent]
    while waiting:
        for pid in _children(waiting.pop()):
            waiting.append(pid)
            if not _has_ended(pid):
                yield pid


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - as above
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:  # noqa: PTH123 - as above
                found += map(int, file.read().split())
    return found


def _has_ended(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - as above
        return file.read().rpartition(") ")[2][:1] in ("Z", "X")
    return True


if __name__ == "__main__":
    try:
        result = main(sys.argv[1:])
    except Exception as error:  # the runner reads this line and tells the user
        sys.stderr.write(f"sandbox: {error}\n")
        sys.exit(_ORDER_FAILED)
    sys.exit(result)
