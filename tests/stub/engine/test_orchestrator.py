"""Jobs from submission to their end, as the released servers show it (FINDINGS-docker section 5)."""

from __future__ import annotations

from typing import Any

from orchestrator_stub.domain.states import JobState


async def test_batch_job_runs_to_completed(build: Any) -> None:
    """Broken: a job that runs through does not show the six recorded events and revisions."""
    cluster = build()
    job = cluster.submit("a")
    assert cluster.state(job) is JobState.RUNNING
    await cluster.settle()
    assert cluster.state(job) is JobState.COMPLETED
    assert cluster.story(job) == [
        "Job submitted",
        "Requested execution on n-00000001",
        "Running",
        "Running",
        "Completed successfully",
        "Completed",
    ]
    assert cluster.numbers(job) == [(9, 4)]
    assert cluster.orchestrator.get_job(job).revision == 3
