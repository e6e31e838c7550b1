"""Which execution of its partition an execution is: how a script tells a first attempt from a second."""

from __future__ import annotations

import itertools

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.labels import AIRFLOW_KEY
from orchestrator_stub.domain.states import JobType
from orchestrator_stub.store.memory import MemoryStore, Record


class Tries:
    """Counts executions over all jobs of one Airflow task instance. It reads the store when it is asked, so what was
    kept over a restart counts, and who does not ask pays nothing."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._seen = 0
        self._by_key: dict[str, list[Record]] = {}

    def number(self, execution: Execution) -> int:
        """From 1: executions of the same partition up to this one, of all jobs with the same `airflow-key`; of its own
        job, over all its versions, where it has none. Of jobs that run on every node, only those on its node."""
        key = execution.job.labels.get(AIRFLOW_KEY, "")
        own = self._store.by_id(execution.job_id)
        records = list(self._records(key)) if key else []
        if own is not None and not any(each is own for each in records):
            records.append(own)
        return max(1, sum(_is_try(each, execution, key) for record in records for each in record.executions))

    def _records(self, key: str) -> list[Record]:
        """Jobs that were submitted with the key. Jobs are only ever added at the end, or all forgotten at once."""
        if len(self._store) < self._seen:
            self.forget()
        for record in itertools.islice(self._store.in_order(""), self._seen, None):
            self._seen += 1
            first = record.earlier[0] if record.earlier else record.job
            if found := first.labels.get(AIRFLOW_KEY, ""):
                self._by_key.setdefault(found, []).append(record)
        return self._by_key.get(key, [])

    def forget(self) -> None:
        """What was seen so far is gone from the store."""
        self._seen = 0
        self._by_key.clear()


def _is_try(each: Execution, execution: Execution, key: str) -> bool:
    is_akin = each.job.labels.get(AIRFLOW_KEY, "") == key if key else each.job_id == execution.job_id
    is_there = each.node_id == execution.node_id or not JobType(execution.job.type).runs_everywhere
    return is_akin and is_there and each.partition == execution.partition and each.create_time <= execution.create_time
