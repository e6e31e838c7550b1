"""A real embedded S3, one for all tests of the room."""

from __future__ import annotations

import asyncio
import threading

import pytest

from orchestrator_stub.s3.client import S3Settings
from orchestrator_stub.s3.proxy import S3Service


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
