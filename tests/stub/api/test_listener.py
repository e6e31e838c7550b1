"""The listener of a stub with TLS: who is served, and what strangers get."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

import pytest

from orchestrator_stub.api import listener as listening
from orchestrator_stub.api.listener import PLAIN_ANSWER, TlsListener
from orchestrator_stub.certificates.made import made


class Echo(asyncio.Protocol):
    """Says what it hears, and which connection it has."""

    def __init__(self, met):
        self._met = met

    def connection_made(self, transport):
        """Somebody shook hands."""
        self._met.append(transport)
        self._transport = transport

    def data_received(self, data):
        """Say it back."""
        self._transport.write(data)


@pytest.fixture
async def serve(tmp_path):
    """A listener at a free port: (port, transports of who shook hands, a context that trusts it, the listener)."""
    secured, met, bound = made(tmp_path, ("127.0.0.1",)), [], socket.socket()
    bound.bind(("127.0.0.1", 0))
    taking = TlsListener(bound, secured.context, lambda: Echo(met))
    yield bound.getsockname()[1], met, ssl.create_default_context(cafile=str(secured.ca_file)), taking
    taking.close()
    bound.close()
    await taking.wait_closed()
    for transport in met:
        transport.abort()


async def say(port, data):
    """Send bytes without a handshake; gives all that comes back until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def echo(port, context, word):
    """What a client that shakes hands hears."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(word)
    heard = await asyncio.wait_for(reader.readexactly(len(word)), 5)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return heard


async def test_many_clients_are_served_at_once(serve):
    """One slow client would keep all others out."""
    port, met, context, _ = serve
    silent = socket.create_connection(("127.0.0.1", port))
    words = [f"word {number}".encode() for number in range(20)]
    assert await asyncio.gather(*(echo(port, context, word) for word in words)) == words
    assert len(met) == 20
    silent.close()


async def test_a_greeting_in_pieces_is_answered(serve):
    """A client behind a slow line would be taken for a stranger."""
    port, _, context, _ = serve
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for byte in out.read():
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    assert await asyncio.wait_for(reader.readexactly(3), 5) == b"\x16\x03\x03"
    writer.transport.abort()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
async def test_http_gets_the_answer_of_gos_server(serve, method):
    """The wrong schema in a connection would give another error here than on a real cluster."""
    port, met, _, _ = serve
    request = f"{method} /api/v1/agent/alive HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    assert await say(port, request) == PLAIN_ANSWER
    assert met == []


@pytest.mark.parametrize("data", [b"DELETE /api/v1/x HTTP/1.1\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\xff\xff", b"GE"])
async def test_anything_else_is_dropped_without_a_word(serve, monkeypatch, data):
    """A stranger could hold a connection for ever, or be answered by the API without a handshake."""
    monkeypatch.setattr(listening, "PATIENCE", 0.2)
    port, met, context, _ = serve
    assert not (await say(port, data)).startswith(b"HTTP/")
    assert met == []
    assert await echo(port, context, b"still there") == b"still there"


async def test_who_says_nothing_is_let_go(serve, monkeypatch):
    """Open files would run out."""
    monkeypatch.setattr(listening, "PATIENCE", 0.05)
    port, _, _, taking = serve
    assert await say(port, b"") == b""
    assert len(taking._tasks) == 1, "only the one that waits for others"


async def test_a_client_that_does_not_trust_the_certificate_leaves_nothing(serve, caplog):
    """Each look with a wrong ca_cert would leave a task, a connection or a traceback."""
    port, met, _, taking = serve
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context())
    while len(taking._tasks) > 1:
        await asyncio.sleep(0)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_closing_gives_up_who_has_not_shaken_hands(serve):
    """The stub would not end while a stranger is connected."""
    port, _, _, taking = serve
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while len(taking._tasks) < 2:
        await asyncio.sleep(0)
    taking.close()
    await asyncio.wait_for(taking.wait_closed(), 2)
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()


async def test_a_lack_of_open_files_is_waited_out(serve, monkeypatch):
    """The stub would stop listening after a burst of connections."""
    monkeypatch.setattr(listening, "OUT_OF_FILES", 0.0)
    port, _, context, taking = serve
    accept, failures = taking._loop.sock_accept, iter([OSError(24, "Too many open files")])

    async def scarce(sock):
        for failure in failures:
            raise failure
        return await accept(sock)

    monkeypatch.setattr(taking._loop, "sock_accept", scarce)
    assert await echo(port, context, b"first") == b"first"
    assert await echo(port, context, b"second") == b"second"
