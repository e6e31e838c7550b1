"""The embedded S3: moto behind a Unix socket, in a process of its own that ends with the stub.

Run as `python -m orchestrator_stub.s3.moto SOCKET`; it prints `ready` once it listens and ends when its stdin does.
At each line of its stdin it forgets every object and prints `ready` again.
Who may ask, and what AWS checks before it looks at a bucket, is the gate's matter.
"""

from __future__ import annotations

import contextlib
import http
import io
import os
import socketserver
import sys
import threading
from pathlib import Path
from typing import Any

READY = b"ready\n"
"""What the stub waits for on stdout."""
REQUEST_ID = "x-amz-request-id"
BODILESS = (204, 304)
"""Statuses of answers without a body; all others say how long theirs is."""
_READS = ("GET", "HEAD", "OPTIONS")


def serve(socket_path: Path) -> None:
    """Serve S3 at a Unix socket until stdin ends; every connection has a thread."""
    from moto.moto_server import werkzeug_app
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
    from werkzeug.test import run_wsgi_app

    known: type[WSGIRequestHandler] = getattr(werkzeug_app, "MotoRequestHandler", WSGIRequestHandler)
    one_writer = threading.Lock()

    class Handler(known):  # type: ignore[misc, valid-type]  # newer releases of moto need their own
        """Keeps connections open, which werkzeug's own never does, and the terminal quiet."""

        protocol_version = "HTTP/1.1"

        def run_wsgi(self) -> None:
            """Answer one request; one whose body ends early has no effect."""
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            if len(body) < size:
                self.close_connection = True
                return
            environ = {**self.make_environ(), "wsgi.input": io.BytesIO(body)}
            # A condition and the write that it guards are one step, as on AWS.
            with contextlib.nullcontext() if self.command in _READS else one_writer:
                chunks, status, headers = run_wsgi_app(self.server.app, environ)
                data = b"".join(chunks)
            code, _, phrase = status.partition(" ")
            self.send_response_only(int(code), phrase)
            self._answer(int(code), headers.items(), data)

        def _answer(self, status: int, headers: Any, data: bytes) -> None:
            with_body = self.command != "HEAD" and status not in BODILESS
            own_id, given_id = "", self.headers.get(REQUEST_ID, "")
            for name, value in headers:
                if name.lower() == "x-amzn-requestid":
                    own_id = value
                elif not (with_body and name.lower() == "content-length"):
                    self.send_header(name, value)
            if given_id and own_id and status >= http.HTTPStatus.BAD_REQUEST:
                data = data.replace(own_id.encode(), given_id.encode())
            if with_body:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if with_body:
                self.wfile.write(data)

        def log(self, type: str, message: str, *args: Any) -> None:
            """Nothing."""

        def address_string(self) -> str:
            """A Unix socket has no address."""
            return "stub"

    server = ThreadedWSGIServer(f"unix://{socket_path}", 0, _application(), handler=Handler)
    assert isinstance(server, socketserver.ThreadingMixIn)
    server.daemon_threads = True
    threading.Thread(target=_listen_to_stdin, args=(socket_path,), daemon=True).start()
    _say_ready()
    server.serve_forever()


def _application() -> Any:
    from moto.moto_server import werkzeug_app

    class Plain(werkzeug_app.BackendRequest):
        """An object's bytes are an object's bytes, whatever their Content-Type; moto would read some as a form."""

        @property
        def want_form_data_parsed(self) -> bool:
            return self.method == "POST" and bool(super().want_form_data_parsed)

    application = werkzeug_app.create_backend_app("s3")
    application.request_class = Plain
    application.debug = False
    application.url_map.merge_slashes = False  # keys may have two in a row
    return application


def _listen_to_stdin(socket_path: Path) -> None:
    from moto.backends import get_backend

    for _ in sys.stdin.buffer:
        get_backend("s3").reset()
        _say_ready()
    with contextlib.suppress(OSError):  # a stub that was killed has nobody else to clear away the folder it made
        socket_path.unlink()
        socket_path.parent.rmdir()
    os._exit(0)


def _say_ready() -> None:
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
