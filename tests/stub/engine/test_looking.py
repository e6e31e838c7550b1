"""What a node looks into before it offers to run something."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource, Network, SpecConfig
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.engine.looking import Ordinary, look_into, waits_for_io

INLINE, SLOW = InputSource(SpecConfig("Inline"), "/a"), InputSource(SpecConfig("slow"), "/b")


async def refuse() -> None:
    """A runner that cannot."""
    raise StepError("no such image")


@pytest.fixture
def execution(build: Any) -> Any:
    """An execution of a job, with changes of its task, and the workbench of its node."""

    def make(**task: Any) -> Any:
        cluster = build("1.9.3")
        found = cluster.execution(cluster.submit("a", task_timeouts=cluster.job().task.timeouts))
        job = replace(found.job, tasks=(replace(found.job.task, **task),))
        return replace(found, job=job), cluster.orchestrator._workbench, cluster

    return make


@pytest.mark.parametrize(
    ("release", "network", "refused"),
    [("1.6.5", "Full", True), ("1.6.5", "None", False), ("1.6.5", "none", False), ("1.7.0", "Full", False)],
)
async def test_networked_jobs_are_refused_where_the_release_does(
    execution: Any, release: str, network: str, refused: bool
) -> None:
    """A job that wants a network would run on a release whose nodes refuse it, or not where it may (FINDINGS 3)."""
    one, _, _ = execution(network=Network(network))
    assert bool(Ordinary(RELEASES[release]).refusal(one)) is refused


async def test_only_what_is_there_at_once_waits_for_nothing(execution: Any) -> None:
    """A bid would be answered late though nothing has to be waited for, or block everybody else."""
    plain, inline, slow = (execution(input_sources=each)[0].job.task for each in ((), (INLINE,), (INLINE, SLOW)))
    assert [waits_for_io(task, None) for task in (plain, inline, slow)] == [False, False, True]
    assert waits_for_io(plain, refuse)


async def test_the_first_that_says_no_ends_it(execution: Any) -> None:
    """A node would offer what it cannot run."""
    one, bench, cluster = execution(input_sources=(INLINE,))
    with pytest.raises(StepError, match="no such image"):
        await look_into(one, bench, refuse)
    await look_into(one, bench, None)
    cluster.source.missing = "no such file"
    with pytest.raises(StepError, match="no such file"):
        await look_into(one, bench, None)


async def test_a_source_that_breaks_fails_the_job(execution: Any) -> None:
    """A job would stay pending for ever."""
    one, bench, cluster = execution(input_sources=(INLINE,))

    async def broken(*_: Any) -> int:
        raise KeyError("oops")

    cluster.source.check = broken
    with pytest.raises(StepError, match="the stub's check of an input broke: KeyError"):
        await look_into(one, bench, None)
