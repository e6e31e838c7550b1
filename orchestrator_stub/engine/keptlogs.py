"""Logs of finished executions, kept on their nodes for an hour where the release serves them from there (1.8+)."""

from __future__ import annotations

import shutil
from collections import deque

from orchestrator_stub.clock import SECOND, Clock
from orchestrator_stub.logs.buffer import LogBuffer

LOG_KEPT = 3600 * SECOND
"""How long a node keeps the log of a finished execution."""


class KeptLogs:
    """Oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._logs: dict[str, LogBuffer] = {}
        self._due: deque[tuple[int, str]] = deque()

    def keep(self, execution_id: str, log: LogBuffer) -> None:
        """From now on for an hour."""
        self._logs[execution_id] = log
        self._due.append((self._clock.now() + LOG_KEPT, execution_id))

    def get(self, execution_id: str) -> LogBuffer | None:
        """The log of a finished execution, None when it was never kept or its hour is over."""
        return self._logs.get(execution_id)

    def drop_old(self) -> None:
        """Delete the logs whose hour is over."""
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            log = self._logs.pop(self._due.popleft()[1], None)
            if log is not None:
                shutil.rmtree(log.stdout_path.parent, ignore_errors=True)
