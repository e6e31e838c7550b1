"""A TCP proxy that loses one reply: the request arrives, the answer does not, and the connection ends without a byte."""

from __future__ import annotations

import contextlib
import socket
import threading


class LossyProxy:
    """Passes bytes to one address of this machine and back; a request that begins as told loses its reply, once."""

    def __init__(self, port: int, request: bytes) -> None:
        """`port` is the server's, `request` the first bytes of the request whose reply is lost."""
        self._server_port = port
        self._request = request
        self._lock = threading.Lock()
        self.requests = 0
        """How many of them came; the first one's reply is lost."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        """Where it listens, on 127.0.0.1."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._server_port))
        doomed = threading.Event()
        back = threading.Thread(target=self._answer, args=(server, client, doomed), daemon=True)
        back.start()
        with contextlib.suppress(OSError):  # one side has closed
            while data := client.recv(65536):
                if data.startswith(self._request) and self._first():
                    doomed.set()
                server.sendall(data)
        _end(server)
        back.join()
        _end(client)

    def _answer(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):  # one side has closed
            while data := server.recv(65536):
                if doomed.is_set():
                    break
                client.sendall(data)
        _end(client)

    def _first(self) -> bool:
        with self._lock:
            self.requests += 1
            return self.requests == 1


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # ended already
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
