"""Where a job's log comes from, release by release (FINDINGS-docker 8; scenarios 39, 74, 76)."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.domain.job import Resources, Timeouts

RELEASED = ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"]
SINCE_16 = RELEASED[1:]
TWICE = (
    "not enough nodes to run job. requested: 1, available: 1, suitable: 0.\n"
    "• Node n-00000001: job already executed on this node more than once"
)
STOPPED = "Execution stop requested because job has been stopped"


@pytest.mark.parametrize("strict", [False, True])
async def test_log_of_a_failed_execution_since_18(build: Any, strict: bool) -> None:
    """Broken: the log that explains a failure is kept back, or shown under --strict (scenarios 74, 76)."""
    cluster = build(outcome={"stdout": b"why", "fail": "it broke"}, strict=strict)
    job = cluster.submit("a")
    await cluster.settle()
    source = cluster.orchestrator.log_source(job, cluster.execution(job).id)
    assert source.silent is strict
    assert (source.buffer is None) is strict
    assert cluster.orchestrator.log_source(job).error.endswith(f"unable to find execution  in job {job} and job version 1")


async def test_log_of_a_job_that_waits_on_its_node(build: Any) -> None:
    """Broken: a follower of a waiting job is told that there is nothing to come."""
    cluster = build(outcome={"hang": True})
    cluster.submit("first", task_resources=Resources(cpu="2"))
    waiting = cluster.submit("second", task_resources=Resources(cpu="2"))
    await cluster.settle()
    assert cluster.orchestrator.log_source(waiting).waiting


@pytest.mark.parametrize(
    ("release", "text"),
    [
        ("1.7.0", "failed to open log stream for job {job}: no executions found for job {job}"),
        ("1.9.3", "failed to open log stream for job {job}: no executions found for job n with ID {job}, and version 0"),
    ],
)
async def test_log_of_a_job_without_executions(build: Any, release: str, text: str) -> None:
    """Broken: the text that tells a client to ask again later (FINDINGS-docker 8)."""
    cluster = build(release, nodes=0)
    job = cluster.submit("n", task_timeouts=Timeouts(queue=60))
    assert cluster.orchestrator.log_source(job).error == text.format(job=job)


@pytest.mark.parametrize(
    ("release", "ref", "text"),
    [
        ("1.7.0", "j-zz", "failed to open log stream for job j-zz: job not found: j-zz"),
        ("1.9.3", "j-zz", "job not found: j-zz"),
    ],
)
async def test_log_of_an_unknown_job(build: Any, release: str, ref: str, text: str) -> None:
    """Broken: an unknown job is no error frame of the release."""
    assert build(release).orchestrator.log_source(ref).error == text


async def test_up_to_17_the_log_of_a_finished_job_is_its_output(build: Any) -> None:
    """Broken: old releases serve more than RunOutput, or leave the log's files behind."""
    cluster = build("1.7.0", outcome={"stdout": b"text"})
    job = cluster.submit("a")
    await cluster.settle()
    assert cluster.orchestrator.log_source(job).output.stdout == "text"
    assert list((cluster.folder / "logs").iterdir()) == []
