"""The S3 of one stub: where it is, and the port of the embedded one, behind which nothing is loaded unasked."""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator_stub.domain.hosts import is_loopback
from orchestrator_stub.s3.client import STUB_KEYS, S3Access, S3Settings

if TYPE_CHECKING:
    from orchestrator_stub.s3.backend import Backend
    from orchestrator_stub.s3.gate import Gate

PORT = 4570
"""Taken when it is free."""


class S3Service:
    """S3 of one stub: embedded, on another server, AWS, or none."""

    def __init__(
        self,
        settings: S3Settings,
        *,
        host: str = "127.0.0.1",
        port: int = PORT,
        now: Callable[[], int] = time.time_ns,
        hosts: tuple[str, ...] = (),
        seed: int | None = None,
        backend: Callable[[], Backend] | None = None,
    ) -> None:
        """Nothing is bound yet.

        :param port: 0 = any
        :param now: the stub's clock, unix nanoseconds: when pre-signed URLs expire
        :param hosts: names besides loopback by which clients may call the embedded one
        :param seed: makes the request ids of the embedded one the same in a second run
        :param backend: gives what keeps the objects of the embedded one, at the first request; default a new process
        """
        self.settings = settings
        self.endpoint = settings.url
        """URL of the S3 that stands for AWS; "" where there is none or AWS itself is used."""
        self.public = ""
        """By which other machines reach the embedded one; "" where they do not."""
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self._now, self._hosts, self._seed = now, hosts, seed
        self._make_backend = backend
        self._backend: Backend | None = None
        self._gate: Gate | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def is_on(self) -> bool:
        """Whether nodes can advertise s3."""
        return self.settings.mode != "off"

    async def start(self) -> None:
        """Bind the port in mode `embedded` (another one when it is taken). Raises OSError when none can be bound."""
        if self.settings.mode != "embedded":
            return
        try:
            self._server = await asyncio.start_server(self._connected, self._host, self._port)
        except OSError:
            if not self._port:
                raise
            self._server = await asyncio.start_server(self._connected, self._host, 0)
        address, port = self._server.sockets[0].getsockname()[:2]
        if self._hosts and not is_loopback(address):
            self.public = f"http://{self._hosts[0]}:{port}"
        near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - replaced, not bound
        self.endpoint = f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"

    def access(self) -> S3Access:
        """What inputs and publishers use, after `start`."""
        return S3Access(self.settings, self.endpoint, self.public)

    async def close(self) -> None:
        """Give the port back and end the server; its objects are gone."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._backend is not None:
            await self._backend.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            await self._opened().serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # the stub ends
        finally:
            self._connections.discard(connection)

    def _opened(self) -> Gate:
        if self._gate is None:
            from orchestrator_stub.s3.backend import Backend
            from orchestrator_stub.s3.gate import Gate

            self._backend = (self._make_backend or Backend)()
            self._gate = Gate(
                self._backend,
                STUB_KEYS,
                now=self._now,
                makes_buckets=not self.settings.strict,
                hosts=(*self._hosts, urllib.parse.urlsplit(self.endpoint).hostname or ""),
                seed=self._seed,
            )
        return self._gate
