"""What can be asked about jobs."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery

GONE = "j-00000000-0000-4000-8000-000000000000"


async def test_a_version_of_a_job(build: Any) -> None:
    """Broken: a client that asks for an earlier version gets the latest."""
    cluster = build("1.9.3")
    job = cluster.submit("one", priority=1)
    cluster.submit("one", priority=2)
    orchestrator = cluster.orchestrator
    assert [orchestrator.get_job("one", version=number).priority for number in (1, 2)] == [1, 2]
    assert [each.version for each in orchestrator.versions(job)] == [1, 2]
    with pytest.raises(OrchestratorError, match=f"job version 3 not found for job {job}"):
        orchestrator.get_job(job, version=3)


@pytest.mark.parametrize(("release", "text"), [("1.9.3", "job not found"), ("1.5.2", "bucket not found")])
async def test_a_job_that_is_gone(build: Any, release: str, text: str) -> None:
    """Broken: the executions of an unknown job read otherwise than on the release's servers."""
    orchestrator = build(release).orchestrator
    with pytest.raises(OrchestratorError, match=text):
        orchestrator.executions(GONE, ExecutionQuery())
    if release == "1.5.2":
        assert orchestrator.history(GONE, HistoryQuery()).items == ()
    assert orchestrator.log_source(GONE).error


async def test_results_are_signed_when_they_are_asked_for(build: Any) -> None:
    """Broken: a client gets results that it may not fetch, or those of an earlier version."""
    cluster = build()
    job = cluster.submit("one", task_publisher=SpecConfig("fake", {}))
    await cluster.settle()
    (found,) = cluster.orchestrator.results(job)
    assert found == SpecConfig("fake", {"Name": cluster.execution(job).id, "Signed": True})
    cluster.submit("one", priority=5, task_publisher=SpecConfig("fake", {}))
    assert cluster.orchestrator.results(job) == []
