"""When a request is sent again."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.client import retry
from airflow_provider_bacalhau.client.calls import jobs
from airflow_provider_bacalhau.errors import (
    AuthError,
    BrokenContract,
    Conflict,
    NotFound,
    Rejected,
    ServerFault,
    Unreachable,
)

READ = jobs.get("j-1")
SUBMIT = jobs.submit({})


@pytest.mark.parametrize("error", [Unreachable("x"), ServerFault("x", status=503), ServerFault("x", status=429)])
def test_a_read_is_repeated_after_a_failure_that_says_nothing_about_it(error):
    """A blip would fail a task."""
    assert retry.decide(READ, 1, error, 0.0) is not None
    assert retry.decide(jobs.stop("j-1"), 1, error, 0.0) is not None


@pytest.mark.parametrize("error", [Unreachable("x", maybe_applied=False), ServerFault("x", status=503)])
def test_a_submit_is_never_repeated(error):
    """Up to 1.7 each submit that arrives is one more job."""
    assert retry.decide(SUBMIT, 1, error, 0.0) is None


@pytest.mark.parametrize("kind", [AuthError, NotFound, Rejected, Conflict, BrokenContract, ValueError])
def test_what_will_not_change_is_not_repeated(kind):
    """A wrong password would be tried four times and lock the user out."""
    assert retry.decide(READ, 1, kind("x"), 0.0) is None


def test_repeating_ends():
    """A dead server would hold a task for ever; a silent one (35 s) is asked once."""
    error = Unreachable("x")
    assert retry.decide(READ, retry.ATTEMPTS - 1, error, 0.0) is not None
    assert retry.decide(READ, retry.ATTEMPTS, error, 0.0) is None
    assert retry.decide(READ, 1, error, retry.BUDGET) is None


def test_delays_grow_within_their_jitter():
    """Thousands of waiting tasks would come back at the same moment."""
    error = Unreachable("x")
    longest = [retry.decide(READ, attempt, error, 0.0, 1.0) for attempt in (1, 2, 3)]
    shortest = [retry.decide(READ, attempt, error, 0.0, 0.0) for attempt in (1, 2, 3)]
    assert longest == [0.2, 0.4, 0.8]
    assert shortest == [0.1, 0.2, 0.4]


def test_a_servers_wish_is_respected_within_bounds():
    """A rate-limited server would be asked again at once, or Retry-After: 86400 hold a task for a day."""
    assert retry.decide(READ, 1, ServerFault("x", retry_after=3.0), 0.0) >= 3.0
    assert retry.decide(READ, 1, ServerFault("x", retry_after=20.0), 0.0) >= 20.0
    assert retry.decide(READ, 1, ServerFault("x", retry_after=86400.0), 0.0) is None
    assert retry.decide(READ, 2, ServerFault("x", retry_after=20.0), 11.0) is None


class State:
    """What tenacity tells about an attempt."""

    attempt_number = 1
    seconds_since_start = 0.0

    def __init__(self, error):
        self.outcome = type("Outcome", (), {"exception": staticmethod(lambda: error)})


def test_the_schedule_speaks_tenacitys_language():
    """The decision would not reach the loop that drives it."""
    plan = retry.schedule(READ, lambda: 1.0)
    assert plan["retry"](State(Unreachable("x")))
    assert plan["wait"](State(Unreachable("x"))) == 0.2
    assert not plan["retry"](State(None))
    assert not plan["retry"](State(NotFound("x")))
    assert plan["reraise"]
