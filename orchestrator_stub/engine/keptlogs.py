"""Logs of finished executions, kept on their nodes for an hour where the release serves them from there (1.8+)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator_stub.clock import SECOND, Clock
from orchestrator_stub.logs.buffer import Ended, LogBuffer
from orchestrator_stub.store.changes import SavedLog

if TYPE_CHECKING:
    from orchestrator_stub.store.durable import DurableStore

LOG_KEPT = 3600 * SECOND
"""How long a node keeps the log of a finished execution."""


class KeptLogs:
    """Oldest first."""

    def __init__(self, clock: Clock, saved: DurableStore | None = None, folder: Path = Path()) -> None:
        """`saved`: where it is written down which logs there are; then those of before are there, too, and `folder` is
        where all of them lie."""
        self._clock = clock
        self._saved = saved
        self._folder = folder
        self._logs: dict[str, LogBuffer] = {}
        self._due: deque[tuple[int, str]] = deque()
        self._unwanted: set[str] = set()
        if saved is not None:
            self._due.extend((due, execution_id) for execution_id, due in saved.logs.items())

    def keep(self, execution_id: str, log: LogBuffer) -> None:
        """From now on for an hour."""
        if execution_id in self._unwanted:
            self._unwanted.remove(execution_id)
            log.delete()
            return
        due = self._clock.now() + LOG_KEPT
        self._logs[execution_id] = log
        self._due.append((due, execution_id))
        if self._saved is not None:
            self._saved.put_log(execution_id, _saved(log, due))

    def get(self, execution_id: str) -> LogBuffer | None:
        """The log of a finished execution, None when it was never kept or its hour is over."""
        log = self._logs.get(execution_id)
        if log is not None or self._saved is None:
            return log
        saved = self._saved.log(execution_id)
        if saved is None:
            return None
        folder = self._folder / (saved.folder or execution_id)
        if saved.streams is None and not folder.is_dir():
            return None
        log = self._logs[execution_id] = LogBuffer(
            folder if saved.streams is None else partial(_made, folder),
            asyncio.get_running_loop(),
            Ended(saved.writes, saved.is_complete, saved.killed_at, saved.streams),
        )
        return log

    def drop_old(self) -> int | None:
        """Delete the logs whose hour is over; when the next one's will be (unix nanoseconds), None without any."""
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            self._drop(self._due.popleft()[1])
        return self._due[0][0] if self._due else None

    def forget(self, running: Iterable[str]) -> None:
        """Delete all logs; those of the executions that still run will not be kept either."""
        for _, execution_id in self._due:
            self._drop(execution_id)
        self._due.clear()
        self._unwanted.update(running)

    def _drop(self, execution_id: str) -> None:
        log = self.get(execution_id)
        self._logs.pop(execution_id, None)
        if log is not None:
            log.delete()
        if self._saved is not None:
            self._saved.drop_log(execution_id)


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _saved(log: LogBuffer, due: int) -> SavedLog:
    ended = log.ended
    folder = "" if ended.streams is not None else log.stdout_path.parent.name
    return SavedLog(folder, due, ended.killed_at, ended.is_complete, ended.writes, ended.streams)
