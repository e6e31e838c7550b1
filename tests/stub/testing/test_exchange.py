"""Requests of a handle to a stub, one that ended meanwhile, and what is no stub."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from orchestrator_stub.testing.exchange import USER_AGENT, Exchange, StubError
from orchestrator_stub.testing.server import stub_server


@pytest.fixture
def served():
    """A server that is no stub: `served(answer, then_closes=...)` gives its url and the connections that it had."""
    servers = []

    def serve(body, *, closes=False):
        seen = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                seen.append((self.client_address, self.headers))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = closes

            def log_message(self, *args):
                """Nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", seen

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_one_connection_serves_all_requests(bacalhau_stub):
    """Each word of a script would cost a new connection."""
    bacalhau_stub.clock.mode  # noqa: B018
    kept = bacalhau_stub._exchange._connection
    bacalhau_stub.journal()
    assert bacalhau_stub._exchange._connection is kept


def test_a_connection_that_ended_meanwhile_is_replaced(served):
    """The first request after a long pause of a test would fail."""
    url, seen = served(b"{}", closes=True)
    exchange = Exchange(url, token="t")
    assert [exchange.get("/stub/info", {"a": 1, "b": "", "c": None}) for _ in range(3)] == [{}, {}, {}]
    exchange.close()
    assert len({address for address, _ in seen}) == 3
    headers = seen[0][1]
    assert (headers["User-Agent"], headers["Authorization"]) == (USER_AGENT, "Bearer t")


def test_nobody_there_is_one_sentence():
    """A stub that ended would be a traceback of sockets."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StubError, match=f"no stub answers at http://127.0.0.1:{port}: ") as refused:
        Exchange(f"http://127.0.0.1:{port}").get("/stub/info")
    assert refused.value.status == 0


def test_something_else_that_listens_there_is_named(served):
    """Whoever mistypes a port would read about JSON."""
    url, _ = served(b"<html>")
    exchange = Exchange(url)
    with pytest.raises(StubError, match=r"/stub/info answered no JSON \(200\); is this a stub\?"):
        exchange.get("/stub/info")
    exchange.close()


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "words"),
    [
        ("GET", "/stub/nothing", None, 404, "/stub/nothing: no such page"),
        ("POST", "/stub/clock", {"advance": -1}, 400, "advance: give a number"),
        ("GET", "/api/v1/orchestrator/jobs/j-none", None, 404, "j-none"),
    ],
)
def test_what_the_stub_refuses_is_said_in_its_words(bacalhau_stub, method, target, body, status, words):
    """A test would fail without saying what is wrong with it."""
    with pytest.raises(StubError, match=words) as refused:
        bacalhau_stub._exchange.send(method, target, body)
    assert refused.value.status == status


def test_a_stub_with_tls_is_reached_by_its_own_certificate():
    """The powers of a stub would end where TLS begins."""
    with stub_server("--tls", "auto", "--s3", "off") as stub:
        assert stub.url.startswith("https://")
        assert stub.clock.mode == "auto"
