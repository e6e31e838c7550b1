"""A stub with many jobs starts as quickly as an empty one, and needs no more memory than one that never ended."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.domain.topics import JOB_COMPLETED, JOB_RUNNING, JOB_SUBMITTED
from orchestrator_stub.store.changes import Changes
from orchestrator_stub.store.database import Database
from orchestrator_stub.store.datadir import STATE, DataDir

sys.path.insert(0, str(Path(__file__).parent))
from stubs import JOBS

MANY = 10_000
LINES = 5


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A data directory with 10,000 finished jobs and 50,000 lines of history."""
    folder = tmp_path_factory.mktemp("full")
    taken = DataDir(folder, "1.9.3")
    database = Database(folder / STATE)
    changes = Changes()
    task = Task("main", SpecConfig("docker", {"Image": "busybox:1.36", "Parameters": ["true"]}))
    for number in range(1, MANY + 1):
        job_id = f"j-{number:08x}-0000-4000-8000-000000000000"
        job = Job(
            job_id, f"name-{number}", "default", "batch", 0, 1, tasks=(task,), meta={"a": "b"}, version=1, revision=1
        )
        changes.new[number] = job
        changes.put_job(number, replace(job, state=JobState.COMPLETED, revision=3), is_new=True)
        name = f"e-{number:08x}-0000-4000-8000-000000000000"
        changes.executions[number, 0] = Execution(
            name, "default", "ev", "n-1", job_id, job, 1, desired=DesiredState.STOPPED, compute=ComputeState.COMPLETED
        )
        for seq, event in enumerate((JOB_SUBMITTED, JOB_RUNNING, JOB_RUNNING, JOB_RUNNING, JOB_COMPLETED), 1):
            changes.history.append((number, HistoryItem(seq, seq, job_id, 1, event=event)))
    database.write(changes)
    database.close()
    taken.close()
    return folder


def test_it_starts_within_a_second_however_many_jobs_there_are(full, serve):
    """After a crash a team would wait for its stub."""
    times = []
    for _ in range(3):
        stub = serve(full)
        times.append(stub.seconds)
        stub.kill()
    assert min(times) < 1.0, times


def test_it_knows_them_all(full, serve):
    """Jobs would be lost by not being read at start."""
    stub = serve(full)
    empty = stub.megabytes()
    _, listed = stub.ask("GET", f"{JOBS}?namespace=*")
    assert [each["Name"] for each in listed["Items"][:2]] == ["name-1", "name-2"]
    assert len(listed["Items"]) == MANY
    job_id = listed["Items"][-1]["ID"]
    assert len(stub.ask("GET", f"{JOBS}/{job_id}/history")[1]["Items"]) == LINES
    assert len(stub.ask("GET", f"{JOBS}/{job_id}/executions")[1]["Items"]) == 1
    # A job that is in memory costs 8 to 9 kB there; half of it is its executions and history.
    assert stub.megabytes() - empty < MANY * 9 / 1024 + 40, "the list itself is some of it"
    assert stub.stop() == 0
