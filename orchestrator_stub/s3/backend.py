"""The process behind the gate: started at the first request, and connections to it that are used again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import h11

from orchestrator_stub.s3.client import DEFAULT_REGION
from orchestrator_stub.s3.errors import internal_error
from orchestrator_stub.s3.forward import forwarded_headers
from orchestrator_stub.s3.moto import READY
from orchestrator_stub.s3.request import Pairs
from orchestrator_stub.s3.wire import Event, Wire

_PATIENCE = 30
"""Seconds that the process may take to start."""
_MOST_IDLE = 16
"""Connections kept; each is a thread of the process."""


class Backend:
    """The embedded S3's process; all methods are called on one event loop."""

    def __init__(self) -> None:
        self._generation = 0
        self._folder = Path(tempfile.mkdtemp(prefix="bacalhau-stub-s3-"))
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._idle: list[Wire] = []

    @property
    def _path(self) -> Path:
        return self._folder / "s3"

    async def ready(self) -> int:
        """How often the process was started, at least once; what it kept before the last time is gone.

        :raises Refusal: it does not come up
        """
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                self._path.unlink(missing_ok=True)
                try:
                    self._process = await _start(self._path)
                except (OSError, TimeoutError):
                    raise internal_error() from None
                self._generation += 1
        return self._generation

    async def connect(self) -> Wire:
        """A connection on which nothing is under way.

        :raises Refusal: there is none to be had
        """
        await self.ready()
        while self._idle:
            wire = self._idle.pop()
            if not wire.is_over:
                return wire
            wire.close()
        try:
            return Behind(h11.CLIENT, *await asyncio.open_unix_connection(self._path))
        except OSError:
            raise internal_error() from None

    def release(self, wire: Wire) -> None:
        """A connection is not needed any more; it is kept when its last exchange is complete."""
        if wire.next_exchange() and len(self._idle) < _MOST_IDLE:
            self._idle.append(wire)
        else:
            wire.close()

    async def ask(
        self, method: str, target: str, headers: Pairs = (), body: bytes = b"", *, region: str = DEFAULT_REGION
    ) -> int:
        """Status of the answer to a request of the stub's own; its body is thrown away.

        :raises Refusal: the process does not answer
        """
        wire = await self.connect()
        try:
            sent = [*forwarded_headers(headers, length=len(body), region=region)]
            await wire.send(h11.Request(method=method, target=target, headers=sent))
            await wire.send(h11.Data(body))
            await wire.send(h11.EndOfMessage())
            status = 0
            while not isinstance(event := await wire.event(), h11.EndOfMessage):
                status = event.status_code if isinstance(event, h11.Response) else status
        except BaseException:
            wire.close()
            raise
        self.release(wire)
        return status

    async def empty(self) -> None:
        """Forget every object, without a new process. Raises OSError or TimeoutError when the process is gone."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()
        await _answered(self._process)
        self._generation += 1

    async def close(self) -> None:
        """End the process; its objects are gone."""
        for wire in self._idle:
            wire.close()
        self._idle.clear()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
                self._process.kill()
            await self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class Behind(Wire):
    """A connection to the process; whatever goes wrong there is one refusal for the client."""

    async def event(self) -> Event:
        """See `Wire.event`. Raises Refusal when the process is gone."""
        try:
            event = await super().event()
        except (OSError, h11.RemoteProtocolError):
            raise internal_error() from None
        if isinstance(event, h11.ConnectionClosed):
            raise internal_error()
        return event

    async def send(self, event: h11.Event) -> None:
        """See `Wire.send`. Raises Refusal when the process is gone."""
        try:
            await super().send(event)
        except OSError:
            raise internal_error() from None


def _environment() -> dict[str, str]:
    """This process's, without anything about real accounts; pages get what a bucket's CORS rules allow, as on AWS."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**own, "MOTO_DISABLE_GLOBAL_CORS": "true", "PYTHONPATH": paths}


async def _start(path: Path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator_stub.s3.moto",
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env=_environment(),
    )
    await _answered(process)
    return process


async def _answered(process: asyncio.subprocess.Process) -> None:
    """Wait until the process says that it is ready."""
    assert process.stdout is not None
    async with asyncio.timeout(_PATIENCE):
        if await process.stdout.readline() != READY:
            raise ConnectionError("the embedded S3 did not start")
