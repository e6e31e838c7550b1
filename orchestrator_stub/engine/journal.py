"""The last requests that the stub answered, for those who want to see what a client really did."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator_stub.domain.labels import AIRFLOW_DAG_ID, AIRFLOW_MAP_INDEX, AIRFLOW_RUN_ID, AIRFLOW_TASK_ID

RING = 100_000
PART = 500
"""Entries, or submissions, that are worked on at once."""
_LOOKED_AT = 5_000
"""Entries that are only looked at, at once."""
_NOT_MAPPED = ("", "-1")


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that was accepted, anew or as a new version of one that was there."""

    job_id: str
    labels: Mapping[str, str]
    meta: Mapping[str, str]


Row = tuple[int, str, str, bytes, int, bytes, bytes, tuple[str, ...], str, str, Submission | None]
"""An entry as it is kept: time, method, path, query, status, client, request id, jobs, fault, runner, submission.

Each request makes one, so nothing is decoded or named before somebody looks.
"""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One request and what became of it."""

    seq: int
    """From 1."""
    time: int
    """When it arrived, unix nanoseconds."""
    method: str
    path: str
    """Decoded."""
    query: str
    """As it was sent."""
    status: int
    """0: its client got no answer."""
    client: str = ""
    """Its User-Agent, else its address."""
    request_id: str = ""
    jobs: tuple[str, ...] = ()
    """Ids of the jobs that the request named or made."""
    fault: str = ""
    """Id and kind of the fault that befell it: `f-1 drop_reply`."""
    runner: str = ""
    """What runs the job that it submitted."""


class Journal:
    """A ring: the oldest entry makes room."""

    def __init__(self, size: int = RING) -> None:
        self._ring: deque[Row] = deque(maxlen=size)
        self.last = 0
        """Number of the newest entry that there ever was."""

    def append(self, row: Row) -> None:
        """Add an entry under the next number."""
        self.last += 1
        self._ring.append(row)

    def entries(self, *, job: str = "", since: int = 0, limit: int = 0, newest: int = 0) -> list[JournalEntry]:
        """Entries, oldest first: those after number `since`, those about a job by the beginning of its id, the first
        `limit` or the last `newest` of them; 0 = all.
        """
        return [each for part in self.parts(job=job, since=since, limit=limit, newest=newest) for each in part]

    def parts(
        self, *, job: str = "", since: int = 0, limit: int = 0, newest: int = 0
    ) -> Iterator[list[JournalEntry]]:
        """`entries` in parts, some of them empty: others may have their turn in between, and what is added then is left
        out."""
        rows = list(self._ring)
        first = self.last - len(rows) + 1
        found: Sequence[int] = range(max(0, since + 1 - first), len(rows))
        if job:
            everywhere, found = found, []
            for start in range(0, len(everywhere), _LOOKED_AT):
                part = everywhere[start : start + _LOOKED_AT]
                found += [at for at in part if any(each.startswith(job) for each in rows[at][7])]
                yield []
        found = found[: limit or None][-newest:]
        for start in range(0, len(found), PART):
            yield [_entry(first + at, rows[at]) for at in found[start : start + PART]]

    def submissions(self) -> list[Submission]:
        """Jobs that were accepted, oldest first."""
        return [row[-1] for row in self._ring if row[-1] is not None]

    def clear(self) -> None:
        """Forget all; numbers go on."""
        self._ring.clear()


def by_label(submissions: Iterable[Submission], key: str) -> dict[str, list[str]]:
    """Ids of the jobs that have a label, by its value."""
    return _grouped((each.labels[key], each.job_id) for each in submissions if key in each.labels)


def by_task(
    submissions: Iterable[Submission], *, dag: str = "", task: str = "", run: str = ""
) -> dict[str, list[str]]:
    """Ids of the jobs of Airflow tasks, by `dag/task/run`, of mapped ones by `dag/task/run/map index`.

    `dag`, `task`, `run`: only those, by their ids in Airflow; "" = all.
    """
    given = {AIRFLOW_DAG_ID: dag, AIRFLOW_TASK_ID: task, AIRFLOW_RUN_ID: run}
    wanted = [(key, value) for key, value in given.items() if value]
    return _grouped(
        (_task_of(each.meta), each.job_id)
        for each in submissions
        if AIRFLOW_DAG_ID in each.meta and all(each.meta.get(key) == value for key, value in wanted)
    )


def _task_of(meta: Mapping[str, str]) -> str:
    parts = [meta.get(key, "") for key in (AIRFLOW_DAG_ID, AIRFLOW_TASK_ID, AIRFLOW_RUN_ID)]
    index = meta.get(AIRFLOW_MAP_INDEX, "")
    return "/".join(parts if index in _NOT_MAPPED else [*parts, index])


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for value, job_id in pairs:
        values.setdefault(value, []).append(job_id)
    return values


def _entry(seq: int, row: Row) -> JournalEntry:
    time, method, path, query, status, client, request_id, jobs, fault, runner, _ = row
    return JournalEntry(
        seq, time, method, path, _text(query), status, _text(client), _text(request_id), jobs, fault, runner
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
