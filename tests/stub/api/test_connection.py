"""Connections under a real server: framing, ends, slow and broken clients (compared with Go 1.26's net/http)."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time

import pytest
import uvicorn
from uvicorn.server import ServerState

from orchestrator_stub.api.asgi import TRANSPORT
from orchestrator_stub.api.connection import ENOUGH, Connection, Patience

HASTY = Patience(head=0.15, request=0.4, answer=0.5, goodbye=0.1)
BAD = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n400 Bad Request"


class Hasty(Connection):
    """Waits for clients as real servers do, but not as long."""

    patience = HASTY


@pytest.fixture
async def serve():
    """Serve an application; gives the port and what uvicorn keeps of connections and tasks."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(app, protocol=Connection):
            state, config = ServerState(), uvicorn.Config(app, http=protocol, log_config=None, lifespan="off")
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)

            async def stop():
                server.close()
                for connection in list(state.connections):
                    connection._transport.abort()
                for task in state.tasks:
                    task.cancel()

            stack.push_async_callback(stop)
            return server.sockets[0].getsockname()[1], state

        yield start


async def echo(scope, receive, send):
    """Tells method and path, and how long the body is."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            await answer(send, 500, message["reason"].encode())
            return
        size, more = size + len(message["body"]), message["more_body"]
    await answer(send, 200, f"{scope['method']} {scope['path']} {size}".encode())


async def answer(send, status, body):
    """One answer."""
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def talk(port, *parts, end=False, quiet=0.3):
    """Send parts (a number waits so many seconds), read until the server closes or has said nothing for `quiet` seconds.

    Gives what came, and whether the server closed.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard, closed = b"", False
    try:
        for part in parts:
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                writer.write(part)
        if end:
            writer.write_eof()
        while not closed:
            data = await asyncio.wait_for(reader.read(65536), quiet if heard else 3.0)
            heard, closed = heard + data, not data
    except TimeoutError:
        pass
    except ConnectionError:
        closed = True
    finally:
        writer.close()
    return heard, closed


async def nothing_left(state):
    """Fails unless there is soon neither a connection nor a task."""
    for _ in range(300):
        if not state.connections and not state.tasks:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"left: {state.connections} {state.tasks}")


def request(line=b"GET / HTTP/1.1", *headers, body=b""):
    """A request as bytes."""
    return b"\r\n".join([line, b"Host: a", *headers, b"", body])


def statuses(heard):
    """Status codes of all answers in their order."""
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d+)", heard)]


async def test_requests_that_come_together_are_answered_in_their_order(serve):
    """A client that sends before it has heard would get another request's answer."""
    port, _ = await serve(echo)
    put = request(b"PUT /b HTTP/1.1", b"Content-Length: 3", body=b"abc")
    chunks = request(b"PUT /c HTTP/1.1", b"Transfer-Encoding: chunked", body=b"2\r\nab\r\n0\r\n\r\n")
    heard, closed = await talk(port, request(b"GET /a HTTP/1.1") + put + chunks + request(b"GET /d HTTP/1.1"))
    assert re.findall(rb"\w+ /\w \d", heard) == [b"GET /a 0", b"PUT /b 3", b"PUT /c 2", b"GET /d 0"]
    assert not closed


async def test_a_request_may_come_byte_by_byte(serve):
    """A client behind a slow line would be refused."""
    port, _ = await serve(echo)
    wire = request(b"PUT /x HTTP/1.1", b"Content-Length: 2", body=b"{}")
    heard, _ = await talk(port, *(part for byte in wire for part in (bytes([byte]), 0.001)))
    assert heard.endswith(b"PUT /x 2")


async def test_old_clients_get_old_answers(serve):
    """A client of HTTP/1.0 waits for the end of the connection unless it asked to go on."""
    port, _ = await serve(echo)
    heard, closed = await talk(port, request(b"GET /x HTTP/1.0"))
    assert (heard.startswith(b"HTTP/1.0 200 OK\r\n"), b"connection" in heard, closed) == (True, False, True)
    heard, closed = await talk(port, request(b"GET /x HTTP/1.0", b"Connection: keep-alive") * 2)
    assert (heard.count(b"connection: keep-alive"), closed) == (2, False)


async def test_close_is_said_and_done(serve):
    """A client that asked for the end would wait for it."""
    port, _ = await serve(echo)
    heard, closed = await talk(port, request(b"GET /x HTTP/1.1", b"Connection: close") + request())
    assert (statuses(heard), b"connection: close\r\n" in heard, closed) == ([200], True, True)


async def test_a_body_is_asked_for_only_when_somebody_reads_it(serve):
    """curl would send ten megabytes that are refused anyway, or wait a second for each body."""

    async def choosy(scope, receive, send):
        if scope["path"] == "/read":
            await echo(scope, receive, send)
        else:
            await answer(send, 413, b"no")

    port, _ = await serve(choosy)
    headers = (b"Expect: 100-continue", b"Content-Length: 2")
    heard, closed = await talk(port, request(b"PUT /read HTTP/1.1", *headers), 0.1, b"{}")
    assert heard.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert not closed
    heard, closed = await talk(port, request(b"PUT /no HTTP/1.1", *headers))
    assert (statuses(heard), b"connection: close\r\n" in heard, closed) == ([413], True, True)
    heard, closed = await talk(port, request(b"PUT / HTTP/1.1", b"Expect: fancy", b"Content-Length: 2"))
    assert (statuses(heard), closed) == ([417], True)


@pytest.mark.parametrize("wire", [b"garbage\r\n\r\n", b"\x16\x03\x01\x02\r\n\r\n", b"\r\n\r\n" + request(), b"garbage\r\n"])
async def test_what_is_no_http_is_told_so_at_once(serve, wire):
    """A client of another protocol would wait, or hear words that no real server says."""
    port, state = await serve(echo)
    assert await talk(port, wire) == (BAD, True)
    await nothing_left(state)


async def test_a_good_request_before_a_bad_one_is_answered(serve):
    """The first answer would be lost."""
    port, _ = await serve(echo)
    heard, closed = await talk(port, request(b"GET /x HTTP/1.1") + b"garbage\r\n\r\n")
    assert (heard.count(b"GET /x 0"), heard.endswith(BAD), closed) == (1, True, True)


async def test_an_empty_line_after_a_posted_body_is_overlooked(serve):
    """Old clients end a form with it, and their next request would be refused."""
    port, _ = await serve(echo)
    post = request(b"POST /x HTTP/1.1", b"Content-Length: 1", body=b"a") + b"\r\n"
    assert statuses((await talk(port, post + request()))[0]) == [200, 200]
    assert statuses((await talk(port, post.replace(b"POST", b"PUT") + request()))[0]) == [200, 400]


@pytest.mark.parametrize("wire", [request(b"GET / HTTP/1.1", b"X: " + b"x" * 1_100_000), b"GET /" + b"x" * 1_100_000])
async def test_a_head_that_is_too_large_is_refused(serve, wire):
    """One client would fill the memory."""
    port, state = await serve(echo)
    heard, closed = await talk(port, wire)
    assert heard.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert heard.endswith(b"\r\n\r\n431 Request Header Fields Too Large")
    assert closed
    await nothing_left(state)


async def test_a_head_of_a_megabyte_is_taken(serve):
    """A long token would be refused here, and taken by a real server."""
    port, _ = await serve(echo)
    assert statuses((await talk(port, request(b"GET / HTTP/1.1", b"X: " + b"x" * 1_040_000)))[0]) == [200]


async def test_who_says_nothing_is_let_go(serve):
    """Open files would run out."""
    port, state = await serve(echo, Hasty)
    assert await talk(port) == (b"", True)
    assert await talk(port, b"GET / HTTP/1.1\r\nHost: a\r\n") == (b"", True)
    assert await talk(port, b"GET / HTTP/1.1\r\nHo") == (BAD, True)
    await nothing_left(state)


async def test_time_for_a_head_does_not_begin_anew_with_each_byte(serve):
    """A client that sends a header now and then would hold a connection for ever."""
    port, _ = await serve(echo, Hasty)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n")
    for sent in range(100):
        writer.write(b"A: b\r\n")
        await asyncio.sleep(0.02)
        if reader.at_eof() or reader.exception():
            break
    assert sent < 50, "let go while it was still sending"
    writer.close()


async def test_a_connection_rests_as_long_as_a_request_may_take(serve):
    """Clients' pools would find every connection dead, or the stub would keep them for ever."""
    port, state = await serve(echo, Hasty)
    heard, closed = await talk(port, request(), HASTY.head + 0.1, request(), quiet=2.0)
    assert (statuses(heard), closed) == ([200, 200], True)
    heard, _ = await talk(port, request(), b"GET / HTTP/1.1\r\nHo", quiet=2.0)
    assert heard.endswith(BAD)
    await nothing_left(state)


async def test_a_body_that_stops_is_told_why(serve):
    """A handler would wait for ever, and its client with it."""
    port, state = await serve(echo, Hasty)
    put = request(b"PUT / HTTP/1.1", b"Content-Length: 20", body=b"{}")
    began = asyncio.get_running_loop().time()
    heard, closed = await talk(port, put)
    assert asyncio.get_running_loop().time() - began >= HASTY.request - 0.01
    assert re.search(rb"read tcp 127\.0\.0\.1:%d->127\.0\.0\.1:\d+: i/o timeout$" % port, heard)
    assert (statuses(heard), b"connection: close" in heard, closed) == ([500], True, True)
    heard, closed = await talk(port, put, end=True)
    assert (heard.endswith(b"unexpected EOF"), closed) == (True, True)
    chunked = request(b"PUT / HTTP/1.1", b"Transfer-Encoding: chunked", body=b"zz\r\n")
    heard, closed = await talk(port, chunked)
    assert (heard.endswith(b"invalid byte in chunk length"), closed) == (True, True)
    await nothing_left(state)


async def test_who_ends_its_side_still_hears(serve):
    """`printf ... | nc -N` would hear nothing."""
    port, _ = await serve(echo)
    heard, closed = await talk(port, request(b"GET /a HTTP/1.1") + request(b"GET /b HTTP/1.1"), end=True)
    assert (statuses(heard), closed) == ([200, 200], True)
    assert await talk(port, b"GET / HTTP/1.1\r\nHost: a\r\n", end=True) == (BAD, True)
    assert await talk(port, end=True) == (b"", True)


async def test_who_leaves_is_noticed_by_who_waits(serve):
    """A handler that waits would go on for a client that has gone."""
    left = asyncio.Event()

    async def waiting(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    port, state = await serve(waiting)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request())
    await asyncio.sleep(0.05)
    writer.close()
    await asyncio.wait_for(left.wait(), 2)
    await nothing_left(state)


async def test_a_refused_body_does_not_hide_the_answer(serve):
    """A client that is still sending would see a broken connection instead of 413."""

    async def refuse(scope, receive, send):
        await answer(send, 413, b"too much")

    def stubborn(port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(request(b"PUT / HTTP/1.1", b"Content-Length: 3000000"))
            time.sleep(0.1)
            client.sendall(b"x" * 3_000_000)
            return b"".join(iter(lambda: client.recv(65536), b""))

    port, state = await serve(refuse)
    heard = await asyncio.to_thread(stubborn, port)
    assert (statuses(heard), heard.endswith(b"too much")) == ([413], True)
    await nothing_left(state)


async def test_a_small_body_that_nobody_read_is_read_over(serve):
    """Each refused request would cost its connection."""

    async def refuse(scope, receive, send):
        await answer(send, 401, b"no")

    port, _ = await serve(refuse)
    put = request(b"PUT / HTTP/1.1", b"Content-Length: 2")
    heard, closed = await talk(port, put, 0.05, b"{}" + request())
    assert (statuses(heard), closed) == ([401, 401], False)
    chunked = request(b"PUT / HTTP/1.1", b"Transfer-Encoding: chunked")
    endless = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    heard, closed = await talk(port, chunked, 0.05, *[endless] * 8)
    assert (statuses(heard), closed) == ([401], True)


async def test_a_body_is_not_read_faster_than_the_application_takes_it(serve):
    """An upload that nobody reads would fill the memory."""
    go, seen = asyncio.Event(), []

    async def slow(scope, receive, send):
        await go.wait()
        await echo(scope, receive, send)

    class Watched(Connection):
        def data_received(self, data):
            seen.append(len(data))
            super().data_received(data)

    port, _ = await serve(slow, Watched)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(b"PUT / HTTP/1.1", b"Content-Length: 8000000"))
    writer.write(b"x" * 8_000_000)
    await asyncio.sleep(0.3)
    assert sum(seen) < ENOUGH + 2 * 262_144, "one read of the socket more than enough"
    go.set()
    assert (await asyncio.wait_for(reader.readuntil(b"8000000"), 5)).endswith(b"PUT / 8000000")
    writer.close()


@pytest.mark.parametrize("parts", [1, 30])
async def test_who_does_not_read_its_answer_is_let_go(serve, parts):
    """A client that stopped reading would hold its answer in memory for ever."""

    async def large(scope, receive, send):
        await asyncio.sleep(HASTY.head + 0.1)
        await send({"type": "http.response.start", "status": 200})
        for number in range(1, parts + 1):
            more = {"body": b"x" * (30_000_000 // parts), "more_body": number < parts}
            await send({"type": "http.response.body", **more})

    port, state = await serve(large, Hasty)
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(request())
    await nothing_left(state)
    writer.close()


async def test_the_transport_is_handed_on(serve):
    """A fault could not cut a connection without a byte."""

    async def cut(scope, receive, send):
        scope["extensions"][TRANSPORT].abort()

    port, state = await serve(cut)
    assert await talk(port, request()) == (b"", True)
    await nothing_left(state)


async def test_a_server_that_ends_lets_nobody_wait(serve):
    """Stopping a stub would take as long as its slowest request."""
    ended = asyncio.Event()

    async def waiting(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        ended.set()

    port, state = await serve(waiting)
    _, idle = await asyncio.open_connection("127.0.0.1", port)
    _, busy = await asyncio.open_connection("127.0.0.1", port)
    busy.write(request())
    await asyncio.sleep(0.05)
    for connection in list(state.connections):
        connection.shutdown()
    await asyncio.wait_for(ended.wait(), 2)
    await nothing_left(state)
    idle.close()
    busy.close()
