"""Who looks at the same thing again and sees no change: a client that waits (mode auto of the clock)."""

from __future__ import annotations

MOST = 10_000
"""Targets that are remembered; the one looked at longest ago goes first."""


class Looks:
    """The last answer of each target, by whomever it was asked for."""

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def is_same(self, target: bytes, body: bytes) -> bool:
        """Whether the last look at a target (path and query) saw this body; from now on it did."""
        seen, before = hash(body), self._seen.pop(target, None)
        if before is None and len(self._seen) >= MOST:
            del self._seen[next(iter(self._seen))]
        self._seen[target] = seen
        return seen == before
