"""One process for the objects of many stubs."""

from __future__ import annotations

import pytest

from orchestrator_stub.s3.errors import Refusal
from orchestrator_stub.testing.backends import Backends


@pytest.fixture
async def backends():
    """A pool of its own."""
    pool = Backends()
    yield pool
    await pool.close()


async def test_the_next_gets_the_same_process_without_objects(backends):
    """Ten tests with S3 would start ten processes; or see what the test before stored."""
    first = backends.take()
    assert await first.ask("PUT", "/acme") == 200
    assert await first.ask("HEAD", "/acme") == 200
    generation = await first.ready()
    await first.close()
    second = backends.take()
    assert second is first
    assert await second.ask("HEAD", "/acme") == 404
    assert await second.ready() > generation, "what is known of its buckets would be wrong"
    await second.close()


async def test_two_at_once_are_two_and_one_of_them_waits(backends):
    """Two stubs of one test would share their objects, or processes would pile up."""
    first, second = backends.take(), backends.take()
    assert await first.ask("PUT", "/acme") == 200
    assert await second.ask("HEAD", "/acme") == 404
    await first.close()
    await second.close()
    with pytest.raises((Refusal, FileNotFoundError)):
        await second.ready()
    assert backends.take() is first
    await first.close()


async def test_one_that_nobody_used_starts_nothing(backends):
    """A test without S3 would pay for it."""
    unused = backends.take()
    await unused.close()
    assert unused._process is None
