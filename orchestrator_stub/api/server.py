"""What uvicorn serves with: connections and TLS as the released servers do them."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn

from orchestrator_stub.api.connection import Connection


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: the command line decides what a signal means."""

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: how each connection is secured; None serves plain HTTP, and nothing more is imported."""
        super().__init__(config)
        self._tls = tls

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's handlers as they are."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on bound sockets; with TLS by a listener of our own."""
        if self._tls is None:
            await super().startup(sockets)
            return
        from orchestrator_stub.api.listener import TlsListener

        await super().startup([])
        self.servers = [
            TlsListener(each, self._tls, self._protocol)  # type: ignore[misc]  # it is only ever closed
            for each in sockets or []
        ]

    def _protocol(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)
