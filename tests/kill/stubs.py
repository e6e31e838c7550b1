"""Stubs as processes of their own, for tests that kill them, and what can be asked of one."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
JOBS = "/api/v1/orchestrator/jobs"
FLAGS = ("--port", "0", "--s3", "off", "--docker-runner", "scripted")


class Served:
    """One running stub."""

    def __init__(self, folder: Path, *flags: str, memory: bool = False, **how: Any) -> None:
        """Start it and wait for its first answer, which took `seconds`, not counting those in which other programs had
        the processors. `memory`: without a data directory."""
        command = [sys.executable, "-m", "orchestrator_stub", "serve", *FLAGS, *flags]
        began = time.perf_counter()
        self.process = subprocess.Popen(
            command if memory else [*command, "--data-dir", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **how,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("bacalhau stub "):
            assert self.process.stderr is not None
            raise AssertionError(f"no start: {line}{self.process.stderr.read()}")
        self.host, _, port = line.split()[-1].removeprefix("http://").rpartition(":")
        self.port = int(port)
        assert self.ask("GET", "/api/v1/agent/alive")[0] == 200
        self.seconds = time.perf_counter() - began - self._kept_waiting()

    def _kept_waiting(self) -> float:
        """Seconds that it was ready to run and did not."""
        waits = Path(f"/proc/{self.process.pid}/schedstat")
        return int(waits.read_text().split()[1]) / 1e9 if waits.exists() else 0.0

    def connect(self) -> http.client.HTTPConnection:
        """A connection of one's own."""
        return http.client.HTTPConnection(self.host, self.port, timeout=20)

    def ask(
        self, method: str, path: str, body: Any = None, connection: http.client.HTTPConnection | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of an answer. Raises OSError or HTTPException when none came."""
        asked = connection or self.connect()
        headers = {"Content-Type": "application/json"}
        asked.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = asked.getresponse()
        text = answer.read()
        if connection is None:
            asked.close()
        return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else text

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        os.kill(self.process.pid, signal.SIGKILL)
        self._over()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self._over()

    def _over(self) -> int:
        code = self.process.wait(20)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code

    def megabytes(self) -> float:
        """Memory that it has now."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024


def job(name: str = "", kind: str = "batch", **fields: Any) -> dict[str, Any]:
    """A small docker job."""
    task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "busybox:1.36"}}}
    return {"Job": {"Name": name, "Type": kind, "Count": 1, "Tasks": [task], **fields}}
