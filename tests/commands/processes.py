"""Programs started in process groups of their own, and ended together whatever happens to the one that started them.

A keeper process holds the list of groups. It ends them when its input closes: because `stop` closes it, or because
the program that started all this is gone (even by SIGKILL).
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TAG = "BACALHAU_STAGE"
GRACE_SECONDS = 4.0
KEEPER = """
import os, signal, sys, time
tag, grace = sys.argv[1].encode(), float(sys.argv[2])
groups = [int(line) for line in sys.stdin]

def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

def end(group, how):
    try:
        os.killpg(group, how)
    except (ProcessLookupError, PermissionError):
        pass  # ended by itself meanwhile

def strays():
    # Where /proc exists: what left its group still carries our mark in its environment.
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/environ", "rb") as environ:
                    if tag in environ.read().split(b"\\0"):
                        yield int(entry)
            except OSError:
                pass  # not ours to read, or gone meanwhile

for group in groups:
    end(group, signal.SIGTERM)
deadline = time.monotonic() + grace
while time.monotonic() < deadline and any(map(alive, groups)):
    time.sleep(0.05)
for group in groups:
    end(group, signal.SIGKILL)
for stray in strays():
    try:
        os.kill(stray, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # ended by itself meanwhile
"""


class Interrupted(BaseException):
    """The person or the system asked this program to end; carries the exit code to end with."""

    def __init__(self, signum: int) -> None:
        """`signum` is the signal that asked."""
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class Processes:
    """A set of running programs with one end."""

    def __init__(self, logs: Path) -> None:
        """Outputs go to files in the folder `logs`, which is made."""
        adopt_orphans()
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._tag = f"{TAG}={os.getpid()}-{os.urandom(6).hex()}"
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._keeper = subprocess.Popen(
            [sys.executable, "-S", "-c", KEEPER, self._tag, str(GRACE_SECONDS)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> subprocess.Popen[bytes]:
        """Start a program in a new process group; its output goes to `NAME.log`."""
        mark, _, value = self._tag.partition("=")
        with self.log(name).open("wb") as out:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**env, mark: value},
                cwd=cwd,
                start_new_session=True,
            )
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{process.pid}\n".encode())
        self._keeper.stdin.flush()
        self._started[name] = process
        return process

    def log(self, name: str) -> Path:
        """File with the output of a program."""
        return self._logs / f"{name}.log"

    def tail(self, name: str, lines: int = 15) -> str:
        """Last lines of a program's output."""
        path = self.log(name)
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def ended(self) -> str | None:
        """Name of a program that is no longer running, or None."""
        return next((name for name, process in self._started.items() if process.poll() is not None), None)

    def forget(self, name: str) -> None:
        """A program has done its work: its end is no longer news."""
        self._started.pop(name).wait()

    def kill(self, name: str) -> None:
        """A program ends at once, as in a crash, with all that it started."""
        process = self._started.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End everything that was started and wait until it is gone (a few seconds at most)."""
        if self._keeper.stdin and not self._keeper.stdin.closed:
            self._keeper.stdin.close()
        for process in self._started.values():
            process.wait()
        self._keeper.wait()
        reap_orphans()


def adopt_orphans() -> None:
    """On Linux, become the parent of grandchildren whose own parent ends, so that none stays as a zombie."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """On Linux, be asked to end when the parent (make) is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def reap_orphans() -> None:
    """Collect every ended child that nobody waits for."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # none is left
            return
        if pid == 0:
            return


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM, a closed terminal and the parent's end into one Interrupted; more do not disturb the clean-up."""

    def interrupt(signum: int, _frame: object) -> None:
        for other in signals:
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(signum)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    end_with_parent()
    before = [signal.signal(signum, interrupt) for signum in signals]
    try:
        yield
    finally:
        for signum, handler in zip(signals, before, strict=True):
            signal.signal(signum, handler)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """`env` without what could lead a demonstration elsewhere: Airflow's, AWS's, Bacalhau's and proxy variables."""
    own = ("AIRFLOW", "AWS_", "BACALHAU_", "BOTO_", "PYTEST_", "OTEL_")
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY")
    pythons = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
    kept = {
        name: value
        for name, value in env.items()
        if not name.upper().startswith(own) and name.upper() not in (*proxies, *pythons)
    }
    return {
        **kept,
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        # Nobody's real cloud account is read, whatever ~/.aws holds.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
