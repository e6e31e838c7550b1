"""What nodes do: they bid, queue, run, time out and are called off (FINDINGS-docker 5 to 7)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource, Resources, ResultPath, SpecConfig, Timeouts
from orchestrator_stub.domain.states import DesiredState, JobState
from orchestrator_stub.inputs.base import WHOLE, Part
from orchestrator_stub.store.queries import HistoryQuery

RELEASED = ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"]
SINCE_16 = RELEASED[1:]
TWICE = (
    "not enough nodes to run job. requested: 1, available: 1, suitable: 0.\n"
    "• Node n-00000001: job already executed on this node more than once"
)
STOPPED = "Execution stop requested because job has been stopped"


@pytest.mark.parametrize("release", RELEASED)
async def test_refused_bid_is_a_scan_failure(build: Any, release: str) -> None:
    """Broken: an image that is not there makes the job look as if it had run."""
    cluster = build(release, outcome={"refuse": "image not available"})
    job = cluster.submit("a")
    assert cluster.story(job) == ["Job submitted", *["Requested execution on n-00000001", "image not available"] * 2, TWICE]
    assert cluster.numbers(job) == [(10, 2), (10, 2)]
    assert cluster.orchestrator.get_job(job).revision == 2
    event = cluster.orchestrator.history(job, HistoryQuery()).items[2].event
    assert event.topic == "Exec Scanning"
    assert event.details == {"ErrorCode": "Docker:ImageNotFound", "IsError": "true"}


async def test_a_runner_that_has_to_ask_refuses_like_one_that_knows(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that only the container engine knows to be missing would fail another way, or the job stay pending."""

    async def refuse() -> None:
        raise StepError("image not available", details={"ErrorCode": "Docker:ImageNotFound"})

    cluster = build()
    monkeypatch.setattr(cluster.runner, "check", lambda _task: refuse)
    job = cluster.submit("a")
    await cluster.settle()
    assert cluster.story(job) == ["Job submitted", *["Requested execution on n-00000001", "image not available"] * 2, TWICE]
    assert cluster.numbers(job) == [(10, 2), (10, 2)]


async def test_a_job_is_stopped_while_its_runner_asks(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull that takes an hour could not be stopped, or the job would run after all."""
    asked = asyncio.Event()

    async def ask() -> None:
        asked.set()
        await asyncio.Event().wait()

    cluster = build()
    cluster.runner.name = "docker"  # its time is the machine's
    monkeypatch.setattr(cluster.runner, "check", lambda _task: ask)
    job = cluster.submit("a")
    await asked.wait()
    cluster.orchestrator.stop_job(job)
    await cluster.settle()
    assert cluster.state(job) is JobState.STOPPED
    assert cluster.runner.works == []


async def test_missing_inline_input_fails_the_bid_at_once(build: Any) -> None:
    """Broken: a bid whose check needs no IO is answered only later."""
    cluster = build()
    cluster.source.missing = "missing data prefix"
    job = cluster.submit("a", task_input_sources=(InputSource(SpecConfig("inline"), "/in"),))
    assert cluster.state(job) is JobState.FAILED
    assert "missing data prefix" in cluster.story(job)


@pytest.mark.parametrize("source", ["inline", "slow"])
async def test_a_source_that_breaks_fails_the_bid(
    build: Any, monkeypatch: pytest.MonkeyPatch, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An input that nobody foresaw would leave its job pending for ever, and say nothing."""

    async def breaks(_source: InputSource, _part: Part = WHOLE) -> int:
        raise OverflowError("too far")

    cluster = build()
    monkeypatch.setattr(cluster.source, "check", breaks)
    job = cluster.submit("a", task_input_sources=(InputSource(SpecConfig(source), "/in"),))
    await cluster.settle()
    assert cluster.state(job) is JobState.FAILED
    assert any("check of an input broke: OverflowError('too far')" in line for line in cluster.story(job))
    assert "OverflowError: too far" in caplog.text


async def test_input_that_needs_io_is_checked_in_the_background(build: Any) -> None:
    """Broken: a submit waits for a slow check, or its job never starts."""
    cluster = build()
    job = cluster.submit("a", task_input_sources=(InputSource(SpecConfig("slow"), "/in"),))
    assert cluster.state(job) is JobState.PENDING
    await cluster.settle()
    assert cluster.state(job) is JobState.COMPLETED
    assert cluster.runner.works[0].mounts[0].target == "/in"


async def test_execution_timeout(build: Any) -> None:
    """Broken: a run beyond its ExecutionTimeout is not killed, or not tried twice."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("a", task_timeouts=Timeouts(execution=3))
    await cluster.advance(2.5)
    assert cluster.state(job) is JobState.RUNNING
    await cluster.advance(4)
    assert cluster.state(job) is JobState.FAILED
    assert cluster.story(job).count("Execution timed out after 3s") == 2
    assert len(cluster.runner.killed) == 2
    assert cluster.numbers(job) == [(10, 4), (10, 4)]


async def test_jobs_beyond_the_capacity_wait_on_the_node(build: Any) -> None:
    """Broken: more runs than a node's cores at once, or the rest is refused (1.6+, FINDINGS-docker 7)."""
    cluster = build(outcome={"after": 20})
    jobs = [cluster.submit(f"j{n}", task_resources=Resources(cpu="1")) for n in range(5)]
    await cluster.settle()
    assert len(cluster.runner.works) == 2
    assert {cluster.state(job) for job in jobs} == {JobState.RUNNING}
    assert [execution.job_id for execution, _ in cluster.orchestrator.active()] == jobs[:2]
    await cluster.advance(16)
    shown = cluster.node()
    assert (shown.available.cpu, shown.queue_used.cpu) == (0.0, 3.0)
    cluster.orchestrator.stop_job(jobs[4])
    await cluster.advance(5)
    assert len(cluster.runner.works) == 4
    await cluster.advance(21)
    assert [cluster.state(job) for job in jobs] == [JobState.COMPLETED] * 4 + [JobState.STOPPED]
    shown = await cluster.told()
    assert (shown.available.cpu, shown.queue_used.cpu) == (2.0, 0.0)


async def test_higher_priority_leaves_the_queue_first(build: Any) -> None:
    """Broken: a waiting job of higher priority runs after one that came earlier."""
    cluster = build(outcome={"after": 10})
    for name, priority in (("first", 0), ("low", 0), ("high", 9)):
        cluster.submit(name, priority=priority, task_resources=Resources(cpu="2"))
    await cluster.advance(35)
    assert [w.job.name for w in cluster.runner.works] == ["first", "high", "low"]


async def test_152_offers_only_what_it_has_room_for(build: Any) -> None:
    """Broken: on 1.5.2 jobs beyond a node's capacity run at once, or are Running while they wait (FINDINGS-docker 7)."""
    cluster = build("1.5.2", outcome={"after": 10})
    jobs = [cluster.submit(f"j{n}", task_resources=Resources(cpu="1")) for n in range(4)]
    waiting = [JobState.PENDING] * 2
    assert [cluster.state(job) for job in jobs] == [JobState.RUNNING, JobState.RUNNING, *waiting]
    assert (cluster.execution(jobs[3]).desired, cluster.numbers(jobs[3])) == (DesiredState.PENDING, [(1, 1)])
    await cluster.advance(25)
    assert {cluster.state(job) for job in jobs} == {JobState.COMPLETED}
    assert (await cluster.told()).available.cpu == 2.0


def holding(busy: str, cluster: Any) -> float:
    """CPU that the node's running programs hold."""
    assert busy in {execution.job_id for execution, _ in cluster.orchestrator.active()}
    return sum(wants.cpu for _, wants in cluster.orchestrator.active())


@pytest.mark.parametrize("release", ["1.6.5", "1.7.0"])
async def test_a_stopped_program_goes_on_where_stops_are_not_heard(build: Any, release: str) -> None:
    """Broken: `--strict` does not show that stopped jobs go on and fill their node (FINDINGS 1 row 5.6)."""
    cluster = build(release, strict=True, outcome={"after": 100})
    job = cluster.submit("a", task_resources=Resources(cpu="1"))
    await cluster.settle()
    cluster.orchestrator.stop_job(job)
    await cluster.settle()
    assert cluster.state(job) is JobState.STOPPED
    assert cluster.numbers(job) == [(11, 4)]
    assert (cluster.runner.killed, holding(job, cluster)) == ([], 1.0)
    assert (await cluster.told()).available.cpu == 1.0
    await cluster.advance(70)
    assert cluster.orchestrator.active() == []
    assert (await cluster.told()).available.cpu == 2.0
    assert cluster.numbers(job) == [(11, 4)]
    assert "Completed successfully" not in cluster.story(job)


async def test_a_stopped_wasm_program_ends_but_keeps_its_capacity(build: Any) -> None:
    """Broken: a stopped wasm job burns this machine's CPU for ever, or its capacity comes back, as it never does."""
    cluster = build("1.7.0", strict=True, outcome={"hang": True})
    wasm = {"task_engine": SpecConfig("wasm", {}), "task_resources": Resources(cpu="1")}
    jobs = [cluster.submit("a", **wasm), cluster.submit("b", task_timeouts=Timeouts(execution=100), **wasm)]
    await cluster.settle()
    for job in jobs:
        cluster.orchestrator.stop_job(job)
    await cluster.settle()
    assert len(cluster.runner.killed) == 2
    assert [holding(job, cluster) for job in jobs] == [2.0, 2.0]
    waiting = cluster.submit("c", **wasm)
    await cluster.advance(99, step=33)
    assert len(cluster.runner.works) == 2
    await cluster.advance(2)
    assert [work.job.id for work in cluster.runner.works][2:] == [waiting]
    assert holding(jobs[0], cluster) == 2.0


@pytest.mark.parametrize(("kind", "held"), [("daemon", 1.0), ("batch", 0.0)])
async def test_152_keeps_the_capacity_of_stopped_daemons(build: Any, kind: str, held: float) -> None:
    """Broken: `--strict` does not show what a stopped daemon holds on 1.5.2, or other types hold it, too."""
    count = None if kind == "daemon" else 1
    cluster = build("1.5.2", strict=True, outcome={"hang": True})
    job = cluster.submit("a", kind=kind, count=count, task_resources=Resources(cpu="1"))
    await cluster.settle()
    cluster.orchestrator.stop_job(job)
    await cluster.settle()
    assert len(cluster.runner.killed) == 1
    assert cluster.numbers(job)[0][0] == 11
    assert sum(wants.cpu for _, wants in cluster.orchestrator.active()) == held
    assert (await cluster.told()).available.cpu == 2.0 - held


@pytest.mark.parametrize(("release", "strict"), [("1.7.0", False), ("1.5.2", False), ("1.8.0", True), ("1.9.3", True)])
async def test_elsewhere_a_stop_frees_everything(build: Any, release: str, strict: bool) -> None:
    """Broken: the fault is there without `--strict`, where it helps nobody, or in releases that do not have it."""
    cluster = build(release, strict=strict, outcome={"hang": True})
    for kind in ("batch", "daemon"):
        job = cluster.submit(kind, kind=kind, count=None if kind == "daemon" else 1)
        await cluster.settle()
        cluster.orchestrator.stop_job(job)
    await cluster.settle()
    assert (len(cluster.runner.killed), cluster.orchestrator.active()) == (2, [])
    assert (await cluster.told()).available.cpu == 2.0


async def test_close_ends_what_goes_on_after_a_stop(build: Any) -> None:
    """Broken: a stopped job's program outlives the stub."""
    cluster = build("1.7.0", strict=True, outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    cluster.orchestrator.stop_job(job)
    await cluster.orchestrator.close()
    assert cluster.runner.killed == [cluster.execution(job).id]


@pytest.mark.parametrize(("release", "network"), [("1.5.2", "HTTP"), ("1.6.5", "HTTP"), ("1.6.5", "Host")])
async def test_networked_jobs_are_rejected_at_the_bid(build: Any, release: str, network: str) -> None:
    """Broken: a job with a network runs on releases whose nodes refuse it."""
    cluster = build(release)
    first = cluster.job("a")
    spec = replace(first, tasks=(replace(first.task, network=replace(first.task.network, type=network)),))
    job = cluster.orchestrator.submit(spec).job_id
    assert cluster.numbers(job) == [(4, 2)]
    execution = cluster.execution(job)
    assert execution.desired_message == "bid rejected"
    assert execution.compute_message == "rejected bid: this node does not run jobs that require network access"
    assert cluster.orchestrator.get_job(job).message.endswith("• Node n-00000001: job rejected")
    assert cluster.orchestrator.history(job, HistoryQuery()).items[2].event.details == {}


@pytest.mark.parametrize("source", ["inline", "slow"])
async def test_stop_before_the_first_step(build: Any, source: str) -> None:
    """Broken: a job that is stopped in the moment it starts keeps its node's capacity, or comes back."""
    cluster = build()
    job = cluster.submit("a", task_input_sources=(InputSource(SpecConfig(source), "/in"),))
    cluster.orchestrator.stop_job(job)
    await cluster.settle()
    assert cluster.numbers(job) == [(11, 4 if source == "inline" else 2)]
    assert cluster.runner.works == []
    assert (await cluster.told()).available.cpu == 2.0


async def test_broken_runner_fails_the_job(build: Any) -> None:
    """Broken: a bug in a runner leaves its job running for ever."""
    cluster = build()

    async def explode(work: object) -> None:
        raise KeyError("oops")

    cluster.runner.run = explode
    job = cluster.submit("a")
    await cluster.settle()
    assert cluster.state(job) is JobState.FAILED
    assert cluster.execution(job).compute_message == "the stub's scripted runner broke: KeyError('oops')"
    assert (await cluster.told()).available.cpu == 2.0


async def test_a_run_that_cannot_be_prepared_fails_the_job(build: Any) -> None:
    """Broken: a full disk leaves jobs running for ever, and their node full."""
    cluster = build()
    (cluster.folder / "runs").write_text("in the way")
    job = cluster.submit("a", task_publisher=SpecConfig("fake"), task_result_paths=(ResultPath("o", "/o"),))
    await cluster.settle()
    assert cluster.state(job) is JobState.FAILED
    assert cluster.execution(job).compute_message.startswith("the stub could not prepare the run: ")
    assert (cluster.orchestrator.active(), (await cluster.told()).available.cpu) == ([], 2.0)


async def test_close_leaves_no_task_behind(build: Any) -> None:
    """Broken: the stub cannot be ended while jobs run."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    await cluster.orchestrator.close()
    assert len(cluster.runner.killed) == 1
    assert cluster.state(job) is JobState.RUNNING
