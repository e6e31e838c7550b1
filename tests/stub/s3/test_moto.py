"""The server process by itself."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading

import pytest

from orchestrator_stub.s3.forward import credential


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("127.0.0.1")
        self.path = path
        self.connections = 0

    def connect(self):
        self.connections += 1
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


@contextlib.contextmanager
def running(path):
    """The process, once it is ready."""
    command = [sys.executable, "-m", "orchestrator_stub.s3.moto", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)) as server:
        assert server.stdout.readline() == b"ready\n"
        yield server
        server.stdin.close()
        assert server.wait(5) == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The socket of a running process with a bucket."""
    path = tmp_path_factory.mktemp("moto") / "socket"
    with running(path):
        ask(UnixConnection(path), "PUT", "/bucket")
        yield path


def ask(connection, method, target, body=None, **headers):
    """Status, headers and body."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, body, {"Authorization": credential("us-east-1"), **sent})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def test_it_says_when_it_is_ready_and_ends_with_its_stdin(tmp_path):
    """The gate would connect too early, or the process would outlive the stub, as would its folder."""
    folder = tmp_path / "own"
    folder.mkdir()
    with running(folder / "socket"):
        pass
    assert not folder.exists()


def test_connections_are_kept(place):
    """Each request would need a connection and a thread of its own."""
    connection = UnixConnection(place)
    for method, target, expected in (
        ("PUT", "/bucket/k", 200),
        ("GET", "/bucket/k", 200),
        ("HEAD", "/bucket/k", 200),
        ("HEAD", "/bucket/none", 404),
        ("GET", "/bucket/none", 404),
        ("DELETE", "/bucket/k", 204),
    ):
        assert ask(connection, method, target, b"x" if method == "PUT" else None)[0] == expected
    assert connection.connections == 1


def test_a_304_has_no_body(place):
    """The words behind it would be read as the next answer."""
    connection = UnixConnection(place)
    etag = ask(connection, "PUT", "/bucket/k304", b"x")[1]["ETag"]
    assert ask(connection, "GET", "/bucket/k304", If_None_Match=etag)[::2] == (304, b"")
    assert ask(connection, "GET", "/bucket/k304")[::2] == (200, b"x")
    assert connection.connections == 1


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
def test_objects_are_bytes_whatever_their_type(place, kind):
    """An object that curl uploads would be stored as nothing."""
    connection = UnixConnection(place)
    ask(connection, "PUT", "/bucket/form", b"a=b&c", Content_Type=kind)
    assert ask(connection, "GET", "/bucket/form")[2] == b"a=b&c"


def test_keys_with_two_slashes(place):
    """They would be another key's."""
    connection = UnixConnection(place)
    ask(connection, "PUT", "/bucket//a//b", b"x")
    assert ask(connection, "GET", "/bucket//a//b")[::2] == (200, b"x")


def test_half_a_body_has_no_effect(place):
    """A client that vanishes while it uploads would leave half an object, or destroy the old one."""
    ask(UnixConnection(place), "PUT", "/bucket/half", b"old")
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(place))
        raw.sendall(b"PUT /bucket/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nnew")
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(100) == b""
    assert ask(UnixConnection(place), "GET", "/bucket/half")[2] == b"old"


@pytest.mark.parametrize("number", range(4))
def test_of_many_conditional_writes_one_wins(place, number):
    """Two tasks would both believe that they hold the lock."""
    statuses = []

    def write():
        wish = {"If_None_Match": "*", "x_amz_sdk_checksum_algorithm": "SHA256"}  # summing up lets the others go on
        statuses.append(ask(UnixConnection(place), "PUT", f"/bucket/lock{number}", b"x" * 1_000_000, **wish)[0])

    threads = [threading.Thread(target=write) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 9


def test_errors_carry_the_id_that_was_given(place):
    """The id in the body would be another one than in the header, and change from run to run."""
    body = ask(UnixConnection(place), "GET", "/bucket/none", x_amz_request_id="0123456789ABCDEF")[2]
    assert b"<RequestId>0123456789ABCDEF</RequestId>" in body
