"""One HTTP connection: events, back pressure, its end."""

from __future__ import annotations

import asyncio
import socket

import h11
import pytest

from orchestrator_stub.s3.wire import PIECE, Wire


@pytest.fixture
async def pair():
    """A client's and a server's side, and the raw socket under the client's."""
    one, other = socket.socketpair()
    client = Wire(h11.CLIENT, *await asyncio.open_connection(sock=one))
    server = Wire(h11.SERVER, *await asyncio.open_connection(sock=other))
    yield client, server
    client.close()
    server.close()


async def get(client, server):
    """One exchange."""
    await client.send(h11.Request(method="GET", target="/", headers=[("host", "h")]))
    await client.send(h11.EndOfMessage())
    assert isinstance(await server.event(), h11.Request)
    assert isinstance(await server.event(), h11.EndOfMessage)
    await server.send(h11.Response(status_code=204, headers=[]))
    await server.send(h11.EndOfMessage())
    assert (await client.event()).status_code == 204
    assert isinstance(await client.event(), h11.EndOfMessage)


async def test_exchanges_follow_each_other(pair):
    """Every request would need a connection."""
    client, server = pair
    for _ in range(2):
        await get(client, server)
        assert client.next_exchange()
        assert server.next_exchange()
    assert not client.is_over


async def test_an_exchange_in_the_middle_is_not_followed(pair):
    """The next request would be read as the body of this one."""
    client, _ = pair
    await client.send(h11.Request(method="PUT", target="/", headers=[("host", "h"), ("content-length", "1")]))
    assert not client.next_exchange()


async def test_the_other_side_may_end(pair):
    """A connection that is gone would be used again."""
    client, server = pair
    server.close()
    assert isinstance(await client.event(), h11.ConnectionClosed)
    assert client.is_over


async def test_sending_waits_for_the_reader(pair):
    """An object that nobody reads would pile up in memory."""
    client, server = pair
    await client.send(h11.Request(method="PUT", target="/", headers=[("host", "h"), ("content-length", str(1000 * PIECE))]))

    async def send_all():
        for _ in range(1000):
            await client.send(h11.Data(bytes(PIECE)))
        await client.send(h11.EndOfMessage())

    sending = asyncio.create_task(send_all())
    done, _ = await asyncio.wait([sending], timeout=0.2)
    assert not done
    taken = 0
    while not isinstance(event := await server.event(), h11.EndOfMessage):
        taken += len(event.data) if isinstance(event, h11.Data) else 0
    await sending
    assert taken == 1000 * PIECE


async def answered(client, server, size):
    """A request that was read, and an answer whose head was taken: the body may follow."""
    await client.send(h11.Request(method="GET", target="/", headers=[("host", "h")]))
    await client.send(h11.EndOfMessage())
    while not isinstance(await server.event(), h11.EndOfMessage):
        pass
    await server.send(h11.Response(status_code=200, headers=[("content-length", str(size))]))


@pytest.mark.parametrize("size", [0, 1, 20 * PIECE])
async def test_bodies_pass_whole_and_exchanges_follow_them(pair, size):
    """An object would arrive cut, or the next request would find the connection out of step."""
    client, server = pair

    async def pieces():
        for start in range(0, size, 1000):
            yield bytes(min(1000, size - start))

    for _ in range(2):
        await answered(client, server, size)
        saying = asyncio.create_task(server.say(size, pieces(), 5))
        assert isinstance(await client.event(), h11.Response)
        assert b"".join([piece async for piece in client.take(size)]) == bytes(size)
        await saying
        assert client.next_exchange()
        assert server.next_exchange()


async def test_a_body_that_ends_early_is_no_body(pair):
    """Half an object would be taken for a whole one."""
    client, server = pair
    await answered(client, server, 10)
    assert isinstance(await client.event(), h11.Response)
    server.close()
    with pytest.raises(ConnectionError):
        assert [piece async for piece in client.take(10)]


async def test_a_reader_that_stands_still_is_given_up(pair):
    """A download that nobody takes would wait for ever."""
    client, server = pair

    async def pieces():
        while True:
            yield bytes(PIECE)

    await answered(client, server, 10**9)
    with pytest.raises(TimeoutError):
        await server.say(10**9, pieces(), 0.05)


async def test_goodbye_lets_the_last_words_arrive(pair):
    """A client that is still sending would see a broken connection instead of the answer."""
    client, server = pair
    await client.send(h11.Request(method="PUT", target="/", headers=[("host", "h"), ("content-length", str(10 * PIECE))]))
    await server.event()
    await server.send(h11.Response(status_code=403, headers=[("connection", "close"), ("content-length", "0")]))
    await server.send(h11.EndOfMessage())
    parting = asyncio.create_task(server.say_goodbye(5))
    for _ in range(10):
        await client.send(h11.Data(bytes(PIECE)))
    assert (await client.event()).status_code == 403
    client.close()
    await asyncio.wait_for(parting, 2)


async def test_abort_breaks_it(pair):
    """A client would take half an answer for a whole one."""
    client, server = pair
    await client.send(h11.Request(method="GET", target="/", headers=[("host", "h")]))
    await client.send(h11.EndOfMessage())
    server.abort()
    with pytest.raises((OSError, h11.RemoteProtocolError)):
        await client.event()
