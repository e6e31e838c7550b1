"""What the waiting person sees: a line for everything that happens, and at least one every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SAY_EVERY = 4.0
LOOK_EVERY = 0.4


class Failed(Exception):
    """The command cannot go on; the text says why."""


class Narrator:
    """Lines with the seconds since the start."""

    def __init__(self) -> None:
        """Start counting now."""
        self._started = time.monotonic()
        self._last = self._started
        self._doing: Callable[[], str] | None = None
        threading.Thread(target=self._beat, daemon=True).start()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        """One line."""
        self._last = time.monotonic()
        print(f"[{self.seconds:4.0f}s] {text}", flush=True)

    def wait(self, what: str, look: Callable[[], T | None], limit: float, status: Callable[[], str] = str) -> T:
        """Call `look` until it answers something else than None.

        Says that `what` goes on, with `status()` (which must not wait for anything), whenever nothing was said for a
        while, even when `look` itself takes long. Raises Failed after `limit` seconds.
        """
        deadline = time.monotonic() + limit
        self._doing = lambda: f"{what} {status()}".strip()
        try:
            while True:
                answer = look()
                if answer is not None:
                    return answer
                if time.monotonic() > deadline:
                    raise Failed(f"{what}: not done within {limit:.0f} s. {status()}".strip())
                time.sleep(LOOK_EVERY)
        finally:
            self._doing = None

    def _beat(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)
            doing = self._doing
            if doing is not None and time.monotonic() - self._last > SAY_EVERY:
                self.say(doing())
