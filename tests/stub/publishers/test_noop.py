"""Publishers that publish nothing."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.publishers.noop import ManagedS3Publisher, NoopPublisher


async def test_noop_leaves_no_result(make_output):
    """/results would show something to download."""
    publisher = NoopPublisher()
    assert await publisher.publish(make_output()) == SpecConfig()
    assert publisher.result(SpecConfig(), 0) == SpecConfig()


async def test_managed_s3_fails_as_recorded(make_output):
    """Golden 43, executions-s3managed: advertised from 1.8 on, but nobody configured its bucket."""
    publisher = ManagedS3Publisher()
    with pytest.raises(StepError) as failure:
        await publisher.publish(make_output())
    assert failure.value.message == "failed to get pre-signed URL for managed S3 publisher"
    assert publisher.result(SpecConfig("x"), 0) == SpecConfig("x")
