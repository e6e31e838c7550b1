"""Bodies of described jobs, kept while the job is the same value: waiting clients ask for them again and again."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator_stub.domain.job import Job

MOST = 2_000
"""Jobs whose bodies are kept; the one asked for first goes first."""
LARGEST = 16_384
"""Bytes; longer bodies are written anew each time."""


class Rendered:
    """Writes the body of a job, once for each value of it."""

    def __init__(self, render: Callable[[Job], bytes]) -> None:
        self._render = render
        self._known: dict[str, tuple[Job, bytes]] = {}

    def body(self, job: Job) -> bytes:
        """The body of this very value of the job; jobs are frozen, so that a changed one is another value."""
        known = self._known.get(job.id)
        if known is not None and known[0] is job:
            return known[1]
        body = self._render(job)
        if len(body) <= LARGEST:
            if job.id not in self._known and len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[job.id] = job, body
        return body
