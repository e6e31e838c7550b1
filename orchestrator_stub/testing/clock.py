"""The stub's time: read, moved, and taken into one's own hands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from orchestrator_stub.testing.durations import Duration, in_seconds
from orchestrator_stub.testing.exchange import Exchange


class StubClock:
    """The clock of one stub."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def now(self) -> datetime:
        """The time there, in UTC; what is smaller than a microsecond is cut off."""
        return moment(self._exchange.get("/stub/clock")["now"])

    @property
    def mode(self) -> str:
        """real, virtual (moves when told) or auto (virtual, and jumps while a client waits)."""
        mode: str = self._exchange.get("/stub/clock")["mode"]
        return mode

    def advance(self, duration: Duration) -> datetime:
        """Move time on: seconds, a timedelta, or "40m", "1h30m"; all that is due on the way happens at its own time.

        :return: the time then
        :raises StubError: the clock is real
        """
        return self._tell(advance=in_seconds(duration))

    def run_until_idle(self) -> datetime:
        """Jump from one thing that a job waits for to the next until no job waits for time any more.

        :return: the time then
        :raises StubError: the clock is real
        """
        return self._tell(run_until_idle=True)

    @contextmanager
    def manual(self) -> Iterator[StubClock]:
        """Inside, time moves only when told (`mode` virtual); afterwards as before."""
        before = self.mode
        self._tell(mode="virtual")
        try:
            yield self
        finally:
            self._tell(mode=before)

    def _tell(self, **what: object) -> datetime:
        return moment(self._exchange.send("POST", "/stub/clock", what)["now"])


def moment(text: str) -> datetime:
    """RFC 3339 with up to nanoseconds, as a datetime."""
    whole, dot, rest = text.partition(".")
    if not dot:
        return datetime.fromisoformat(text)
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return datetime.fromisoformat(f"{whole}.{rest[:digits][:6]:0<6}{rest[digits:]}")
