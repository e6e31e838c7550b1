"""The queue of looks to take at jobs; one at a time, each to its end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from orchestrator_stub.clock import Clock
from orchestrator_stub.domain.events import Evaluation


class Broker:
    """Hands evaluations to the one who processes them, in order; those for later wait on the clock."""

    def __init__(self, clock: Clock, process: Callable[[Evaluation], None]) -> None:
        self._clock = clock
        self._process = process
        self._queue: deque[Evaluation] = deque()
        self._busy = False

    def enqueue(self, evaluation: Evaluation) -> None:
        """Add an evaluation and work until nothing is due.

        Called while one is being processed it only adds: what follows from an evaluation is done by the same drain,
        so when the outermost call returns, all work that was due is done.
        """
        if evaluation.due:
            self._clock.call_at(evaluation.due, lambda: self._add(evaluation))
            return
        self._add(evaluation)

    def _add(self, evaluation: Evaluation) -> None:
        self._queue.append(evaluation)
        if self._busy:
            return
        self._busy = True
        try:
            while self._queue:
                self._process(self._queue.popleft())
        finally:
            self._busy = False
