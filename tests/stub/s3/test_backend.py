"""The process behind the gate: one, kept connections, and what happens when it is gone."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import h11
import pytest

from orchestrator_stub.s3.backend import Backend
from orchestrator_stub.s3.errors import Refusal


@pytest.fixture
async def backend():
    """One that was not asked yet."""
    backend = Backend()
    yield backend
    await backend.close()


def connections(backend):
    """How many connections the process has, besides its listening socket."""
    pid = backend._process.pid
    return sum("socket:" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")) - 1


async def test_connections_are_used_again(backend):
    """Every request would cost a connection and a thread, and after some thousand there would be no more."""
    first = await backend.ready()
    for _ in range(5):
        assert await backend.ask("HEAD", "/nothing") == 404
        assert await backend.ask("PUT", "/bucket") == 200
        assert await backend.ask("GET", "/bucket?list-type=2") == 200
    assert connections(backend) == 1
    assert await backend.ready() == first


async def test_only_some_are_kept(backend):
    """A burst of requests would leave its threads behind."""
    wires = [await backend.connect() for _ in range(20)]
    for wire in wires:
        await wire.send(h11.Request(method="GET", target="/", headers=[("host", "localhost")]))
        await wire.send(h11.EndOfMessage())
        while not isinstance(await wire.event(), h11.EndOfMessage):
            pass
    for wire in wires:
        backend.release(wire)
    assert len(backend._idle) == 16
    async with asyncio.timeout(5):
        while connections(backend) > 16:
            await asyncio.sleep(0.01)


async def test_many_first_requests_start_one_process(backend):
    """Objects would be spread over several."""
    assert set(await asyncio.gather(*(backend.ready() for _ in range(5)))) == {1}


async def test_a_process_that_died_is_started_again(backend):
    """A stub whose S3 crashed would answer nothing until it is restarted."""
    assert await backend.ask("PUT", "/bucket") == 200
    os.kill(backend._process.pid, signal.SIGKILL)
    await backend._process.wait()
    assert await backend.ready() == 2
    assert await backend.ask("HEAD", "/bucket") == 404


async def test_a_process_that_dies_in_the_middle_is_a_refusal(backend):
    """Clients would wait for ever."""
    wire = await backend.connect()
    await wire.send(h11.Request(method="PUT", target="/b/k", headers=[("host", "localhost"), ("content-length", "9")]))
    os.kill(backend._process.pid, signal.SIGKILL)
    with pytest.raises(Refusal) as refused:
        await wire.event()
    assert (refused.value.status, refused.value.code) == (500, "InternalError")
    wire.close()


async def test_a_process_that_cannot_start_is_a_refusal(backend, monkeypatch):
    """Clients would see a broken connection and not try again."""
    monkeypatch.setattr("sys.executable", "/nonexistent")
    with pytest.raises(Refusal):
        await backend.connect()


async def test_nothing_of_real_accounts_reaches_the_process(backend, monkeypatch):
    """Keys of this machine would stand in another process's environment."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "REAL")
    await backend.ready()
    assert b"REAL" not in Path(f"/proc/{backend._process.pid}/environ").read_bytes()
