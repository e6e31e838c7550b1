"""What tests of the whole stub share: one that runs in the test's own event loop."""

from __future__ import annotations

import httpx
import pytest

from orchestrator_stub.app import Stub
from orchestrator_stub.settings import Settings


@pytest.fixture
async def start_stub():
    """`await start_stub(clock=..., emulate=..., ...)`: a started stub and an httpx client that talks to it."""
    running = []

    async def start(*, clock=None, seed=1, **flags):
        stub = Stub(Settings(**{"port": 0, "s3": "off", "docker_runner": "scripted", **flags}), clock=clock, seed=seed)
        await stub.start()
        client = httpx.AsyncClient(base_url=stub.url, trust_env=False)
        running.append((stub, client))
        return stub, client

    yield start
    for stub, client in running:
        await client.aclose()
        await stub.stop()
