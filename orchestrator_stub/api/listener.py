"""Where connections to a stub with TLS come in: handshakes, and what Go's server answers when somebody speaks HTTP.

A real orchestrator with TLS runs Go's net/http (pkg/publicapi/server.go, ServeTLS). Its answer to plain HTTP cannot be
had from asyncio's own listener, which drops the connection, so the first bytes are looked at before the handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

PLAIN_HTTP = (b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO")
"""The first five bytes that Go's net/http takes for HTTP; others, DELETE among them, are dropped."""
PLAIN_ANSWER = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
PATIENCE = 5.0
"""Seconds for the first bytes, and for a handshake: Go bounds it by ReadHeaderTimeout (fact sheet 2.1)."""
GOODBYE = 1.0
"""Seconds that an ended connection waits for the client's own goodbye; Go does not wait."""
BACKLOG = 2048
OUT_OF_FILES = 1.0
"""Seconds to wait when no connection can be taken on."""


class TlsListener:
    """Takes connections of a bound socket until it is closed. Made on the event loop that serves them."""

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext, make_protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._context = context
        self._make_protocol = make_protocol
        self._tasks: set[asyncio.Task[None]] = set()
        self._start(self._accept())

    def close(self) -> None:
        """Take no more connections, and give up those that have not shaken hands."""
        self._loop.remove_reader(self._listener)  # at once: its number may be another file's when the task ends
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Until nothing of it runs any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._listener)
            except OSError:
                await asyncio.sleep(OUT_OF_FILES)  # as asyncio's own listener: others may end meanwhile
                continue
            self._start(self._open(connection))

    async def _open(self, connection: socket.socket) -> None:
        is_tls = False
        try:
            async with asyncio.timeout(PATIENCE):
                is_tls = await _wants_a_handshake(connection)
        except OSError:
            pass  # somebody who left or said nothing
        finally:
            if not is_tls:
                connection.close()
        if is_tls:
            with contextlib.suppress(OSError):  # a client that does not trust the certificate knows why
                await self._loop.connect_accepted_socket(
                    self._make_protocol,
                    connection,
                    ssl=self._context,
                    ssl_handshake_timeout=PATIENCE,
                    ssl_shutdown_timeout=GOODBYE,
                )


async def _wants_a_handshake(connection: socket.socket) -> bool:
    """False for who left, and for who speaks HTTP, which is answered; no byte of a handshake is consumed."""
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection, arrived.set)
    try:
        await arrived.wait()
    finally:
        loop.remove_reader(connection)
    first = connection.recv(5, socket.MSG_PEEK)
    if first not in PLAIN_HTTP:
        return bool(first)
    await loop.sock_recv(connection, 65536)  # unread bytes would turn the end into a reset
    await loop.sock_sendall(connection, PLAIN_ANSWER)
    connection.shutdown(socket.SHUT_WR)
    return False
