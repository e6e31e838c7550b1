"""The blocking shell alone; what it does with servers is in tests/contract, its likeness to `aio` in architecture."""

from __future__ import annotations

import inspect

import httpx

from airflow_provider_bacalhau.client import sync, tls
from airflow_provider_bacalhau.client.sync import Client


def test_it_is_a_shell():
    """A decision has leaked into it when it grows (and would have to be made twice)."""
    assert len(inspect.getsource(sync).splitlines()) <= 220


def test_nothing_is_opened_before_the_first_request(config, monkeypatch):
    """Making a hook would read certificates."""
    monkeypatch.setattr(tls, "http_options", lambda _: 1 / 0)
    with Client(config):
        pass


def test_leaving_the_block_closes_the_connections(config):
    """Sockets would leak with every task."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"Status": "OK"}))
    with Client(config, transport=transport) as client:
        assert client.alive()
        inner = client._http
    assert inner.is_closed
