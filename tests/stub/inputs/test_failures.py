"""The two ways in which a node reports an input that it cannot have."""

from __future__ import annotations

from orchestrator_stub.inputs.failures import refused, unavailable


def test_reasons_without_and_with_a_code():
    """History shows the middle words only where the reason has no code of its own (goldens 42, 73)."""
    plain, coded = unavailable("missing data prefix"), refused("failed to fetch", {"ErrorCode": "S3InputSource:NotFound"})
    assert plain.message == (
        "calculating resource usage of job: error getting job disk space requirements: missing data prefix"
    )
    assert plain.details == {"ErrorCode": "Bacalhau:"}
    assert coded.message == "calculating resource usage of job: failed to fetch"
    assert coded.details == {"ErrorCode": "S3InputSource:NotFound"}
