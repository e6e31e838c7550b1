"""The load generator measures what it says it measures."""

from __future__ import annotations

import importlib.util
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("load", Path(__file__).with_name("load.py"))
load = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(load)


@pytest.fixture
def server():
    """A server that counts requests and connections; `/missing` is a 404."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        requests, bodies, connections = 0, set(), set()

        def do_GET(self):
            kind = type(self)
            kind.requests += 1
            kind.connections.add(self.client_address)
            kind.bodies.add(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(404 if self.path == "/missing" else 200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b"x" * 5000)

        do_PUT = do_GET

        def log_message(self, *_):
            """Nothing to show."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", Handler
        listening.shutdown()


def test_the_rate_is_what_the_server_counted(server):
    """Requests that were never sent or never answered would be counted."""
    url, seen = server
    rate = load.requests_per_second(f"{url}/", seconds=0.3)
    assert 0 < rate * 0.3 <= seen.requests * 1.05


def test_every_process_keeps_one_connection(server):
    """What opening connections costs would be measured instead of the route."""
    url, seen = server
    load.requests_per_second(f"{url}/", b"{}", seconds=0.2)
    assert len(seen.connections) == load.PROCESSES
    assert seen.bodies == {b"{}"}


def test_an_answer_that_is_not_200_stops_the_measurement(server):
    """The speed of error pages would be shown as the speed of submits."""
    url, _ = server
    with pytest.raises(load.Refused, match="404"):
        load.requests_per_second(f"{url}/missing", seconds=0.2)
