"""Patience with a server that gives no usable answer: a restart of a minute must not fail what goes well."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from airflow_provider_bacalhau.errors import ApiError, BrokenContract, ServerFault, Unreachable

T = TypeVar("T")

PASSING = (Unreachable, ServerFault, BrokenContract)
"""What a server, or something between, answers while it is restarted; all else is meant."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds; each pause is twice the one before, and between half and whole of that."""

MOST_WISHED = 60.0
"""Seconds of a server's Retry-After that are waited for at most."""

log = logging.getLogger(__name__)


class Patience:
    """A budget in time, not in attempts: of the time that no usable answer came, in seconds.

    :param note: gets a line when the silence begins and one when it ends.
    """

    def __init__(
        self,
        seconds: float,
        *,
        note: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.seconds = seconds
        self._note = note or log.info
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._since: float | None = None
        self._pauses = 0
        self._waited = 0.0

    def ask(self, question: Callable[[], T]) -> T:
        """The answer, however often it has to be asked for; `question` must be one that may be asked again.

        :raises ApiError: the server means it, or gave no usable answer for longer than the budget.
        """
        while True:
            try:
                answer = question()
            except PASSING as error:
                self.endure(error)
            else:
                self.content()
                return answer

    def endure(self, error: ApiError) -> None:
        """Wait before the next attempt, as long as the server wishes. Raises `error` when the budget is used up."""
        now = self._clock()
        if self._since is None:
            self._since = now
            self._note(f"No usable answer from Bacalhau, asking again for up to {self.seconds:.0f}s: {error}")
        if max(now - self._since, self._waited) >= self.seconds:
            raise error
        step = min(FIRST_PAUSE * 2.0**self._pauses, LONGEST_PAUSE)
        wish = min((error.retry_after or 0.0) if isinstance(error, ServerFault) else 0.0, MOST_WISHED)
        pause = wish + step * (0.5 + self._draw() / 2)
        self._pauses = min(self._pauses + 1, 10)
        self._waited += pause
        self._sleep(pause)

    def content(self) -> None:
        """A usable answer came: the budget is whole again."""
        if self._since is not None:
            self._note(f"Bacalhau answers again after {max(self._clock() - self._since, self._waited):.0f}s.")
        self._since, self._pauses, self._waited = None, 0, 0.0
