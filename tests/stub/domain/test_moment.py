"""Times as text."""

from __future__ import annotations

from orchestrator_stub.domain.moment import rfc3339

MOMENT = 1_735_689_600 * 10**9 + 123_456_789


def test_as_many_digits_as_are_asked_for():
    """Two things of one second would seem to have happened at once, or in a time that rounds up to the next."""
    assert rfc3339(MOMENT) == "2025-01-01T00:00:00.123456789Z"
    assert rfc3339(MOMENT + 876_500_000, digits=3) == "2025-01-01T00:00:00.999Z"
    assert rfc3339(MOMENT, digits=0) == "2025-01-01T00:00:00Z"
    assert rfc3339(1) == "1970-01-01T00:00:00.000000001Z"
