"""Whether and when a request is sent again. Pure: the jitter is an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from tenacity import RetryCallState

from airflow_provider_bacalhau.client.call import Call
from airflow_provider_bacalhau.errors import ServerFault, Unreachable

ATTEMPTS = 4
"""Requests for one call at most."""
BUDGET = 30.0
"""Seconds after which a failure is final, so that a silent server (read timeout 35 s) is asked once."""
FIRST_DELAY = 0.2
"""Seconds before the second attempt; each further delay doubles."""
LONGEST_DELAY = 10.0
"""Seconds between two attempts, the server's own wish (Retry-After) not counted."""


class Schedule(TypedDict):
    """Keyword arguments for `tenacity.Retrying` and `tenacity.AsyncRetrying`."""

    retry: Callable[[RetryCallState], bool]
    wait: Callable[[RetryCallState], float]
    stop: Callable[[RetryCallState], bool]
    reraise: bool


def decide(call: Call[Any], attempt: int, error: BaseException, elapsed: float, draw: float = 1.0) -> float | None:
    """Seconds until the next attempt, or None: the error is final.

    Only idempotent calls are repeated, and only for failures that say nothing about the request: no connection,
    5xx without a known Code or Message, 503, 429. A submit is never repeated here: it goes up to the submission
    protocol, which looks before it sends again.

    :param attempt: how many were made, from 1. :param elapsed: seconds since the first began.
    :param draw: a random number from 0 to 1; the delay is between half and whole of its step.
    """
    if not call.idempotent or not isinstance(error, Unreachable | ServerFault):
        return None
    if attempt >= ATTEMPTS or elapsed >= BUDGET:
        return None
    step: float = min(FIRST_DELAY * 2.0 ** (attempt - 1), LONGEST_DELAY)
    wish = (error.retry_after if isinstance(error, ServerFault) else None) or 0.0
    if elapsed + wish > BUDGET:  # it would be asked sooner than it wishes; whoever has more time may wait
        return None
    return wish + step * (0.5 + draw / 2)


def schedule(call: Call[Any], draw: Callable[[], float]) -> Schedule:
    """`decide` as tenacity asks for it. :param draw: gives random numbers from 0 to 1."""

    def delay(state: RetryCallState) -> float | None:
        error = state.outcome.exception() if state.outcome else None
        return None if error is None else decide(call, state.attempt_number, error, _elapsed(state), draw())

    return Schedule(
        retry=lambda state: delay(state) is not None,
        wait=lambda state: delay(state) or 0.0,
        stop=lambda _: False,
        reraise=True,
    )


def _elapsed(state: RetryCallState) -> float:
    return state.seconds_since_start or 0.0
