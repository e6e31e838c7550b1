"""The embedded S3: moto behind a Unix socket, in a process of its own that ends with the stub.

Run as `python -m orchestrator_stub.s3.moto SOCKET`; it prints `ready` once it listens and ends when its stdin does.
"""

from __future__ import annotations

import os
import socketserver
import sys
import threading
from pathlib import Path
from typing import Any


def serve(socket_path: Path) -> None:
    """Serve S3 at a Unix socket until stdin ends; every request has a thread."""
    from moto.moto_server import werkzeug_app
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    known: type[WSGIRequestHandler] = getattr(werkzeug_app, "MotoRequestHandler", WSGIRequestHandler)

    class Handler(known):  # type: ignore[misc, valid-type]  # newer releases of moto need their own
        """Keeps connections open and the terminal quiet."""

        protocol_version = "HTTP/1.1"

        def log(self, type: str, message: str, *args: Any) -> None:
            """Nothing."""

        def address_string(self) -> str:
            """A Unix socket has no address."""
            return "stub"

    server = ThreadedWSGIServer(f"unix://{socket_path}", 0, werkzeug_app.create_backend_app("s3"), handler=Handler)
    assert isinstance(server, socketserver.ThreadingMixIn)
    server.daemon_threads = True
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    print("ready", flush=True)  # noqa: T201 - what the proxy waits for
    server.serve_forever()


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
