"""The state on disk: one SQLite file, in which every commit is whole and stays (WAL, synchronous=FULL)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.store.changes import Changes, Index, Indexed, SavedLog
from orchestrator_stub.store.codec import (
    execution_of,
    execution_text,
    history_of,
    history_text,
    job_of,
    node_of,
    node_text,
    spec_text,
    standing_text,
)

_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, namespace TEXT NOT NULL, over INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS versions (
    job INTEGER NOT NULL, version INTEGER NOT NULL, spec TEXT NOT NULL, standing TEXT NOT NULL, UNIQUE (job, version)
);
CREATE TABLE IF NOT EXISTS executions (
    job INTEGER NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, row TEXT NOT NULL, UNIQUE (job, place)
);
CREATE TABLE IF NOT EXISTS history (
    job INTEGER NOT NULL, seq INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (job, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nodes (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, known INTEGER NOT NULL, row TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS label_keys (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (
    execution TEXT PRIMARY KEY, due INTEGER NOT NULL, folder TEXT NOT NULL, killed_at INTEGER NOT NULL,
    complete INTEGER NOT NULL, writes BLOB NOT NULL, stdout BLOB, stderr BLOB
);
"""
_OF_JOBS = ("jobs", "versions", "executions", "history", "label_keys", "logs")
_PAGES_IN_LOG = 512
"""Pages of 4 KB that are written before they are moved to their places: the log beside the file stays small."""
_WAIT_S = 5.0
"""Seconds that a look may wait for the file; a look while another thread writes waits for nothing."""


class Database:
    """Two connections: one that writes, for one thread at a time, and one that reads, for the event loop's."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises sqlite3.Error."""
        self._writer = _connect(path)
        try:
            self._writer.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
            self._reader = _connect(path)
        except sqlite3.Error:
            self._writer.close()
            raise

    def close(self) -> None:
        """Nothing can be read or written any more."""
        self._reader.close()
        self._writer.close()

    # Reading.

    def index(self) -> Index:
        """What has to be known at start. Raises sqlite3.Error."""
        ask = self._reader.execute
        return Index(
            [
                Indexed(number, id_, name, namespace, bool(over))
                for number, id_, name, namespace, over in ask(
                    "SELECT number, id, name, namespace, over FROM jobs ORDER BY number"
                )
            ],
            ask("SELECT id, job FROM executions").fetchall(),
            [
                (node_of(node_id, row), bool(known))
                for node_id, row, known in ask("SELECT id, row, known FROM nodes ORDER BY place")
            ],
            {key for (key,) in ask("SELECT key FROM label_keys")},
            dict(ask("SELECT execution, due FROM logs ORDER BY due").fetchall()),
            dict(ask("SELECT name, value FROM facts").fetchall()),
        )

    def versions(self, number: int) -> list[Job]:
        """All versions of a job, ascending."""
        rows = self._rows("SELECT spec, standing FROM versions WHERE job = ? ORDER BY version", number)
        return [job_of(spec, standing) for spec, standing in rows]

    def executions(self, number: int, versions: Mapping[int, Job]) -> list[Execution]:
        """All executions of a job, oldest first; `versions`: of it, by number."""
        rows = self._rows("SELECT row FROM executions WHERE job = ? ORDER BY place", number)
        return [execution_of(row, versions) for (row,) in rows]

    def history(self, number: int, job_id: str) -> list[HistoryItem]:
        """All that happened to a job."""
        rows = self._rows("SELECT seq, row FROM history WHERE job = ? ORDER BY seq", number)
        return [history_of(row, job_id, seq) for seq, row in rows]

    def log(self, execution_id: str) -> SavedLog | None:
        """The log of a finished execution."""
        sql = "SELECT folder, due, killed_at, complete, writes, stdout, stderr FROM logs WHERE execution = ?"
        for folder, due, killed_at, complete, writes, *streams in self._rows(sql, execution_id):
            return SavedLog(folder, due, killed_at, bool(complete), writes, None if folder else tuple(streams))
        return None

    def log_folders(self) -> set[str]:
        """Names of the folders that logs lie in."""
        return {folder for (folder,) in self._rows("SELECT folder FROM logs")}

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        return self._reader.execute(sql, values).fetchall()

    # Writing.

    def write(self, changes: Changes) -> None:
        """All of it or nothing; on disk when this returns (blocking). Raises sqlite3.Error, OSError."""
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        try:
            self._write(changes)
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:  # some failures have ended it already
                writer.execute("ROLLBACK")
            raise

    def _write(self, changes: Changes) -> None:
        if changes.forgets:
            for table in _OF_JOBS:
                self._writer.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
        self._put(
            "INSERT INTO jobs VALUES (?, ?, ?, ?, 0)",
            [(number, job.id, job.name, job.namespace) for number, job in changes.new.items()],
        )
        self._put(
            "INSERT INTO versions VALUES (?, ?, ?, ?)",
            [(*key, spec_text(job), standing_text(job)) for key, job in changes.versions.items()],
        )
        self._put(
            "UPDATE versions SET standing = ? WHERE job = ? AND version = ?",
            [(standing_text(job), *key) for key, job in changes.standings.items()],
        )
        self._put("UPDATE jobs SET over = ? WHERE number = ?", _ends(changes))
        self._put(
            "INSERT INTO executions VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET row = excluded.row",
            [(*key, execution.id, execution_text(execution)) for key, execution in changes.executions.items()],
        )
        self._put(
            "INSERT INTO history VALUES (?, ?, ?)",
            [(number, item.seq, history_text(item)) for number, item in changes.history],
        )
        self._write_rest(changes)

    def _write_rest(self, changes: Changes) -> None:
        self._put(
            "INSERT INTO nodes (id, known, row) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET known = excluded.known, row = excluded.row",
            [(node_id, known, node_text(node)) for node_id, (node, known) in changes.nodes.items()],
        )
        self._put("INSERT OR IGNORE INTO label_keys VALUES (?)", [(key,) for key in changes.label_keys])
        self._put(
            "INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (name, log.due, log.folder, log.killed_at, log.is_complete, log.writes, *(log.streams or (None, None)))
                for name, log in changes.logs.items()
                if log is not None
            ],
        )
        self._put(
            "DELETE FROM logs WHERE execution = ?",
            [(execution,) for execution, log in changes.logs.items() if log is None],
        )
        self._put("INSERT OR REPLACE INTO facts VALUES (?, ?)", changes.facts.items())

    def _put(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._writer.executemany(sql, rows)


def _ends(changes: Changes) -> list[tuple[bool, int]]:
    """Whether each job's latest version that changed is over; a job that is, stays so until it has a newer version."""
    latest: dict[int, Job] = {}
    for (number, _), job in [*changes.standings.items(), *changes.versions.items()]:
        known = latest.get(number)
        if known is None or known.version < job.version:
            latest[number] = job
    return [(job.state.is_terminal, number) for number, job in latest.items()]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_IN_LOG}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
