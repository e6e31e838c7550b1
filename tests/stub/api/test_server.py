"""The protocol class under a real uvicorn: what becomes a socket, pings, and the handed-on transport."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import signal
import socket
import ssl
import time

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from orchestrator_stub.api.asgi import TRANSPORT
from orchestrator_stub.api.connection import Connection
from orchestrator_stub.api.server import Server
from orchestrator_stub.certificates.made import made

LOGS = "/api/v1/orchestrator/jobs/j-1/logs"
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture
async def serve():
    """Serve an ASGI application on a free port; returns host:port."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(app, tls=None, http=Connection, date=None):
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            server = Server(uvicorn.Config(app, http=http, log_config=None, lifespan="off"), tls, date)
            task = asyncio.ensure_future(server.serve(sockets=[listener]))

            async def stop():
                server.should_exit = True
                await asyncio.wait_for(task, 5)

            stack.push_async_callback(stop)
            host, port = listener.getsockname()
            while not server.started:
                await asyncio.sleep(0)
            return f"{host}:{port}"

        yield start


def recorder(seen):
    """An application that tells how each request arrived."""

    async def app(scope, receive, send):
        seen.append(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 1000})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


@pytest.mark.parametrize(
    ("changes", "path", "kind"),
    [
        ({}, LOGS, "websocket"),
        ({"Connection": "keep-alive, UPGRADE"}, LOGS, "websocket"),
        ({"Upgrade": "WebSocket"}, LOGS, "http"),
        ({"Sec-WebSocket-Key": None}, LOGS, "http"),
        ({"Sec-WebSocket-Version": "12"}, LOGS, "http"),
        ({}, "/api/v1/agent/alive", "http"),
        ({}, "/api/v1/orchestrator/jobs/a/b/logs", "http"),
    ],
)
async def test_only_a_proper_handshake_on_a_log_path_becomes_a_socket(serve, changes, path, kind):
    """A spelling that real servers refuse would be upgraded, or one that they take would not."""
    seen = []
    address = await serve(recorder(seen))
    headers = {name: value for name, value in (HANDSHAKE | changes).items() if value is not None}
    request = "".join([f"GET {path} HTTP/1.1\r\nHost: {address}\r\n", *(f"{n}: {v}\r\n" for n, v in headers.items()), "\r\n"])
    reader, writer = await asyncio.open_connection(*address.split(":"))
    writer.write(request.encode())
    status = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    assert ([scope["type"] for scope in seen], status.split()[1]) == ([kind], b"101" if kind == "websocket" else b"200")


async def test_a_client_that_goes_before_a_refusal_is_no_failure(serve, caplog):
    """A client that breaks off would leave a traceback of the stub's own in its log."""
    client = socket.socket()
    gone = asyncio.Event()

    class Late(Connection):
        def _refuse(self, refused):
            client.recv(4096)  # a line that is closed with nothing unread is not reset before somebody writes to it
            client.close()
            super()._refuse(refused)
            gone.set()

    host, port = (await serve(recorder([]), http=Late)).split(":")
    client.connect((host, int(port)))
    client.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\nnonsense\r\n\r\n".encode())
    await asyncio.wait_for(gone.wait(), 5)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_log_comes_through_and_pings_stay_unanswered(serve, make):
    """A client with keep-alive pings would work here and lose its stream on every real server."""
    stub = make()
    address = await serve(stub.app)
    stub.program.endless = True
    job_id = await stub.submit()
    while not stub.program.logs:
        await asyncio.sleep(0)
    url = f"ws://{address}/api/v1/orchestrator/jobs/{job_id}/logs?follow=true"
    async with connect(url, ping_interval=None, compression=None) as client:
        first = await asyncio.wait_for(client.recv(), 5)
        pong = await client.ping()
        stub.program.logs[0].write(1, b"after the ping\n")
        second = await asyncio.wait_for(client.recv(), 5)
        assert not pong.done()
        stub.program.logs[0].close()
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(client.recv(), 5)
    pong.cancel()
    assert (first, second) == (
        '{"value":{"Type":1,"Line":"hello world\\n"}}\n',
        '{"value":{"Type":1,"Line":"after the ping\\n"}}\n',
    )
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "")


async def test_a_client_that_closes_is_let_go(serve, make):
    """Each viewer that goes would have to wait for a timeout, and leave a task behind."""
    stub = make()
    address = await serve(stub.app)
    stub.program.endless = True
    job_id = await stub.submit()
    url = f"ws://{address}/api/v1/orchestrator/jobs/{job_id}/logs?follow=true"
    async with connect(url, ping_interval=None) as client:
        await asyncio.wait_for(client.recv(), 5)
        await asyncio.wait_for(client.close(), 5)
    assert client.close_code == 1000


async def test_tls_serves_the_same_application(serve, make, tmp_path):
    """Over TLS an answer, a log socket or a connection that is kept would differ from plain HTTP."""
    secured = made(tmp_path, ("127.0.0.1",))
    client = ssl.create_default_context(cafile=str(secured.ca_file))
    stub, seen = make(), []
    address = await serve(stub.app, secured.context)
    async with httpx.AsyncClient(base_url=f"https://{address}", verify=client, trust_env=False) as http:
        for _ in range(2):
            answer = await http.get("/api/v1/agent/alive")
            assert (answer.status_code, answer.text) == (200, '{"Status":"OK"}\n')
    stub.program.endless = True
    job_id = await stub.submit()
    url = f"wss://{address}/api/v1/orchestrator/jobs/{job_id}/logs?follow=true"
    async with connect(url, ssl=client, ping_interval=None) as socket_:
        assert await asyncio.wait_for(socket_.recv(), 5) == '{"value":{"Type":1,"Line":"hello world\\n"}}\n'
    other = await serve(recorder(seen), secured.context)
    async with httpx.AsyncClient(verify=client, trust_env=False) as http:
        await http.get(f"https://{other}/x")
    async with connect(f"wss://{other}{LOGS}", ssl=client):
        pass
    assert [scope["scheme"] for scope in seen] == ["https", "wss"]


async def test_signals_are_left_to_the_command_line(serve):
    """SIGTERM would end the server and leave containers, ports and folders behind."""
    before = signal.getsignal(signal.SIGTERM)
    await serve(recorder([]))
    assert signal.getsignal(signal.SIGTERM) is before


async def test_an_application_may_answer_a_handshake_plainly(serve):
    """A refusal before the upgrade could not be told from a broken connection."""

    async def app(scope, receive, send):
        await receive()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"{}"})

    address = await serve(app)
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://{address}{LOGS}", headers=HANDSHAKE)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (403, "{}", "application/json")


async def test_the_transport_is_handed_on(serve):
    """A fault could not end a connection without a byte."""

    async def app(scope, receive, send):
        scope["extensions"][TRANSPORT].abort()

    address = await serve(app)
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://{address}/x")
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://{address}{LOGS}", headers=HANDSHAKE)


async def test_keep_alive_serves_one_request_after_another(serve, make):
    """Every look at a job would need a connection of its own."""
    address = await serve(make().app)
    reader, writer = await asyncio.open_connection(*address.split(":"))
    for _ in range(3):
        writer.write(f"GET /api/v1/agent/alive HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(16) == b'{"Status":"OK"}\n'
    writer.close()


async def test_answers_carry_the_date_of_a_virtual_clock(serve):
    """Two runs with one seed would differ in every answer, and a client would see two times at once."""
    moment = [1735689600.9]

    async def app(scope, receive, send):
        moment[0] += 3600
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    address = await serve(app, date=lambda: moment[0])
    async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
        dates = [(await client.get("/")).headers.get_list("date") for _ in range(2)]
        await asyncio.sleep(0.15)  # uvicorn would write its own date by now
        dates.append((await client.get("/")).headers.get_list("date"))
    assert dates == [[f"Wed, 01 Jan 2025 0{hour}:00:00 GMT"] for hour in (1, 2, 3)], "also what happened meanwhile"


async def test_without_one_they_carry_this_machines_date(serve):
    """Released servers send a date."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    address = await serve(app)
    async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
        (date,) = (await client.get("/")).headers.get_list("date")
    assert abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()) < 5


async def test_the_end_comes_at_once_and_leaves_nothing(serve_until_told):
    """A stub for each test would take a fifth of a second to go, or leave requests behind on the loop that goes on."""
    begun = asyncio.Event()
    ended = []

    async def app(scope, receive, send):
        begun.set()
        try:
            if scope["path"] == "/slow":
                await asyncio.sleep(0.03)
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
                await send({"type": "http.response.body", "body": b"ok"})
            else:
                await asyncio.Event().wait()
        finally:
            ended.append(scope["path"])

    async def ask(path):
        begun.clear()
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        await begun.wait()
        return reader, writer

    address, server, task = await serve_until_told(app)
    idle, _ = await asyncio.open_connection(*address.split(":"))
    slow, hangs = await ask("/slow"), await ask("/hangs")
    tasks = len(asyncio.all_tasks())
    server.end()
    began = asyncio.get_running_loop().time()
    await asyncio.wait_for(task, 5)
    assert asyncio.get_running_loop().time() - began < 1
    assert (await slow[0].read()).endswith(b"\r\n\r\nok")
    assert (await hangs[0].read(), await idle.read()) == (b"", b"")
    assert ended == ["/slow", "/hangs"]
    assert len(asyncio.all_tasks()) <= tasks - 2
    with pytest.raises(OSError):
        await asyncio.open_connection(*address.split(":"))


@pytest.fixture
async def serve_until_told():
    """Serve an ASGI application; returns host:port, the server, and the task that ends with it."""
    tasks = []

    async def start(app):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        server = Server(uvicorn.Config(app, http=Connection, log_config=None, lifespan="off"))
        tasks.append(asyncio.ensure_future(server.serve(sockets=[listener])))
        host, port = listener.getsockname()
        while not server.started:
            await asyncio.sleep(0)
        return f"{host}:{port}", server, tasks[-1]

    yield start
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
