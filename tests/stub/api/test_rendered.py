"""Kept bodies."""

from __future__ import annotations

from dataclasses import replace

from orchestrator_stub.api.rendered import LARGEST, MOST, Rendered
from orchestrator_stub.domain.job import Job

JOB = Job("j-1", "n", "default", "batch", 0, 1)


def counted(size=1):
    """A store of bodies and the jobs that it wrote."""
    written = []

    def render(job):
        written.append(job)
        return b"x" * size

    return Rendered(render), written


def test_a_job_that_did_not_change_is_written_once():
    """Each look of a waiting client would cost as much as the first."""
    rendered, written = counted()
    assert [rendered.body(JOB) for _ in range(3)] == [b"x"] * 3
    assert written == [JOB]


def test_a_changed_job_is_written_anew():
    """A client would never see its job end."""
    rendered, written = counted()
    for job in (JOB, replace(JOB, revision=2), replace(JOB, revision=2)):
        rendered.body(job)
    assert len(written) == 3


def test_what_is_kept_is_bounded():
    """A stub that runs for weeks would fill the memory."""
    rendered, written = counted()
    for number in range(MOST + 1):
        rendered.body(replace(JOB, id=f"j-{number}"))
    assert len(rendered._known) == MOST
    large, written = counted(LARGEST + 1)
    large.body(JOB)
    large.body(JOB)
    assert len(written) == 2


async def test_a_described_job_changes_at_once(make):
    """The answer after a stop would still show the running job."""
    stub = make()
    stub.program.endless = True
    job_id = await stub.submit()
    before = await stub.get(f"jobs/{job_id}")
    await stub.http.delete(f"/api/v1/orchestrator/jobs/{job_id}")
    after = await stub.get(f"jobs/{job_id}")
    assert (before["Job"]["State"]["StateType"], after["Job"]["State"]["StateType"]) == ("Running", "Stopped")
