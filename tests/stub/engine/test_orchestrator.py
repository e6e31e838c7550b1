"""Jobs from submission to their end, as the released servers show it (FINDINGS-docker section 5)."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from orchestrator_stub.domain.errors import HandlerHangError, OrchestratorError
from orchestrator_stub.domain.job import Constraint, InputSource, SpecConfig, Timeouts
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery

RELEASED = ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"]
SINCE_16 = RELEASED[1:]
TWICE = (
    "not enough nodes to run job. requested: 1, available: 1, suitable: 0.\n"
    "• Node n-00000001: job already executed on this node more than once"
)
STOPPED = "Execution stop requested because job has been stopped"


@pytest.mark.parametrize("release", RELEASED)
async def test_batch_job_runs_to_completed(build: Any, release: str) -> None:
    """Broken: a job that runs through does not show the six recorded events and the recorded revisions."""
    cluster = build(release, outcome={"stdout": b"hello\n", "exit_code": 3})
    job = cluster.submit("a")
    assert cluster.state(job) is JobState.RUNNING
    await cluster.settle()
    assert cluster.story(job) == [
        "Job submitted",
        "Requested execution on n-00000001",
        "Running",
        "Running",
        "Completed successfully",
        "Completed",
    ]
    assert cluster.numbers(job) == [(9, 4)]
    stored = cluster.orchestrator.get_job(job)
    assert (stored.state, stored.message, stored.revision) == (JobState.COMPLETED, "", 3)
    execution = cluster.execution(job)
    assert execution.desired_message == "execution completed"
    assert execution.compute_message == ("" if release == "1.5.2" else "Running")
    assert (execution.output.stdout, execution.output.exit_code) == ("hello\n", 3)


@pytest.mark.parametrize("release", RELEASED)
async def test_only_node_failing_twice_fails_the_job(build: Any, release: str) -> None:
    """Broken: a failing program is not tried exactly twice per node, or the scheduler's last word differs."""
    cluster = build(release, outcome={"fail": "it broke"})
    job = cluster.submit("a")
    await cluster.settle()
    failed = ["Requested execution on n-00000001", "Running", "it broke"]
    story = cluster.story(job)
    assert story == ["Job submitted", failed[0], "Running", *failed[1:], *failed, TWICE]
    stored = cluster.orchestrator.get_job(job)
    assert (stored.state, stored.message, stored.revision) == (JobState.FAILED, TWICE, 3)
    assert cluster.numbers(job) == [(10, 4), (10, 4)]
    execution = cluster.execution(job)
    assert (execution.desired_message, execution.compute_message) == ("execution failed", "it broke")
    assert dict(execution.compute_details) == ({"IsError": "true"} if release == "1.5.2" else {})
    last = cluster.orchestrator.history(job, HistoryQuery()).items[-1].event
    assert last.details == {"IsError": "true", "NodesAvailable": "1", "NodesRequested": "1", "NodesSuitable": "0"}


@pytest.mark.parametrize("release", SINCE_16)
async def test_stopped_batch_job(build: Any, release: str) -> None:
    """Broken: a stop does not end the run, or its events, states and revisions differ."""
    cluster = build(release, outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    assert cluster.orchestrator.stop_job(job, "test over") != ""
    stored = cluster.orchestrator.get_job(job)
    assert (stored.state, stored.message, stored.revision) == (JobState.STOPPED, "test over", 3)
    assert cluster.story(job)[-2:] == ["Job requested to stop before completion", STOPPED]
    assert cluster.orchestrator.history(job, HistoryQuery()).items[4].event.details == {"Reason": "test over"}
    assert cluster.numbers(job) == [(11, 4)]
    assert cluster.execution(job).compute_message == STOPPED
    await cluster.settle()
    assert cluster.runner.killed == [cluster.execution(job).id]
    assert cluster.orchestrator.stop_job(job) == ""
    assert (await cluster.told()).available.cpu == 2.0


async def test_stopping_what_is_over(build: Any) -> None:
    """Broken: answers to a stop of a finished job are not those of fact sheet 5.6."""
    cluster = build()
    done = cluster.submit("done")
    failed = cluster.submit("failed", constraints=(Constraint("no", "=", ("x",)),))
    await cluster.settle()
    with pytest.raises(OrchestratorError, match="cannot stop job in state Completed") as refused:
        cluster.orchestrator.stop_job(done)
    assert (refused.value.status, refused.value.code, refused.value.component) == (500, "", "Bacalhau")
    with pytest.raises(OrchestratorError, match="in terminal state Failed and cannot transition to Stopped") as refused:
        cluster.orchestrator.stop_job(failed)
    assert (refused.value.status, refused.value.code) == (500, "ConflictJobState")
    with pytest.raises(OrchestratorError, match="job not found: j-zzzz"):
        cluster.orchestrator.stop_job("j-zzzz")


@pytest.mark.parametrize(("release", "executions"), [("1.5.2", [(10, 4)]), ("1.6.5", [(10, 4), (11, 3)])])
async def test_total_timeout(build: Any, release: str, executions: list[tuple[int, int]]) -> None:
    """Broken: a job beyond its TotalTimeout ends otherwise than recorded (scenario 16)."""
    cluster = build(release, outcome={"hang": True})
    job = cluster.submit("a", task_timeouts=Timeouts(total=3))
    await cluster.advance(4)
    stored = cluster.orchestrator.get_job(job)
    assert (stored.state, stored.message) == (JobState.FAILED, "Job timed out. Job took longer than 3s")
    assert stored.revision == 3
    assert cluster.numbers(job) == executions
    if release != "1.5.2":
        assert cluster.story(job)[-3:] == [stored.message, "Requested execution on n-00000001", STOPPED]


async def test_queued_job_runs_once_a_node_fits(build: Any) -> None:
    """Broken: a job with QueueTimeout fails at once, or is not tried again after 60 s."""
    cluster = build(nodes=0)
    job = cluster.submit("a", task_timeouts=Timeouts(queue=600))
    text = "Job queued. not enough nodes to run job. requested: 1, available: 0, suitable: 0."
    stored = cluster.orchestrator.get_job(job)
    assert (stored.state, stored.message, stored.revision) == (JobState.QUEUED, text, 2)
    cluster.add_node(1)
    await cluster.advance(59, step=59)
    assert cluster.state(job) is JobState.QUEUED
    await cluster.advance(2)
    assert cluster.state(job) is JobState.COMPLETED
    assert cluster.orchestrator.get_job(job).revision == 4
    assert cluster.story(job)[:3] == ["Job submitted", text, "Requested execution on n-00000001"]


@pytest.mark.parametrize("release", ["1.5.2", "1.9.3"])
async def test_queue_timeout_ends_with_the_backoff(build: Any, release: str) -> None:
    """Broken: QueueTimeout 1 fails after a second; released servers look again after 60 s only."""
    cluster = build(release, nodes=0)
    job = cluster.submit("a", task_timeouts=Timeouts(queue=1))
    await cluster.advance(59, step=59)
    assert cluster.state(job) is JobState.QUEUED
    await cluster.advance(2)
    assert cluster.state(job) is JobState.FAILED
    assert cluster.story(job)[-1] == "not enough nodes to run job. requested: 1, available: 0, suitable: 0."


async def test_count_beyond_the_nodes_fails_with_empty_reasons(build: Any) -> None:
    """Broken: Count 3 on two nodes starts two executions instead of failing whole."""
    cluster = build(nodes=2)
    job = cluster.submit("a", count=3)
    text = "not enough nodes to run job. requested: 3, available: 2, suitable: 2.\n• 2 of 2 nodes: "
    assert cluster.orchestrator.get_job(job).message == text
    assert cluster.numbers(job) == []


@pytest.mark.parametrize("release", [*RELEASED, "docs"])
@pytest.mark.parametrize("queue", [0, 600])
async def test_a_count_without_measure_costs_nothing(build: Any, release: str, queue: int) -> None:
    """Broken: a mistyped Count makes the stub allocate until it dies, as it makes a real 1.9.3 (FINDINGS 3)."""
    cluster = build(release, outcome={"hang": True})
    count = 10**12
    cluster.submit("warm up", count=0)
    tracemalloc.start()
    job = cluster.submit("a", count=count, task_timeouts=Timeouts(queue=queue))
    await cluster.advance(61, step=20)
    listed = cluster.orchestrator.list_jobs(JobQuery(order_by="created_at")).items
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert [stored.count for stored in listed] == [0, count]
    if queue:
        assert len(cluster.numbers(job)) == 1
        assert not cluster.state(job).is_terminal
        return
    text = f"not enough nodes to run job. requested: {count}, available: 1, suitable: 1.\n• Node n-00000001: "
    assert cluster.orchestrator.get_job(job).message == text
    assert cluster.numbers(job) == []


async def test_queueing_count_beyond_the_nodes_starts_what_fits(build: Any) -> None:
    """Broken: with QueueTimeout the fitting partition does not run, or the job is not Queued afterwards."""
    cluster = build()
    job = cluster.submit("a", count=2, task_timeouts=Timeouts(queue=600))
    await cluster.settle()
    stored = cluster.orchestrator.get_job(job)
    assert stored.state is JobState.QUEUED
    assert stored.message.endswith("• Node n-00000001: job rejected")
    assert stored.revision == 3
    assert cluster.numbers(job) == [(9, 4)]


async def test_partitions_take_one_node_each(build: Any) -> None:
    """Broken: two partitions share a node, or indices are not 0 and 1."""
    cluster = build(nodes=2)
    job = cluster.submit("a", count=2, task_input_sources=(InputSource(SpecConfig("slow"), "/in"),))
    await cluster.settle()
    executions = cluster.orchestrator.executions(job, ExecutionQuery()).items
    assert {e.partition for e in executions} == {0, 1}
    assert len({e.node_id for e in executions}) == 2
    assert cluster.state(job) is JobState.COMPLETED
    assert {w.env["BACALHAU_PARTITION_COUNT"] for w in cluster.runner.works} == {"2"}
    assert sorted((part.index, part.count) for part in cluster.source.parts) == [(0, 2), (1, 2)]


async def test_failed_execution_moves_to_another_node(build: Any) -> None:
    """Broken: a job gives up although a node is left that can run it."""
    bad, good = "n-00000001-0000-4000-8000-000000000001", "n-00000002-0000-4000-8000-000000000002"
    cluster = build(nodes=2, by_node={bad: {"fail": "bad node"}, good: {}})
    jobs = [cluster.submit(f"j{number}") for number in range(12)]
    await cluster.settle()
    assert {cluster.state(job) for job in jobs} == {JobState.COMPLETED}
    tried = [len(cluster.numbers(job)) for job in jobs]
    assert 2 in tried, "some job must have met the bad node first"
    assert max(tried) == 2


async def test_ops_job_runs_on_every_matching_node_once(build: Any) -> None:
    """Broken: ops misses a node, retries, or its order of events differs."""
    cluster = build(nodes=3)
    job = cluster.submit("a", kind="ops", count=None)
    await cluster.settle()
    assert sorted(cluster.numbers(job)) == [(9, 2)] * 3
    assert cluster.story(job)[1] == "Running"
    assert cluster.state(job) is JobState.COMPLETED
    assert cluster.execution(job).compute_message == ""


async def test_one_failure_fails_an_ops_job_after_all_are_done(build: Any) -> None:
    """Broken: ops retries or fails before the others have ended."""
    bad = "n-00000001-0000-4000-8000-000000000001"
    good = "n-00000002-0000-4000-8000-000000000002"
    cluster = build(nodes=2, by_node={bad: {"fail": "bad"}, good: {"after": 5}})
    job = cluster.submit("a", kind="ops", count=None)
    await cluster.advance(2)
    assert cluster.state(job) is JobState.RUNNING
    await cluster.advance(4)
    assert cluster.orchestrator.get_job(job).message == "Job failed because one or more executions failed"


async def test_ops_without_matching_node(build: Any) -> None:
    """Broken: the ops text of scenario 18 differs."""
    cluster = build()
    job = cluster.submit("a", kind="ops", count=None, constraints=(Constraint("nolabel", "=", ("x",)),))
    assert cluster.orchestrator.get_job(job).message == (
        "not matching nodes to run job out of 1 available nodes.\n"
        "• Node n-00000001: labels map[zone:z1] don't match required selectors [nolabel = x]"
    )


@pytest.mark.parametrize("release", RELEASED)
async def test_service_that_ends_is_replaced_then_fails(build: Any, release: str) -> None:
    """Broken: a service whose program ends counts as completed, or loses its output."""
    cluster = build(release, outcome={"stdout": b"bye"})
    job = cluster.submit("a", kind="service")
    await cluster.settle()
    assert cluster.story(job)[-1] == TWICE
    assert cluster.numbers(job) == [(10, 4), (10, 4)]
    execution = cluster.execution(job)
    assert execution.compute_message == execution.desired_message == "execution completed unexpectedly"
    assert execution.output.stdout == "bye"


@pytest.mark.parametrize(("release", "executions"), [("1.7.0", 1), ("1.8.0", 2)])
async def test_daemon_that_ends_keeps_its_job_running(build: Any, release: str, executions: int) -> None:
    """Broken: an ended daemon ends its job, or is replaced more often than recorded."""
    cluster = build(release)
    job = cluster.submit("a", kind="daemon", count=None)
    await cluster.settle()
    assert cluster.state(job) is JobState.RUNNING
    assert len(cluster.numbers(job)) == executions


async def test_results_of_a_service_are_refused(build: Any) -> None:
    """Broken: services and daemons answer to a question about results."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("a", kind="service")
    with pytest.raises(OrchestratorError, match="Internal server error") as refused:
        cluster.orchestrator.results(job)
    assert (refused.value.status, refused.value.component) == (500, "Unknown")


async def test_batch_of_nothing_is_completed_at_once(build: Any) -> None:
    """Broken: Count 0 waits for ever."""
    cluster = build()
    job = cluster.submit("a", count=0)
    assert cluster.state(job) is JobState.COMPLETED
    assert cluster.story(job) == ["Job submitted", "Completed"]


@pytest.mark.parametrize(("release", "state"), [("1.5.2", JobState.COMPLETED), ("1.6.5", JobState.PENDING)])
async def test_service_of_nothing(build: Any, release: str, state: JobState) -> None:
    """Broken: a service with Count 0 ends otherwise than recorded (FINDINGS 1 row 4.4)."""
    cluster = build(release)
    assert cluster.state(cluster.submit("a", kind="service", count=0)) is state


async def test_job_with_senseless_constraint_stays_pending(build: Any) -> None:
    """Broken: a constraint that no server understands breaks the scheduler."""
    cluster = build()
    job = cluster.submit("a", constraints=(Constraint("zone", "gt", ("abc",)),))
    assert cluster.state(job) is JobState.PENDING


async def test_list_is_in_order_of_creation_and_pages(build: Any) -> None:
    """Broken: a list is unordered or its tokens skip jobs."""
    cluster = build(nodes=0)
    jobs = [cluster.submit(f"j{n}", count=0) for n in range(5)]
    first = cluster.orchestrator.list_jobs(JobQuery(limit=2))
    second = cluster.orchestrator.list_jobs(JobQuery(token=first.next_token))
    third = cluster.orchestrator.list_jobs(JobQuery(token=second.next_token))
    assert [j.id for page in (first, second, third) for j in page.items] == jobs
    assert third.next_token == ""


@pytest.mark.parametrize("release", ["1.8.0", "1.9.3"])
@pytest.mark.parametrize("rerun", [("nope", 0), ("known", 7)])
async def test_rerun_of_something_unknown_wedges_a_strict_server(build: Any, release: str, rerun: Any) -> None:
    """Broken: a client that reruns without looking first does no harm here (FINDINGS 2 row 4.7)."""
    cluster = build(release, strict=True, outcome={"after": 5})
    running = cluster.submit("known")
    await cluster.settle()
    before = cluster.story(running)
    assert not cluster.orchestrator.is_wedged
    with pytest.raises(OrchestratorError) as refused:
        cluster.orchestrator.rerun(*rerun)
    assert (refused.value.status, cluster.orchestrator.is_wedged) == (400, True)
    for write in (
        lambda: cluster.submit("b"),
        lambda: cluster.submit("known", count=2),
        lambda: cluster.orchestrator.stop_job(running),
        lambda: cluster.orchestrator.stop_job("nope"),
        lambda: cluster.orchestrator.rerun(running),
    ):
        with pytest.raises(HandlerHangError):
            write()
    cluster.clock.advance(600)
    await cluster.settle()
    assert cluster.story(running) == before, "what a node reports is lost too"
    assert cluster.state(running) is JobState.RUNNING
    assert [job.name for job in cluster.orchestrator.list_jobs(JobQuery()).items] == ["known"]


async def test_a_wedged_server_still_refuses_what_never_reaches_its_store(build: Any) -> None:
    """Broken: an invalid job, or one that changes nothing, waits for half a minute."""
    cluster = build(strict=True)
    cluster.submit("a")
    with pytest.raises(OrchestratorError):
        cluster.orchestrator.rerun("nope")
    with pytest.raises(OrchestratorError, match="no changes detected"):
        cluster.submit("a")
    with pytest.raises(OrchestratorError, match="invalid job type"):
        cluster.submit("b", kind="nope")


async def test_a_server_that_is_not_strict_is_never_wedged(build: Any) -> None:
    """Broken: a test suite has to restart the stub for a fault that helps nobody."""
    cluster = build()
    with pytest.raises(OrchestratorError):
        cluster.orchestrator.rerun("nope")
    assert not cluster.orchestrator.is_wedged
    assert cluster.submit("a")


async def test_a_rerun_that_is_refused_for_the_job_s_state_wedges_nothing(build: Any) -> None:
    """Broken: reruns that come too early stop the server."""
    cluster = build(strict=True, nodes=0)
    job = cluster.submit("a", kind="service", count=0)
    with pytest.raises(OrchestratorError, match="cannot rerun"):
        cluster.orchestrator.rerun(job)
    assert not cluster.orchestrator.is_wedged
