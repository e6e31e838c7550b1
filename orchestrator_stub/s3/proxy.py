"""The door of the embedded S3: bound at start, it starts the real server at the first connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from orchestrator_stub.s3.client import S3Access, S3Settings

PORT = 4570
"""Taken when it is free."""
_CHUNK = 64 * 1024
_PATIENCE = 30
"""Seconds that the server may take to start."""


class S3Service:
    """S3 of one stub: embedded, on another server, AWS, or none."""

    def __init__(self, settings: S3Settings, *, host: str = "127.0.0.1", port: int = PORT) -> None:
        """Nothing is bound yet; `port` 0 = any."""
        self.settings = settings
        self.endpoint = settings.url
        """URL of the S3 that stands for AWS; "" where there is none or AWS itself is used."""
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self._moto: _Moto | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def is_on(self) -> bool:
        """Whether nodes can advertise s3."""
        return self.settings.mode != "off"

    async def start(self) -> None:
        """Bind the port in mode `embedded` (another one when it is taken). Raises OSError when none can be bound."""
        if self.settings.mode != "embedded":
            return
        self._moto = _Moto()
        try:
            self._server = await asyncio.start_server(self._connected, self._host, self._port)
        except OSError:
            if not self._port:
                raise
            self._server = await asyncio.start_server(self._connected, self._host, 0)
        address = self._server.sockets[0].getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.endpoint = f"http://{shown}:{address[1]}"

    def access(self) -> S3Access:
        """What inputs and publishers use, after `start`."""
        return S3Access(self.settings, self.endpoint)

    async def close(self) -> None:
        """Give the port back and end the server; its objects are gone."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._moto is not None:
            await self._moto.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        assert self._moto is not None
        self._connections.add(connection)
        try:
            await _exchange(reader, writer, await self._moto.socket())
        except (OSError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()  # the client sees a broken connection, which it is
        finally:
            self._connections.discard(connection)
            writer.close()


class _Moto:
    """The server's process, started once."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bacalhau-stub-s3-"))
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def socket(self) -> Path:
        """Path of the socket of the running server; starts it. Raises OSError when it does not come up."""
        path = self._folder / "s3"
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                path.unlink(missing_ok=True)
                self._process = await _start(path)
        return path

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
                self._process.kill()
            await self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    """This process's, without anything about real accounts."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}


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
        env={**_environment(), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert process.stdout is not None
    async with asyncio.timeout(_PATIENCE):
        if await process.stdout.readline() != b"ready\n":
            raise ConnectionError("the embedded S3 did not start")
    return process


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket: Path) -> None:
    """Hand on both ways until the server ends; a client that only stops sending still gets its answer."""
    server_reader, server_writer = await asyncio.open_unix_connection(socket)
    sending = asyncio.create_task(_copy(reader, server_writer))
    try:
        await _copy(server_reader, writer)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        server_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on bytes until the sender ends, then tell the receiver."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
