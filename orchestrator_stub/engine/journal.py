"""The last requests that the stub answered, for those who want to see what a client really did."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

RING = 100_000


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One answered request."""

    time: int
    """Unix nanoseconds."""
    method: str
    path: str
    query: str
    status: int
    """0: ended without an answer."""
    client: str = ""
    request_id: str = ""
    jobs: tuple[str, ...] = ()
    """Jobs that the request named or made."""
    fault: str = ""
    runner: str = ""
    seq: int = 0
    """From 1; given by the journal."""


class Journal:
    """A ring: the oldest entry makes room."""

    def __init__(self, size: int = RING) -> None:
        self._ring: deque[JournalEntry] = deque(maxlen=size)
        self._seq = 0

    def append(self, entry: JournalEntry) -> None:
        """Add an entry under the next number."""
        self._seq += 1
        self._ring.append(replace(entry, seq=self._seq))

    def entries(self, *, job: str = "", since: int = 0) -> list[JournalEntry]:
        """Entries after number `since`, oldest first; with `job` only those that name it."""
        return [e for e in self._ring if e.seq > since and (not job or job in e.jobs)]

    def clear(self) -> None:
        """Forget all; numbers go on."""
        self._ring.clear()
