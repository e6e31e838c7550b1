"""What the orchestrator says to who wants a log (FINDINGS-docker 8; fact sheet 11.3; scenarios 39, 74, 76)."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.domain.execution import RunOutput
from orchestrator_stub.domain.job import Timeouts
from orchestrator_stub.engine.logsource import LogSource
from orchestrator_stub.store.queries import ExecutionQuery

BOTH = pytest.mark.parametrize("release", ["1.7.0", "1.9.3"])


@BOTH
async def test_the_log_of_a_running_execution_is_its_nodes(build: Any, release: str) -> None:
    """Broken: a running job has no log."""
    cluster = build(release, outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    source = cluster.orchestrator.log_source(job)
    assert source == LogSource(execution=cluster.execution(job))
    await cluster.orchestrator.close()


@pytest.mark.parametrize(
    ("release", "outcome", "text"),
    [
        ("1.7.0", {"stdout": b"text"}, "text"),
        ("1.7.0", {"stdout": b"text", "fail": "it broke"}, ""),
        ("1.9.3", {"stdout": b"text"}, None),
        ("1.9.3", {"stdout": b"text", "fail": "it broke"}, None),
    ],
)
async def test_the_log_of_a_finished_execution(build: Any, release: str, outcome: dict[str, Any], text: str | None) -> None:
    """Broken: old releases serve more than RunOutput, or a failed execution's log is nowhere to be had since 1.8."""
    cluster = build(release, outcome=outcome)
    job = cluster.submit("a")
    await cluster.settle()
    execution = cluster.execution(job)
    source = cluster.orchestrator.log_source(job, execution.id)
    assert (source.error, source.output and source.output.stdout) == ("", text)
    assert source.execution == (execution if text is None else None)
    if text == "":
        assert source.output == RunOutput()


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


@BOTH
async def test_which_execution_it_is(build: Any, release: str) -> None:
    """Broken: a job that was tried again shows the log of the wrong try."""
    cluster = build(release, outcome={"fail": "it broke"})
    job = cluster.submit("a")
    await cluster.settle()
    first, second = cluster.orchestrator.executions(job, ExecutionQuery()).items
    for execution in (first, second):
        source = cluster.orchestrator.log_source(job, execution.id)
        assert source == LogSource(output=RunOutput()) if release == "1.7.0" else LogSource(execution=execution)
    suffix = "" if release == "1.7.0" else " and job version 1"
    for asked in ("", first.id[:10], "e-none"):
        text = f"failed to open log stream for job {job}: unable to find execution {asked} in job {job}{suffix}"
        assert cluster.orchestrator.log_source(job, asked).error == text


@BOTH
async def test_it_is_the_latest_that_counts(build: Any, release: str) -> None:
    """Broken: of a job with several executions the log of an old one comes."""
    cluster = build(release, outcome={"after": 5.0}, nodes=3)
    job = cluster.submit("a", count=3)
    await cluster.advance(1)
    executions = cluster.orchestrator.executions(job, ExecutionQuery()).items
    latest = max(executions, key=lambda each: each.modify_time)
    assert len(executions) == 3
    assert cluster.orchestrator.log_source(job).execution == latest
    await cluster.orchestrator.close()


@pytest.mark.parametrize(("release", "shown"), [("1.7.0", "ref"), ("1.9.3", "id")])
async def test_how_a_job_is_called_that_was_asked_for_by_prefix(build: Any, release: str, shown: str) -> None:
    """Broken: since 1.8 errors name the job's full id, before what the client wrote."""
    cluster = build(release, outcome={"fail": "it broke"})
    job = cluster.submit("a")
    await cluster.settle()
    name = job if shown == "id" else job[:10]
    error = cluster.orchestrator.log_source(job[:10]).error
    assert error.startswith(f"failed to open log stream for job {name}: unable to find execution  in job {name}")
    if release == "1.9.3":
        assert error == cluster.orchestrator.log_source("a").error
