"""An embedded S3 that nobody has asked yet."""

from __future__ import annotations

import pytest

from orchestrator_stub.s3.client import S3Settings
from orchestrator_stub.s3.proxy import S3Service


@pytest.fixture
async def service():
    """The S3 of one stub that nobody has asked yet."""
    service = S3Service(S3Settings(), port=0)
    await service.start()
    yield service
    await service.close()
