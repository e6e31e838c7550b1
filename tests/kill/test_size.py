"""A stub with many jobs starts as quickly as an empty one, and needs no more memory than one that never ended."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
from orchestrator_stub.domain.topics import JOB_COMPLETED, JOB_RUNNING, JOB_SUBMITTED
from orchestrator_stub.store.changes import Changes
from orchestrator_stub.store.database import Database
from orchestrator_stub.store.datadir import STATE, DataDir

sys.path.insert(0, str(Path(__file__).parent))
from stubs import JOBS

MANY = 10_000
LIVE = 2_000
"""So many of them are services that run."""
LINES = 5
NODE = "n-00000001-0000-4000-8000-000000000001"
HANG = {"stub.bacalhau.org/hang": "true"}
OFFERED = 3


@pytest.fixture
def full(filled, tmp_path):
    """One of one's own, see `filled`."""
    shutil.copytree(filled, tmp_path / "full")
    return tmp_path / "full"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A data directory with 10,000 jobs and 50,000 lines of history."""
    folder = tmp_path_factory.mktemp("full")
    taken = DataDir(folder, "1.9.3")
    database = Database(folder / STATE)
    changes = Changes()
    changes.nodes[NODE] = Node(NODE), True
    task = Task("main", SpecConfig("docker", {"Image": "busybox:1.36", "Parameters": ["true"]}))
    for number in range(1, MANY + 1):
        job_id = f"j-{number:08x}-0000-4000-8000-000000000000"
        kind = "service" if number > MANY - LIVE else "batch"
        over = {"labels": HANG} if kind == "service" else {"meta": {"a": "b"}}
        job = Job(job_id, f"name-{number}", "default", kind, 0, 1, tasks=(task,), version=1, revision=1, **over)
        changes.new[number] = job
        state = JobState.RUNNING if kind == "service" else JobState.COMPLETED
        changes.put_job(number, replace(job, state=state, revision=3), is_new=True)
        name = f"e-{number:08x}-0000-4000-8000-000000000000"
        placed = Execution(name, "default", "ev", NODE, job_id, job, 1, desired=DesiredState.RUNNING)
        state = ComputeState.BID_ACCEPTED if kind == "service" else ComputeState.COMPLETED
        changes.executions[number, 0] = replace(placed, compute=state)
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


def test_all_that_ran_is_taken_up_while_others_are_served(full, serve):
    """A start would take as long as all live work, or some of it would be forgotten."""
    stub = serve(full)
    connection = stub.connect()
    last = f"{JOBS}/j-{MANY:08x}/executions"
    longest, ended = 0.0, time.perf_counter() + 60
    while stub.ask("GET", last, None, connection)[1]["Items"][0]["ComputeState"]["StateType"] != OFFERED:
        began = time.perf_counter()
        assert stub.ask("GET", "/api/v1/agent/alive", None, connection)[0] == 200
        longest = max(longest, time.perf_counter() - began)
        assert began < ended
    listed = stub.ask("GET", JOBS)[1]["Items"][-LIVE:]
    assert {each["State"]["StateType"] for each in listed} == {"Running"}
    for number in range(MANY - LIVE + 1, MANY, 97):
        (execution,) = stub.ask("GET", f"{JOBS}/j-{number:08x}/executions")[1]["Items"]
        assert execution["ComputeState"]["StateType"] == OFFERED
    assert longest < 1.0


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
