"""The file that the state is kept in."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from orchestrator_stub.domain.events import Event, HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.store.changes import Changes, Indexed, SavedLog
from orchestrator_stub.store.database import Database

JOB = Job("j-1", "n", "team", "batch", 0, 1, version=1, revision=1)
EXECUTION = Execution("e-1", "team", "ev", "n-1", "j-1", JOB, 1)


@pytest.fixture
def database(tmp_path):
    """An empty one."""
    opened = Database(tmp_path / "state.db")
    yield opened
    opened.close()


def first():
    """A job that was placed."""
    changes = Changes()
    changes.new[1] = JOB
    changes.put_job(1, JOB, is_new=True)
    changes.executions[1, 0] = EXECUTION
    changes.history.append((1, HistoryItem(1, 5, "j-1", 1, event=Event("t", "m"))))
    changes.nodes["n-1"] = Node("n-1"), True
    changes.label_keys.add("key")
    changes.logs["e-1"] = SavedLog("e-1", 70, 0, True, b"\x04\0\0\0\0\0\0\0")
    changes.facts["clock"] = "12"
    return changes


def test_what_is_written_is_found(database):
    """Nothing would be left after a restart."""
    database.write(first())
    index = database.index()
    assert index.jobs == [Indexed(1, "j-1", "n", "team", False)]
    assert index.executions == [("e-1", 1)]
    assert index.nodes == [(Node("n-1"), True)]
    assert (index.label_keys, index.logs, index.facts) == ({"key"}, {"e-1": 70}, {"clock": "12"})
    assert database.versions(1) == [JOB]
    assert database.executions(1, {1: JOB}) == [EXECUTION]
    assert [item.event.message for item in database.history(1, "j-1")] == ["m"]
    assert database.log("e-1") == SavedLog("e-1", 70, 0, True, b"\x04\0\0\0\0\0\0\0")
    assert (database.log("e-2"), database.log_folders()) == (None, {"e-1"})


def test_the_latest_value_counts(database):
    """A finished job would run again after a restart."""
    database.write(first())
    later = Changes()
    done = replace(JOB, state=JobState.COMPLETED, revision=2)
    later.put_job(1, done, is_new=False)
    later.executions[1, 0] = replace(EXECUTION, revision=2)
    later.nodes["n-1"] = Node("n-1", labels={"a": "b"}), False
    later.logs["e-1"] = None
    later.facts["clock"] = "13"
    database.write(later)
    index = database.index()
    assert (index.jobs[0].is_over, index.nodes, index.logs) == (True, [(Node("n-1", labels={"a": "b"}), False)], {})
    assert index.facts == {"clock": "13"}
    assert database.versions(1) == [done]
    assert database.executions(1, {1: JOB}) == [replace(EXECUTION, revision=2)]


def test_a_job_that_has_a_newer_version_is_not_over(database):
    """A job that was run again would be forgotten by the orchestrator after a restart."""
    database.write(first())
    later = Changes()
    later.put_job(1, replace(JOB, state=JobState.STOPPED), is_new=False)
    later.put_job(1, replace(JOB, version=2), is_new=True)
    database.write(later)
    assert not database.index().jobs[0].is_over
    assert [(job.version, job.state) for job in database.versions(1)] == [(1, JobState.STOPPED), (2, JobState.PENDING)]


def test_what_cannot_be_written_whole_is_not_written_at_all(database):
    """A job would be there without its history, and the next commit would fail, too."""
    broken = first()
    broken.history.append(broken.history[0])
    with pytest.raises(sqlite3.IntegrityError):
        database.write(broken)
    assert database.index().jobs == []
    database.write(first())
    assert len(database.index().jobs) == 1


def test_forgetting_leaves_nodes_and_facts(database):
    """A reset would be undone by the next start, or give all nodes new names."""
    database.write(first())
    later = Changes()
    later.forget()
    database.write(later)
    index = database.index()
    assert (index.jobs, index.executions, index.label_keys, index.logs) == ([], [], set(), {})
    assert (database.versions(1), database.history(1, "j-1")) == ([], [])
    assert (len(index.nodes), index.facts) == (1, {"clock": "12"})


def test_every_commit_is_whole_and_stays(database, tmp_path):
    """A crash of the machine could cost what was answered."""
    (mode,) = database._writer.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = database._writer.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)


def test_reading_does_not_wait_for_a_commit(database):
    """Every answer would stand still while another one's change is written."""
    database.write(first())
    database._writer.execute("BEGIN IMMEDIATE")
    database._writer.execute("UPDATE facts SET value = 'x'")
    assert database.index().facts == {"clock": "12"}
    database._writer.execute("ROLLBACK")


def test_a_file_that_is_none_is_refused(tmp_path):
    """A broken file would be answered with an internal error much later."""
    (tmp_path / "state.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        Database(tmp_path / "state.db")
