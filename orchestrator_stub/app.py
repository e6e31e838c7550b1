"""The composition root: settings -> a running stub. Concrete choices are made here and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import uvicorn

from orchestrator_stub.api.app import build_routes
from orchestrator_stub.api.guard import ASGIApp, Doors, Guard
from orchestrator_stub.api.server import Protocol
from orchestrator_stub.clock import Clock, RealClock
from orchestrator_stub.control.info import StubInfo
from orchestrator_stub.control.routes import build_control
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.orchestrator import Orchestrator, Workbench
from orchestrator_stub.machine import build_nodes, describe_nodes
from orchestrator_stub.settings import Settings


class Stub:
    """A stub that can be started once. All methods are called on the event loop that shall serve it."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, seed: int | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or RealClock()
        self.orchestrator: Orchestrator
        self.url = ""
        self._seed = seed
        self._release = RELEASES[settings.emulate]
        self._folder = Path()
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind, start and answer. Raises OSError when the address cannot be bound; nothing is left behind then."""
        listener = _listen(self.settings.host, self.settings.port)
        self._folder = Path(tempfile.mkdtemp(prefix="bacalhau-stub-"))
        try:
            await self._build(listener)
        except BaseException:
            listener.close()
            await self._clean_up()
            raise

    async def _build(self, listener: socket.socket) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        """End everything: no process, thread of work, port or file of the stub is left."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
        await self._clean_up()

    async def _clean_up(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; its protocol is named because asyncio sets TCP_NODELAY only then."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener
