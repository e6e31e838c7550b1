"""What uvicorn serves with: connections and TLS as the released servers do them."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import socket
import ssl
from collections.abc import Callable, Iterator

import uvicorn

from orchestrator_stub.api.connection import Connection

TICK = 0.1
"""Seconds between two of uvicorn's own looks around."""
ENDING = 0.1
"""Seconds for what is being answered when the server ends."""


class _Dated(list[tuple[bytes, bytes]]):
    """The date, made when it is read: while a request is answered a clock may jump."""

    def __init__(self, date: Callable[[], float]) -> None:
        super().__init__()
        self._date = date

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return iter([(b"date", email.utils.formatdate(self._date(), usegmt=True).encode())])


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: the command line decides what a signal means."""

    def __init__(
        self,
        config: uvicorn.Config,
        tls: ssl.SSLContext | None = None,
        date: Callable[[], float] | None = None,
    ) -> None:
        """`tls`: how each connection is secured; None serves plain HTTP, and nothing more is imported.

        `date`: what time answers say it is, unix seconds; None = this machine's.
        """
        super().__init__(config)
        self._tls = tls
        self._shows_own_date = date is None
        if date is not None:
            self.server_state.default_headers = _Dated(date)
        self._told = asyncio.Event()

    async def on_tick(self, counter: int) -> bool:
        """uvicorn's, which shows this machine's date every second, unless answers say another one."""
        return await super().on_tick(counter) if self._shows_own_date else self.should_exit

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

    def end(self) -> None:
        """Let `serve` return: at once, but for answers under way, which get `ENDING` seconds."""
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        """uvicorn's, but that it does not sleep through `end`."""
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door and every connection; nothing of the server is left on the event loop, which may go on."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        self._dismiss()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=ENDING)
        left = list(self.server_state.tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self._dismiss()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING):
                await asyncio.gather(*(server.wait_closed() for server in self.servers))

    def _dismiss(self) -> None:
        for connection in list(self.server_state.connections):
            connection.shutdown()

    def _protocol(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)
