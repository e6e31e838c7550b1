"""Publishers that publish nothing."""

from __future__ import annotations

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.publishers.base import Output


class NoopPublisher:
    """Every node has it; results are not kept."""

    type = "noop"

    async def publish(self, output: Output) -> SpecConfig:  # noqa: ARG002 - that is its whole point
        """Nothing."""
        return SpecConfig()

    def result(self, published: SpecConfig, now: int) -> SpecConfig:  # noqa: ARG002 - no matter when
        """Nothing."""
        return published


class ManagedS3Publisher:
    """`s3managed` on a server where nobody configured a bucket for it: advertised, but it fails (golden 43)."""

    type = "s3managed"

    async def publish(self, output: Output) -> SpecConfig:  # noqa: ARG002 - it fails for all
        """Raises StepError with the recorded text."""
        raise StepError("failed to get pre-signed URL for managed S3 publisher")

    def result(self, published: SpecConfig, now: int) -> SpecConfig:  # noqa: ARG002 - there is none
        """Nothing."""
        return published
