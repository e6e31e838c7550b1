"""A stub in a process of its own: how it starts, how much it holds, what it complains about, how it ends."""

from __future__ import annotations

import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

START_S, END_S = 30.0, 10.0
_ROOT = Path(__file__).resolve().parents[3]
_URL = re.compile(r"http://([\d.]+):(\d+)")
TROUBLE = re.compile(r"Traceback|exception was never retrieved|never awaited|Unhandled|failed$", re.MULTILINE)
"""What in a stub's complaints means that its code broke."""


class StubProcess:
    """`with StubProcess(release) as stub`: a running stub that runs no program of this machine."""

    def __init__(self, release: str, flags: tuple[str, ...] = ()) -> None:
        self.release = release
        self._flags = ("--docker-runner", "scripted", "--s3", "off", *flags)
        self.host, self.port = "", 0

    def __enter__(self) -> StubProcess:
        self._log = tempfile.TemporaryFile()
        command = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--emulate", self.release, *self._flags]
        self.process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log)
        found = _URL.search(self._first_line())
        if found is None:
            self.process.kill()
            raise RuntimeError(f"the stub did not start:\n{self.complaints()}")
        self.host, self.port = found[1], int(found[2])
        return self

    def _first_line(self) -> str:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            if not waiting.select(START_S):
                return ""
        return self.process.stdout.readline().decode()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()

    def end(self) -> tuple[int, float]:
        """Ask it to end; its exit status and the seconds that took. -9: it had to be killed."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode, time.monotonic() - began

    def complaints(self) -> str:
        """All that it wrote to stderr."""
        self._log.flush()
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def memory(self) -> tuple[int, int]:
        """Kilobytes that it holds now, and the most it ever held."""
        status = Path(f"/proc/{self.process.pid}/status")
        if status.exists():
            found = dict(re.findall(r"Vm(RSS|HWM):\s+(\d+) kB", status.read_text()))
            return int(found.get("RSS", 0)), int(found.get("HWM", 0))
        shown = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, text=True, check=False)
        return (int(shown.stdout or 0),) * 2
