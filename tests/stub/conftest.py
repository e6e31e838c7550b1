"""What tests of the stub share: a whole one in the test's own event loop, and one real embedded S3."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
import time
from pathlib import Path

import engines
import httpx
import pytest

from orchestrator_stub.app import Stub
from orchestrator_stub.s3.client import S3Settings
from orchestrator_stub.s3.proxy import S3Service
from orchestrator_stub.settings.flags import Settings


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


@pytest.fixture(scope="session")
def podman():
    """Socket of a Podman with one image, or a skip that says why there is none."""
    try:
        with engines.engine("podman") as socket:
            yield socket
    except engines.NoEngineError as error:
        pytest.skip(f"no container engine: {error}")


@pytest.fixture(scope="session")
def dockerd():
    """Socket of a Docker with one image, or a skip that says why there is none."""
    try:
        with engines.engine("docker") as socket:
            yield socket
    except engines.NoEngineError as error:
        pytest.skip(f"no container engine: {error}")


@pytest.fixture(params=["podman", *(["dockerd"] if shutil.which("dockerd") else [])])
def engine_socket(request):
    """The one, and where it is installed the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def shared_s3():
    """The S3 of one stub at a free port, on a loop of its own; tests use buckets of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    service = S3Service(S3Settings(), port=0)
    asyncio.run_coroutine_threadsafe(service.start(), loop).result(30)
    yield service
    asyncio.run_coroutine_threadsafe(service.close(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture(scope="session")
def sleeping():
    """`sleeping(seconds)`: how many programs of this machine sleep so long; tests give theirs lengths of their own."""

    def count(seconds):
        found = 0
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                words = path.read_bytes().split(b"\0")
                found += seconds.encode() in words and words[0].rpartition(b"/")[2] in (b"sleep", b"busybox")
        return found

    return count


@pytest.fixture(scope="session")
def until():
    """`until(holds)`: until something is true; the test's own time limit ends it."""

    def wait(holds):
        while not holds():
            time.sleep(0.02)

    return wait
