"""Embedded S3s: one that nobody has asked yet, one whose time tests move, one that is strict; and what clients need."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.client
import threading
import urllib.parse
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from botocore.config import Config
from botocore.session import Session

from orchestrator_stub.s3.client import S3Settings
from orchestrator_stub.s3.proxy import S3Service

SECOND = 1_000_000_000


@pytest.fixture
async def service():
    """The S3 of one stub that nobody has asked yet."""
    service = S3Service(S3Settings(), port=0)
    await service.start()
    yield service
    await service.close()


@contextlib.contextmanager
def running(service):
    """A service on a loop of its own, so that blocking clients may ask it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(service.start(), loop).result(30)
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(service.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@functools.cache
def _session():
    """One for all, since each reads AWS's models anew."""
    return Session(session_vars={"profile": (None, None, None, None)})


@dataclass
class Door:
    """A running S3, its time, and clients for it."""

    service: S3Service
    loop: asyncio.AbstractEventLoop
    offset: list[int] = field(default_factory=lambda: [0])
    """Seconds that its clock is ahead of the machine's."""

    @property
    def endpoint(self):
        """URL."""
        return self.service.endpoint

    @property
    def host(self):
        """Name and port."""
        return self.endpoint.removeprefix("http://")

    def client(self, *, access="stub", secret="stub", region="us-east-1", host="127.0.0.1", at="", **config):
        """A botocore client as DAGs make them; `at`: another S3."""
        return _session().create_client(
            "s3",
            endpoint_url=at or self.endpoint.replace("127.0.0.1", host),
            region_name=region,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    def url(self, operation="get_object", *, version="s3v4", expires=900, at="", **params):
        """A pre-signed URL; `at`: of another S3."""
        client = self.client(at=at, signature_version=version, s3={"addressing_style": "path"})
        return client.generate_presigned_url(operation, Params=params, ExpiresIn=expires)

    def ask(self, url, method="GET", body=None, headers=None):
        """Status, headers and body of the answer, on a connection of its own."""
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            sent = {"Host": parts.netloc, **(headers or {})}
            is_chunked = "Transfer-Encoding" in sent
            connection.request(method, f"{parts.path}?{parts.query}", body, sent, encode_chunked=is_chunked)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="session")
def shared_door():
    """One S3 for all; tests use buckets of their own."""
    offset = [0]
    service = S3Service(S3Settings(), port=0, now=lambda: int(datetime.now(UTC).timestamp() + offset[0]) * SECOND)
    with running(service) as loop:
        yield Door(service, loop, offset)


@pytest.fixture
def door(shared_door):
    """The shared S3 with the machine's time, which a test may move."""
    shared_door.offset[0] = 0
    yield shared_door
    shared_door.offset[0] = 0


@pytest.fixture(scope="session")
def strict_door():
    """An S3 that makes no buckets by itself."""
    service = S3Service(S3Settings(strict=True), port=0)
    with running(service) as loop:
        yield Door(service, loop)
