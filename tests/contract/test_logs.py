"""The log socket through both shells, against a real websocket server."""

from __future__ import annotations

import json
import threading

import pytest
from websockets.sync.server import serve as serve_sockets

from airflow_provider_bacalhau.client.config import ApiKey, ClientConfig
from airflow_provider_bacalhau.errors import ApiError, AuthError, BrokenContract, NotFound, Unreachable
from airflow_provider_bacalhau.models.responses import LogFrame


def frame(stream, line):
    """A frame as servers send it."""
    return json.dumps({"value": {"Type": stream, "Line": line}}) + "\n"


@pytest.fixture
def sockets():
    """sockets(handler, **options) -> (base url, requests): a real websocket server."""
    running = []

    def start(handler, *, context=None):
        requests = []

        def note(socket):
            requests.append(socket.request)
            handler(socket)

        server = serve_sockets(note, "127.0.0.1", 0, ssl=context, ping_interval=None, close_timeout=0.2)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        running.append((server, thread))
        scheme = "https" if context else "http"
        return f"{scheme}://127.0.0.1:{server.socket.getsockname()[1]}", requests

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()


def say(*messages):
    """A handler that sends these and closes normally."""

    def handler(socket):
        for message in messages:
            socket.send(message)

    return handler


def test_frames_come_until_the_server_closes(connect, sockets):
    """Lines would be lost, or the end of a stream be an error."""
    base_url, requests = sockets(say(frame(1, "out 1\n"), frame(2, "err 1\n"), frame(1, "no newline")))
    client = connect(ClientConfig(base_url))
    found = client("stream_logs", "j-1", execution_id="e-1", namespace="etl")
    assert found == [LogFrame(1, "out 1\n"), LogFrame(2, "err 1\n"), LogFrame(1, "no newline")]
    (request,) = requests
    assert request.path == "/api/v1/orchestrator/jobs/j-1/logs?execution_id=e-1&follow=true&namespace=etl"
    assert request.headers["Upgrade"] == "websocket"
    assert request.headers.get_all("User-Agent") == ["airflow-provider-bacalhau"]
    assert request.headers["X-Request-Id"]


def test_a_silent_job_gives_no_frames(connect, sockets):
    """A program that prints nothing would look like a broken log."""
    base_url, _ = sockets(say())
    assert connect(ClientConfig(base_url))("stream_logs", "j-1", follow=False) == []


@pytest.mark.parametrize(
    ("text", "kind"), [("job not found: j-1", NotFound), ("timeout while waiting for execution logs", ApiError)]
)
def test_an_error_frame_is_raised(connect, sockets, text, kind):
    """The reason would be printed as a line, or swallowed: status and close are those of success."""
    base_url, _ = sockets(say(frame(1, "a\n"), json.dumps({"error": text, "value": {"Type": 0, "Line": ""}})))
    with pytest.raises(kind, match=text):
        connect(ClientConfig(base_url))("stream_logs", "j-1")


def test_silence_ends_when_the_caller_says_so(connect, sockets):
    """wasm on 1.8+ sends nothing for a minute: a log would delay the verdict."""
    released = threading.Event()
    base_url, _ = sockets(lambda _: released.wait(10))
    try:
        with pytest.raises(TimeoutError):
            connect(ClientConfig(base_url))("stream_logs", "j-1", idle_timeout=0.05)
    finally:
        released.set()


def test_a_stream_can_be_left_early(connect, sockets):
    """Closing the iterator would hang on a server that never answers a close."""
    released = threading.Event()

    def endless(socket):
        socket.send(frame(1, "first"))
        released.wait(10)

    base_url, _ = sockets(endless)
    client = connect(ClientConfig(base_url))
    stream = client.client.stream_logs("j-1")

    async def first():
        async for one in stream:
            await stream.aclose()
            return one
        return None

    one = next(stream) if client.kind == "sync" else client.run(first())
    released.set()
    if client.kind == "sync":
        stream.close()
    assert one == LogFrame(1, "first")


def test_a_broken_stream_is_an_error(connect, sockets):
    """A cut log would pass for a whole one."""

    def cut(socket):
        socket.send(frame(1, "a"))
        socket.close(1011, "boom")

    base_url, _ = sockets(cut)
    with pytest.raises(Unreachable, match="broke"):
        connect(ClientConfig(base_url))("stream_logs", "j-1")


def test_the_credential_goes_along_over_tls(connect, sockets, certificates):
    """Logs would be refused on servers with users (fact sheet 9.4)."""
    base_url, requests = sockets(say(frame(1, "a")), context=certificates.server_context())
    config = ClientConfig(base_url, auth=ApiKey("reader-api-key-0123456789"), ca_cert=certificates.ca)
    assert connect(config)("stream_logs", "j-1") == [LogFrame(1, "a")]
    assert requests[0].headers["Authorization"] == "Bearer reader-api-key-0123456789"
    with pytest.raises(Unreachable, match="set ca_cert"):
        connect(ClientConfig(base_url, auth=config.auth))("stream_logs", "j-1")


@pytest.mark.parametrize("release", ["1.7.0", "1.8.0", "1.9.3"])
def test_a_refused_handshake_is_read(connect, serve, reply, certificates, auth_steps, release):
    """The server's reason would be lost behind "server rejected WebSocket connection: HTTP 401"."""
    step = auth_steps(release)["logs-anon"]
    base_url, _ = serve(lambda handler: reply(handler, step["status"], step["body"]), certificates.server_context())
    with pytest.raises(AuthError, match="did not accept the credential"):
        connect(ClientConfig(base_url, ca_cert=certificates.ca))("stream_logs", "j-1")


def test_a_server_without_log_sockets(connect, serve, reply):
    """A plain answer to the handshake would raise a library's exception."""
    base_url, _ = serve(lambda handler: reply(handler, 200, ""))
    with pytest.raises(BrokenContract, match="status 200 and an empty body"):
        connect(ClientConfig(base_url))("stream_logs", "j-1")


def test_nothing_listens(connect):
    """A dead server would raise a library's exception."""
    with pytest.raises(Unreachable, match="nothing listens"):
        connect(ClientConfig("http://127.0.0.1:9"))("stream_logs", "j-1")
