"""What pages of the stub may see."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.engine.overview import Overview, Wanted
from orchestrator_stub.logs.buffer import LogBuffer
from orchestrator_stub.store.memory import MemoryStore


def job(number, **more):
    task = Task("main", SpecConfig("docker", {"Image": f"acme/{number}"}))
    return Job(**{"id": f"j-{number}", "name": f"job {number}", "namespace": "etl", "type": "batch", "priority": 0,
                  "count": 1, "tasks": (task,), "labels": {"n": str(number)}, **more})  # fmt: skip


@pytest.fixture
def overview():
    """Of five jobs, two of them failed."""
    store = MemoryStore(names=True)
    for number in range(5):
        store.add_job(job(number, state=JobState.FAILED if number % 2 else JobState.COMPLETED))
    return Overview(store, lambda _: None)


def names(found):
    return [each.id for each, _ in found.jobs]


def test_jobs_of_all_namespaces_newest_first(overview):
    """A job of another namespace than `default` would be nowhere on the board."""
    found = overview.jobs(Wanted(offset=1, limit=2))
    assert (names(found), found.total) == (["j-3", "j-2"], 5)


def test_words_all_have_to_be_there(overview):
    """More words would find more jobs instead of fewer."""
    assert names(overview.jobs(Wanted("acme n=3"))) == ["j-3"]
    assert overview.jobs(Wanted("acme nothing")).total == 0


def test_pages_of_what_was_found(overview):
    """The second page of failed jobs would show others."""
    found = overview.jobs(Wanted(state=JobState.FAILED, offset=1, limit=1))
    assert (names(found), found.total) == (["j-1"], 2)


def test_a_job_by_the_beginning_of_its_id(overview):
    """The link of a short id would lead nowhere, or to any of several jobs."""
    assert overview.job("j-3").job.name == "job 3"
    with pytest.raises(OrchestratorError, match="multiple jobs"):
        overview.job("j-")


async def test_a_piece_of_a_log_says_whether_it_was_the_last(tmp_path):
    """The page would ask for ever, or stop before the end."""
    log = LogBuffer(tmp_path, asyncio.get_running_loop())
    seen = Overview(MemoryStore(names=True), {"e-1": log}.get)
    log.write(1, b"abc")
    assert (seen.piece("e-1", 1, 1).data, seen.piece("e-1", 1, 1).is_last) == (b"bc", False)
    log.close()
    assert seen.piece("e-1", 1, 3).is_last
    assert seen.piece("e-2", 1, 0) is None


def test_the_job_that_a_request_names(overview):
    """The journal would name no job, or another one, for a request by name or short id."""
    full = "j-00000000-0000-4000-8000-000000000000"
    assert [overview.named(ref, "etl") for ref in ("j-3", "job 3", full, "j-", "nobody")] == [
        ("j-3",),
        ("j-3",),
        (full,),
        (),
        (),
    ]
    assert overview.named("job 3") == ()


async def test_what_runs_a_job(build):
    """The journal would not tell that a script stood in for a program."""
    cluster = build(outcome={"hang": True})
    one = cluster.submit()
    await cluster.settle()
    assert cluster.orchestrator.overview.runner_of(one) == "scripted"
    cluster.orchestrator.stop_job(one)
    await cluster.settle()
    assert [cluster.orchestrator.overview.runner_of(job) for job in (one, "j-unknown")] == ["", ""]
