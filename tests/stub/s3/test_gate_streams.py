"""Connections of the embedded S3: slow, vanishing, pipelining and confused clients, and a server behind that dies."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from orchestrator_stub.s3.backend import Backend
from orchestrator_stub.s3.client import STUB_KEYS, S3Settings
from orchestrator_stub.s3.gate import Gate
from orchestrator_stub.s3.proxy import S3Service

MEGABYTE = 2**20


def raw(door):
    """A socket to the gate."""
    return socket.create_connection(("127.0.0.1", int(door.host.rpartition(":")[2])), 10)


def head(door, method, url, *lines):
    """The head of a request."""
    target = url.removeprefix(door.endpoint)
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {door.host}", *lines, "", ""]).encode()


def everything(connection):
    """What comes until the other side ends."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def settle(condition):
    """Wait until it holds."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def quiet(door):
    """The shared S3, which has to be as quiet afterwards as before: no connection, no thread for one."""
    door.client().put_object(Bucket="streams", Key="k", Body=b"k" * 3 * MEGABYTE)
    settle(lambda: not _busy(door))
    yield door
    settle(lambda: not _busy(door))


def _busy(door):
    """Connections behind that are in use."""
    return connections_of(door.service._backend)


def connections_of(backend):
    """Connections to a backend's process that are in use."""
    pid = backend._process.pid
    return sum(map(_is_socket, Path(f"/proc/{pid}/fd").iterdir())) - 1 - len(backend._idle)


def _is_socket(descriptor):
    try:
        return "socket:" in os.readlink(descriptor)
    except FileNotFoundError:  # closed a moment ago
        return False


def test_a_connection_serves_many_requests(quiet):
    """Every request would pay for a connection."""
    connection = http.client.HTTPConnection(quiet.host)
    for _ in range(3):
        for url, method, status in ((quiet.url(Bucket="streams", Key="k"), "GET", 200), (f"{quiet.endpoint}/streams/k", "PUT", 403)):
            connection.request(method, url.removeprefix(quiet.endpoint), b"x" * 200_000 if method == "PUT" else None)
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("connection"), bool(answer.read())) == (status, None, True)
            assert connection.sock is not None
    connection.close()


def test_pipelined_requests_are_answered_in_order(quiet):
    """A client that does not wait would get the answers mixed up."""
    urls = [quiet.url(Bucket="streams", Key=key) for key in ("k", "none", "k")]
    with raw(quiet) as connection:
        connection.sendall(b"".join(head(quiet, "GET", url) for url in urls) + head(quiet, "GET", "/", "Connection: close"))
        found = everything(connection)
    starts = [found.index(b"HTTP/1.1 ", at) for at in (0, 3 * MEGABYTE)]
    assert found.startswith(b"HTTP/1.1 200")
    assert starts[1] > 3 * MEGABYTE
    assert found.count(b"HTTP/1.1 404") == found.count(b"HTTP/1.1 403") == 1
    assert found.count(b"k" * 3 * MEGABYTE) == 2
    assert found.rindex(b"HTTP/1.1 403") > found.rindex(b"HTTP/1.1 200") > found.index(b"HTTP/1.1 404")


def test_a_client_that_asks_before_it_sends(quiet):
    """boto3 asks for every upload: it would wait a second, or send what is refused anyway."""
    good = quiet.url("put_object", Bucket="streams", Key="asked")
    with raw(quiet) as connection:
        connection.sendall(head(quiet, "PUT", good, "Expect: 100-continue", "Content-Length: 3"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"abc")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    with raw(quiet) as connection:
        connection.sendall(head(quiet, "PUT", good + "0", "Expect: 100-continue", "Content-Length: 3"))
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"connection: close" in answer.lower()


def test_a_client_that_only_stops_sending_gets_its_answer(quiet):
    """Clients that close their half would see a broken connection."""
    with raw(quiet) as connection:
        connection.sendall(head(quiet, "GET", quiet.url(Bucket="streams", Key="k")))
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection).endswith(b"k" * 1000)


def test_an_old_client(quiet):
    """A client of HTTP/1.0 would wait for more."""
    target = quiet.url(Bucket="streams", Key="k").removeprefix(quiet.endpoint)
    with raw(quiet) as connection:
        connection.sendall(f"GET {target} HTTP/1.0\r\nHost: {quiet.host}\r\n\r\n".encode())
        assert everything(connection).endswith(b"k" * 1000)


@pytest.mark.parametrize("sent", [0, 1, MEGABYTE])
def test_a_client_that_vanishes_while_it_uploads(quiet, sent):
    """Half an object would be stored, the old one lost, or a thread left behind."""
    with raw(quiet) as connection:
        connection.sendall(head(quiet, "PUT", quiet.url("put_object", Bucket="streams", Key="k"), f"Content-Length: {3 * MEGABYTE}"))
        connection.sendall(b"x" * sent)
    settle(lambda: not _busy(quiet))
    assert quiet.client().get_object(Bucket="streams", Key="k")["Body"].read() == b"k" * 3 * MEGABYTE


def test_clients_that_vanish_while_they_download(quiet):
    """Each would leave a connection and a thread that waits for ever."""
    quiet.client().put_object(Bucket="streams", Key="large", Body=bytes(20 * MEGABYTE))
    for _ in range(5):
        with raw(quiet) as connection:
            connection.sendall(head(quiet, "GET", quiet.url(Bucket="streams", Key="large")))
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    settle(lambda: not _busy(quiet))


def test_a_client_that_does_not_read_holds_nobody_up(quiet):
    """One slow download would stop all others."""
    quiet.client().put_object(Bucket="streams", Key="large", Body=bytes(20 * MEGABYTE))
    with raw(quiet) as connection:
        connection.sendall(head(quiet, "GET", quiet.url(Bucket="streams", Key="large")))
        connection.recv(1000)
        assert quiet.ask(quiet.url(Bucket="streams", Key="k"))[0] == 200
        settle(lambda: _busy(quiet) == 1)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"BadRequest"),
        (b"GET / HTTP/1.1\r\n\r\n", b"BadRequest"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000, b"RequestHeaderSectionTooLarge"),
        (b"GET http://localhost/b HTTP/1.1\r\nHost: localhost\r\n\r\n", b"InvalidURI"),
        (b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", b"BadRequest"),
    ],
)
def test_what_is_no_request(quiet, sent, code):
    """A confused client would learn nothing, or bring the S3 down."""
    with raw(quiet) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"<Code>" + code + b"</Code>" in answer


@pytest.fixture
async def impatient():
    """A gate of its own that waits a tenth of a second, its backend, and where it listens."""
    backend = Backend()
    gate = Gate(backend, STUB_KEYS, now=time.time_ns, seed=1, patience=0.1)
    server = await asyncio.start_server(gate.serve, "127.0.0.1", 0)
    yield backend, server.sockets[0].getsockname()[1]
    server.close()
    await backend.close()


async def exchange(port, sent):
    """What is answered to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return answer


def signed(port, method, length=0):
    """The head of a request that the gate at a port lets through."""
    request = AWSRequest(method, f"http://127.0.0.1:{port}/still/k")
    S3SigV4QueryAuth(Credentials("stub", "stub"), "s3", "us-east-1").add_auth(request)
    target = request.url.partition(str(port))[2]
    lines = (f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {length}", "Connection: close", "", "")
    return "\r\n".join(lines).encode()


async def test_a_client_that_stands_still_is_let_go(impatient):
    """A client that hangs in the middle would hold a connection and a thread for ever."""
    _, port = impatient
    answer = await exchange(port, signed(port, "PUT", 9) + b"abc")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>RequestTimeout</Code>" in answer


async def test_a_client_that_stops_reading_is_let_go(impatient):
    """A download that nobody takes would hold a connection and a thread for ever."""
    backend, port = impatient
    assert (await exchange(port, signed(port, "PUT", 20 * MEGABYTE) + bytes(20 * MEGABYTE))).startswith(b"HTTP/1.1 200 ")
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
    writer.write(signed(port, "GET"))
    assert (await reader.read(10)).startswith(b"HTTP/1.1 2")
    await asyncio.sleep(0.3)
    assert len(await _rest(reader)) < 20 * MEGABYTE
    writer.close()
    async with asyncio.timeout(5):
        while connections_of(backend):
            await asyncio.sleep(0.01)


async def test_a_server_behind_that_dies_is_awss_internal_error(impatient):
    """Clients would not try again, or wait for ever; afterwards it works again."""
    backend, port = impatient
    sent = signed(port, "PUT", 3) + b"abc"
    assert (await exchange(port, sent)).startswith(b"HTTP/1.1 200 ")
    os.kill(backend._process.pid, signal.SIGSTOP)
    asking = asyncio.create_task(exchange(port, sent))
    while backend._idle:  # until its connection is taken
        await asyncio.sleep(0)
    os.kill(backend._process.pid, signal.SIGKILL)
    answer = await asking
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"<Code>InternalError</Code>" in answer
    await backend._process.wait()
    assert (await exchange(port, sent)).startswith(b"HTTP/1.1 200 ")


async def test_with_a_seed_request_ids_repeat(impatient):
    """Two runs with one seed would differ in the histories of jobs whose S3 refused something."""
    _, port = impatient
    sent = f"GET /b/k HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
    ids = {(await exchange(port, sent)).partition(b"<RequestId>")[2][:16] for _ in range(3)}
    assert len(ids) == 1
    assert (await exchange(port, sent.replace(b"/b/k", b"/b/l"))).partition(b"<RequestId>")[2][:16] not in ids


async def test_a_stub_that_ends_breaks_its_connections_off():
    """Its end would wait for clients, or leave them waiting."""
    service = S3Service(S3Settings(), port=0)
    await service.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(service.endpoint.rpartition(":")[2]))
    writer.write(b"PUT /b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc")
    await asyncio.sleep(0.05)
    await asyncio.wait_for(service.close(), 5)
    assert b"<Code>AccessDenied</Code>" in await asyncio.wait_for(_rest(reader), 5)
    assert not service._connections
    writer.close()


async def _rest(reader):
    parts = []
    try:
        while part := await reader.read(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)
