"""Both shells against real sockets: what is sent, and what is said when a connection breaks."""

from __future__ import annotations

import socket
import threading

import pytest

from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.errors import BrokenContract, Unreachable

JOB = '{"Job":{"ID":"j-1","State":{"StateType":"Running"}}}'


@pytest.fixture
def raw():
    """raw(bytes) -> (port, connections): a server that reads once, writes these bytes and hangs up."""
    listeners = []

    def start(answer):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        seen = []

        def loop():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    seen.append(connection.recv(65536))
                    if answer is None:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    else:
                        connection.sendall(answer)

        threading.Thread(target=loop, daemon=True).start()
        return listener.getsockname()[1], seen

    yield start
    for listener in listeners:
        listener.close()


def test_a_write_has_a_length_and_is_never_chunked(connect, serve, reply):
    """The default authorizer answers 500 to a chunked body (fact sheet 2.5)."""
    base_url, requests = serve(lambda handler: reply(handler, 200, '{"JobID":"j-1"}'))
    connect(ClientConfig(base_url))("submit_job", {"Name": "x"})
    (request,) = requests
    assert request.headers["Content-Length"] == str(len(request.body)) == "20"
    assert request.headers["Transfer-Encoding"] is None
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "airflow-provider-bacalhau"
    assert not [name for name in request.headers if name.lower().startswith("x-bacalhau")]


def test_a_stop_carries_its_body(connect, serve, reply):
    """The reason of a stop would be lost: released servers read it from the body of the DELETE."""
    base_url, requests = serve(lambda handler: reply(handler, 200, '{"EvaluationID":"x"}'))
    connect(ClientConfig(base_url))("stop_job", "j-1", reason="why")
    assert (requests[0].command, requests[0].body) == ("DELETE", b'{"reason":"why"}')


def test_a_path_prefix_is_kept(connect, serve, reply):
    """An orchestrator behind a gateway would not be found."""
    base_url, requests = serve(lambda handler: reply(handler, 200, JOB))
    connect(ClientConfig(f"{base_url}/acme/bac"))("get_job", "a/b")
    assert requests[0].path == "/acme/bac/api/v1/orchestrator/jobs/a%2Fb"


def test_connections_are_kept(connect, serve, reply):
    """Each look at a job would pay for a handshake."""
    base_url, requests = serve(lambda handler: reply(handler, 200, JOB))
    client = connect(ClientConfig(base_url))
    client("get_job", "j-1")
    client("get_job", "j-1")
    assert len({request.client_address for request in requests}) == 1


def test_nothing_listens(connect):
    """The user would read a library's exception instead of what to check."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match="nothing listens at http://127.0.0.1:") as caught:
        connect(ClientConfig(f"http://127.0.0.1:{port}"))("get_job", "j-1")
    assert not caught.value.maybe_applied


def test_a_name_that_does_not_exist(connect):
    """A typing error in the host would look like a dead server."""
    with pytest.raises(Unreachable, match="bac.invalid cannot be resolved; check the connection's host"):
        connect(ClientConfig("http://bac.invalid:1234", connect_timeout=2.0))("get_job", "j-1")


def test_a_server_that_does_not_answer(connect, serve, reply):
    """A hanging server would hold a task for ever."""
    released = threading.Event()
    base_url, _ = serve(lambda handler: released.wait(10))
    try:
        with pytest.raises(Unreachable, match="did not answer within 0.1 s"):
            connect(ClientConfig(base_url, read_timeout=0.1))("submit_job", {})
    finally:
        released.set()


@pytest.mark.parametrize("answer", [b"", None], ids=["closed", "reset"])
def test_a_lost_reply_to_a_submit_is_undecided_and_sent_once(connect, raw, answer):
    """A second job would be made by repeating, or the first be lost by giving up."""
    port, seen = raw(answer)
    with pytest.raises(Unreachable, match="broke before a whole answer came") as caught:
        connect(ClientConfig(f"http://127.0.0.1:{port}"))("submit_job", {})
    assert caught.value.maybe_applied
    assert len(seen) == 1


def test_a_truncated_answer(connect, raw):
    """Half an answer would be taken for a whole one."""
    port, _ = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + JOB.encode())
    with pytest.raises(Unreachable, match="broke before a whole answer came"):
        connect(ClientConfig(f"http://127.0.0.1:{port}"))("get_job", "j-1")


def test_a_truncated_answer_of_the_right_length(connect, serve, reply):
    """JSON that a proxy cut off would raise from deep inside a parser."""
    base_url, _ = serve(lambda handler: reply(handler, 200, JOB[:-4]))
    with pytest.raises(BrokenContract, match="JSON that is cut off"):
        connect(ClientConfig(base_url))("get_job", "j-1")


def test_a_proxys_page(connect, serve, reply):
    """The sign-in page of a proxy comes with status 200."""
    base_url, _ = serve(lambda handler: reply(handler, 200, "<html>Sign in</html>", Content_Type="text/html"))
    with pytest.raises(BrokenContract, match="a page of HTML"):
        connect(ClientConfig(base_url))("get_job", "j-1")


def test_another_service(connect, raw):
    """A port that speaks another protocol would give an exception without advice."""
    port, _ = raw(b"SSH-2.0-OpenSSH_9.2\r\n")
    with pytest.raises(Unreachable, match="check|broke"):
        connect(ClientConfig(f"http://127.0.0.1:{port}"))("get_job", "j-1")


def test_proxies_of_the_environment_are_not_asked_for_this_machine(connect, serve, reply, monkeypatch):
    """A stub on the laptop would not be reachable behind a company proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    base_url, _ = serve(lambda handler: reply(handler, 200, JOB))
    assert connect(ClientConfig(base_url))("get_job", "j-1").id == "j-1"
