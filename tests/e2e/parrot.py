"""A proxy before the stub that says back what it was sent, as a chatty gateway does."""

from __future__ import annotations

import base64
import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
REFUSING = "/refuse"
"""Path prefix below which every request is refused."""


class Parrot:
    """Serves on a free port of this machine until it is closed."""

    def __init__(self, target: str) -> None:
        """`target` is the stub's address."""
        self.echoes = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, target))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()


def _echo(headers: dict[str, str]) -> str:
    """All that was sent, and a login as a server reads it."""
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    login = base64.b64decode(value).decode() if scheme == "Basic" else value
    return f"request had {headers} and {login}"


def _repeated(value: Any, echo: str) -> Any:
    """The answer with the echo wherever a text for people stands, or may stand."""
    if isinstance(value, list):
        return [_repeated(one, echo) for one in value]
    if not isinstance(value, dict):
        return value
    shown = {name: _repeated(one, echo) for name, one in value.items()}
    if "StateType" in shown or "Message" in shown:
        shown["Message"] = f"{shown.get('Message', '')} {echo}"
    if "RunOutput" in shown and isinstance(shown["RunOutput"], dict):
        shown["RunOutput"] |= {"Stdout": echo, "stderr": echo, "ErrorMsg": echo}
    if "EvaluationID" in shown and "JobID" in shown:
        shown["Warnings"] = [echo]
    return shown


def _handler(parrot: Parrot, target: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            echo = _echo(dict(self.headers))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            if self.path.startswith(REFUSING) or self.headers.get("Upgrade"):
                words = {"Message": echo, "Hint": echo, "Code": "Unauthorized", "Details": {"reason": echo}}
                status, version, data = 401, "", json.dumps(words).encode()
            else:
                status, version, data = self.forward(body)
                data = json.dumps(_repeated(json.loads(data), echo)).encode() if data[:1] == b"{" else data
            parrot.echoes += 1
            self.send_response(status)
            self.send_header("X-Bacalhau-Git-Version", version)
            self.send_header("X-Echo", echo)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def forward(self, body: bytes | None) -> tuple[int, str, bytes]:
            kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            asked = urllib.request.Request(target + self.path, body, kept, method=self.command)
            try:
                answer = DIRECT.open(asked, timeout=30)
            except urllib.error.HTTPError as refused:
                answer = refused
            with answer:
                return answer.status, answer.headers.get("X-Bacalhau-Git-Version", ""), answer.read()

        do_GET = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            """Nothing: what it would log is secret."""

    return Handler
