"""The asyncio shell alone; what it does with servers is in tests/contract, its likeness to `sync` in architecture."""

from __future__ import annotations

import asyncio
import inspect
import threading

import httpx
import pytest

from airflow_provider_bacalhau.client import aio, tls
from airflow_provider_bacalhau.client.aio import AsyncClient


def test_it_is_a_shell():
    """A decision has leaked into it when it grows (and would have to be made twice)."""
    assert len(inspect.getsource(aio).splitlines()) <= 220


async def test_certificates_are_read_beside_the_loop(config, monkeypatch):
    """All triggers of a triggerer would stand still for 28 ms."""
    threads = []
    make = tls.http_options

    def noted(given):
        threads.append(threading.current_thread())
        return make(given)

    monkeypatch.setattr(tls, "http_options", noted)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"Status": "OK"}))
    async with AsyncClient(config, transport=transport) as client:
        assert await client.alive()
        inner = client._http
    assert threads
    assert threading.main_thread() not in threads
    assert inner.is_closed


async def test_a_cancelled_request_ends_at_once(config):
    """A cleared deferred task would keep its request, or swallow the cancellation as a failure to repeat."""
    started = asyncio.Event()

    async def hang(_):
        started.set()
        await asyncio.Event().wait()

    async with AsyncClient(config, transport=httpx.MockTransport(hang)) as client:
        task = asyncio.create_task(client.alive())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
