"""A store with jobs in it."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.domain.events import Event, HistoryItem
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.store.memory import MemoryStore, Record


class Shelf:
    """Fills a store."""

    def __init__(self, *, names: bool = True) -> None:
        self.store = MemoryStore(names=names)
        self.number = 0

    def add(self, job_id: str = "", **changes: Any) -> Record:
        """A completed job, created one nanosecond after the last."""
        self.number += 1
        values: dict[str, Any] = {
            "name": f"name-{self.number}",
            "namespace": "default",
            "type": "batch",
            "priority": 0,
            "count": 1,
            "state": JobState.COMPLETED,
            "version": 1,
            "create_time": self.number,
            "modify_time": 1000 - self.number,
        }
        return self.store.add_job(Job(job_id or f"j-{self.number:08x}-0000-4000-8000-000000000000", **(values | changes)))

    def happen(self, record: Record, *texts: str, execution_id: str = "") -> None:
        """Append events, one second apart."""
        for text in texts:
            seq = len(record.history) + 1
            event = Event("Topic", text)
            record.history.append(
                HistoryItem(seq, seq * 10**9, record.job.id, record.job.version, execution_id, event=event)
            )


@pytest.fixture
def shelf() -> Shelf:
    """A store that knows names."""
    return Shelf()


@pytest.fixture
def nameless() -> Shelf:
    """A store as of 1.7: names are not unique."""
    return Shelf(names=False)
