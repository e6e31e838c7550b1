"""Clients of log sockets that break off, babble or never read: the stub goes on, and nothing of them is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import struct

import pytest
import uvicorn
from websockets.frames import Frame, Opcode

from orchestrator_stub.api.connection import Connection
from orchestrator_stub.api.server import Server

BABBLERS = int(os.environ.get("STUB_BABBLING_CLIENTS", "150"))
"""Random clients; more on demand."""
CLOSED = b"\x88\x02\x03\xe8"
ODD_FRAMES = [
    Frame(Opcode.PING, b"are you there").serialize(mask=True),
    Frame(Opcode.PONG, b"").serialize(mask=True),
    Frame(Opcode.TEXT, b"half", fin=False).serialize(mask=True),
    Frame(Opcode.CONT, b"a message").serialize(mask=True),
    Frame(Opcode.CONT, b"of nothing").serialize(mask=True),
    Frame(Opcode.BINARY, b"\0" * 70_000).serialize(mask=True),
    Frame(Opcode.TEXT, b"\xff\xfe not utf-8").serialize(mask=True),
    Frame(Opcode.TEXT, b"not masked").serialize(mask=False),
    b"\x89\xfe\x07\xd0" + b"m" * 2004,  # an oversized control frame
    b"\x82\xff" + b"\xff" * 8 + b"mask",  # a frame of 2**64 bytes
    b"\xf3\x80mask",  # reserved bits and opcode
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\0" * 5_000,
]
CLOSES = [Frame(Opcode.CLOSE, data).serialize(mask=True) for data in (b"", b"x", b"\0\0", b"\x03\xed", b"\x03\xe8bye")]


class Served:
    """A stub behind a real server, with a job that prints for as long as the test wants."""

    def __init__(self, stub, server, port, job):
        self.stub, self.server, self.port, self.job = stub, server, port, job
        self.broken = []

    def handshake(self, query="follow=true"):
        """The request of a proper client."""
        lines = [f"GET /api/v1/orchestrator/jobs/{self.job}/logs?{query} HTTP/1.1", "Host: 127.0.0.1"]
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        return "\r\n".join([*lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "\r\n"]).encode()

    async def connect(self):
        """A connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def cut(self, sent, *, reset, patience):
        """Send bytes and go: with a reset or not, at once or after the server had time to answer."""
        _, writer = await self.connect()
        writer.write(sent)
        for _ in range(patience):
            await asyncio.sleep(0)
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def is_well(self):
        """A new client gets the log."""
        reader, writer = await self.connect()
        writer.write(self.handshake("follow=false"))
        await asyncio.wait_for(reader.readuntil(b"hello world"), 10)
        writer.close()

    async def is_clean(self, files=10**6):
        """No connection and no task is left of anybody, no more files are open, and nothing was complained of."""
        state = self.server.server_state
        await within_seconds(lambda: not state.connections and not state.tasks and descriptors() <= files)
        assert not state.connections
        assert descriptors() <= files
        assert [task for task in asyncio.all_tasks() if "logs_ws" in repr(task)] == []
        assert self.broken == []


@pytest.fixture
async def serve(make, caplog):
    """`await serve(strict=...)`: a served stub of 1.9.3 with a running job."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*, strict=False):
            stub = make(strict=strict)
            stub.program.endless = True
            job = await stub.submit()
            while not stub.program.logs:
                await asyncio.sleep(0)
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            server = Server(uvicorn.Config(stub.app, http=Connection, log_config=None, lifespan="off"))
            task = asyncio.ensure_future(server.serve(sockets=[listener]))

            async def stop():
                server.should_exit = True
                await asyncio.wait_for(task, 5)
                await stub.orchestrator.close()

            stack.push_async_callback(stop)
            while not server.started:
                await asyncio.sleep(0)
            served = Served(stub, server, listener.getsockname()[1], job)
            asyncio.get_running_loop().set_exception_handler(lambda _, context: served.broken.append(context))
            return served

        yield start
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


def descriptors():
    """How many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("reset", [False, True])
async def test_a_connection_that_is_cut_at_any_byte(serve, reset):
    """A network that breaks would end the stub, or leave a task, a socket or a file behind each time."""
    served = await serve()
    await served.is_well()
    await served.is_clean()
    before = descriptors()
    whole = served.handshake() + ODD_FRAMES[0] + ODD_FRAMES[2] + CLOSES[4]
    for patience in (0, 20):
        for first in range(0, len(whole) + 1, 16):
            cuts = range(first, min(first + 16, len(whole) + 1))
            await asyncio.gather(*(served.cut(whole[:end], reset=reset, patience=patience) for end in cuts))
    await served.is_well()
    await served.is_clean(before)


async def test_a_cut_connection_under_strict_is_held_until_the_program_ends(serve):
    """Under --strict the node goes on serving who left: that may not outlive the program."""
    served = await serve(strict=True)
    before = asyncio.all_tasks()
    for end in range(0, 400, 40):
        await served.cut(served.handshake() + b"\x89\x80mask" * (end // 40), reset=bool(end % 80), patience=20)
    await served.is_clean()
    assert len(asyncio.all_tasks() - before) >= 10
    served.stub.program.logs[0].close()
    served.stub.orchestrator.stop_job(served.job)
    for _ in range(200):
        await asyncio.sleep(0)
    served.stub.clock.advance(3)
    for _ in range(200):
        await asyncio.sleep(0)
    assert not asyncio.all_tasks() - before


async def test_clients_that_babble(serve):
    """Odd, broken and oversized frames would end a log, or the stub; real servers never read them."""
    served = await serve()
    before = descriptors()
    luck = random.Random(20)

    async def babble(number):
        said = [luck.choice(ODD_FRAMES) for _ in range(luck.randrange(8))]
        said += [luck.choice(CLOSES)] if number % 3 == 0 else [luck.randbytes(luck.randrange(300))]
        stream = b"".join([served.handshake(), *said])
        reader, writer = await served.connect()
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(stream), size := luck.choice([7, 100, 10**6])):
                writer.write(stream[start : start + size])
                await writer.drain()
            if number % 3 == 1:
                await asyncio.wait_for(reader.readuntil(b"hello world"), 10)
        writer.transport.abort()

    for first in range(0, BABBLERS, 25):
        await asyncio.gather(*(babble(number) for number in range(first, min(first + 25, BABBLERS))))
    await served.is_well()
    await served.is_clean(before)


@pytest.mark.parametrize("odd", range(len(ODD_FRAMES)))
async def test_a_log_goes_on_whatever_the_client_sends(serve, odd):
    """The stub would close with a protocol error where real servers go on."""
    served = await serve()
    reader, writer = await served.connect()
    writer.write(served.handshake())
    await asyncio.wait_for(reader.readuntil(b"hello world"), 10)
    await reader.read(100)
    writer.write(ODD_FRAMES[odd])
    await writer.drain()
    await served.is_well()
    served.stub.program.logs[0].write(1, b"line\n")
    await asyncio.sleep(0.01)
    served.stub.program.logs[0].close()
    rest = await asyncio.wait_for(reader.read(), 10)
    assert rest == Frame(Opcode.TEXT, b'{"value":{"Type":1,"Line":"line\\n"}}\n').serialize(mask=False) + CLOSED
    writer.close()
    await served.is_clean()


@pytest.mark.parametrize("close", CLOSES, ids=range(len(CLOSES)))  # masked: their bytes differ from run to run
async def test_a_close_is_answered_and_the_connection_ended(serve, close):
    """A viewer who goes would wait for a timeout."""
    served = await serve()
    reader, writer = await served.connect()
    writer.write(served.handshake() + ODD_FRAMES[0] + close)
    answer = await asyncio.wait_for(reader.read(), 10)
    payload = bytes(byte ^ close[2 + number % 4] for number, byte in enumerate(close[6:]))
    assert answer.endswith(Frame(Opcode.CLOSE, payload).serialize(mask=False))
    writer.close()
    await served.is_clean()


async def test_strict_a_close_stays_unanswered(serve):
    """A client that waits for the answer to its Close would work here and hang on a real server."""
    served = await serve(strict=True)
    reader, writer = await served.connect()
    writer.write(served.handshake())
    await asyncio.wait_for(reader.readuntil(b"hello world"), 10)
    writer.write(CLOSES[4])
    await writer.drain()
    await asyncio.sleep(0.05)
    served.stub.program.logs[0].write(1, b"still here\n")
    assert b"still here" in await asyncio.wait_for(reader.readuntil(b"still here"), 10)
    writer.close()
    await served.is_clean()


async def a_sleeper(served):
    """A client that asks for a long log and does not read it."""
    for _ in range(1_000):
        served.stub.program.logs[0].write(2, b"x" * 8_000 + b"\n")
    sleeper = socket.create_connection(("127.0.0.1", served.port))
    sleeper.sendall(served.handshake())
    await asyncio.sleep(0.2)
    return sleeper


async def within_seconds(is_so):
    """Whether something comes to be so."""
    for _ in range(500):
        if is_so():
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_client_that_never_reads(serve):
    """One sleeping client would hold up everybody, or the stub's end."""
    served = await serve()
    sleeper = await a_sleeper(served)
    await served.is_well()
    assert served.server.server_state.connections
    served.server.should_exit = True
    assert await within_seconds(lambda: not served.server.server_state.connections)
    sleeper.close()


async def test_a_client_that_never_reads_and_says_it_will_send_no_more(serve):
    """Its stream would wait for ever for somebody to read."""
    served = await serve()
    sleeper = await a_sleeper(served)
    assert served.server.server_state.tasks
    sleeper.shutdown(socket.SHUT_WR)
    assert await within_seconds(lambda: not served.server.server_state.tasks)
    sleeper.close()
    await served.is_clean()
