"""The stub's time in the hands of a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator_stub.testing.clock import moment
from orchestrator_stub.testing.exchange import StubError
from orchestrator_stub.testing.server import stub_server

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2025-01-01T00:00:00Z", BEGIN),
        ("2025-01-01T00:00:00.5Z", BEGIN + timedelta(milliseconds=500)),
        ("2025-01-01T00:00:00.000001999Z", BEGIN + timedelta(microseconds=1)),
    ],
)
def test_moments_are_read_to_the_microsecond(text, found):
    """Nanoseconds would be an error on some Pythons, or be taken for microseconds."""
    assert moment(text) == found


def test_time_is_moved_by_hand(bacalhau_stub, submit, state):
    """The middle of a job could not be looked at."""
    bacalhau_stub.on().after("40m").exit(0)
    with bacalhau_stub.clock.manual() as clock:
        assert clock.mode == "virtual"
        job_id = submit()
        assert [state(job_id) for _ in range(3)] == ["Running"] * 3
        assert clock.advance(timedelta(minutes=39)) == clock.now
        assert state(job_id) == "Running"
        clock.advance(60)
        assert state(job_id) == "Completed"
    assert bacalhau_stub.clock.mode == "auto"
    assert timedelta(minutes=40) <= bacalhau_stub.clock.now - BEGIN < timedelta(minutes=41)


def test_a_block_that_fails_gives_the_clock_back(bacalhau_stub):
    """What follows in the test would wait for ever."""
    with pytest.raises(ZeroDivisionError), bacalhau_stub.clock.manual():
        _ = 1 / 0
    assert bacalhau_stub.clock.mode == "auto"


def test_a_day_is_over_at_once(bacalhau_stub, submit, state):
    """A long chain of jobs would have to be looked at again and again."""
    bacalhau_stub.on().after("24h").exit(0)
    job_id = submit()
    assert bacalhau_stub.clock.run_until_idle() - BEGIN >= timedelta(hours=24)
    assert state(job_id) == "Completed"


def test_real_time_cannot_be_moved():
    """A test would believe that it had waited."""
    with stub_server("--clock", "real", "--s3", "off") as stub, pytest.raises(StubError, match="real") as refused:
        stub.clock.advance(1)
    assert refused.value.status == 409
