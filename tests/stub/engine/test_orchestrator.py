"""Jobs from submission to their end, as the released servers show it (FINDINGS-docker section 5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Constraint, InputSource, Resources, ResultPath, SpecConfig, Timeouts
from orchestrator_stub.domain.states import ComputeState, DesiredState, JobState
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


@pytest.mark.parametrize(("release", "expected"), [("1.5.2", (3, 3, "")), ("1.6.5", (5, 3, "Running"))])
async def test_running_batch_job_shows_its_approval(build: Any, release: str, expected: tuple[int, int, str]) -> None:
    """Broken: while a job runs, compute state, revision or messages differ from the recorded ones."""
    cluster = build(release, outcome={"hang": True})
    job = cluster.submit("a")
    execution = cluster.execution(job)
    assert (*cluster.numbers(job)[0], execution.compute_message) == expected
    assert (execution.desired, execution.desired_message) == (DesiredState.RUNNING, expected[2])


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


async def test_missing_inline_input_fails_the_bid_at_once(build: Any) -> None:
    """Broken: a bid whose check needs no IO is answered only later."""
    cluster = build()
    cluster.source.missing = "missing data prefix"
    job = cluster.submit("a", task_input_sources=(InputSource(SpecConfig("inline"), "/in"),))
    assert cluster.state(job) is JobState.FAILED
    assert "missing data prefix" in cluster.story(job)


async def test_input_that_needs_io_is_checked_in_the_background(build: Any) -> None:
    """Broken: a submit waits for a slow check, or its job never starts."""
    cluster = build()
    job = cluster.submit("a", task_input_sources=(InputSource(SpecConfig("slow"), "/in"),))
    assert cluster.state(job) is JobState.PENDING
    await cluster.settle()
    assert cluster.state(job) is JobState.COMPLETED
    assert cluster.runner.works[0].mounts[0].target == "/in"


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
    assert cluster.orchestrator.get_node("n-00000001").available.cpu == 2.0


async def test_stop_on_152_is_wished_first_and_reported_later(build: Any) -> None:
    """Broken: 1.5.2's stopped execution has a message, or not five revisions."""
    cluster = build("1.5.2", outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    cluster.orchestrator.stop_job(job, "because")
    assert cluster.numbers(job) == [(3, 4)]
    await cluster.settle()
    assert cluster.numbers(job) == [(11, 5)]
    assert cluster.execution(job).compute_message == ""
    assert cluster.execution(job).desired_message == STOPPED


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


async def test_queue_timeout_ends_with_the_backoff(build: Any) -> None:
    """Broken: QueueTimeout 1 fails after a second; released servers look again after 60 s only."""
    cluster = build(nodes=0)
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


@pytest.mark.parametrize(("release", "running", "done"), [("1.5.2", (3, 2), (9, 3)), ("1.7.0", (1, 1), (9, 2))])
async def test_ops_states(build: Any, release: str, running: tuple[int, int], done: tuple[int, int]) -> None:
    """Broken: ops executions show another state while they run (FINDINGS 1 row 3.8)."""
    cluster = build(release, outcome={"after": 5})
    job = cluster.submit("a", kind="ops", count=None)
    await cluster.settle()
    assert cluster.numbers(job) == [running]
    await cluster.advance(6)
    assert cluster.numbers(job) == [done]
    assert cluster.orchestrator.get_job(job).count == (1 if release == "1.5.2" else 0)


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


async def test_daemon_reaches_nodes_that_join_later(build: Any) -> None:
    """Broken: a daemon without nodes fails, or never learns of a new one."""
    cluster = build(nodes=0, outcome={"hang": True})
    job = cluster.submit("a", kind="daemon", count=None)
    assert cluster.state(job) is JobState.PENDING
    cluster.add_node(1)
    assert cluster.state(job) is JobState.RUNNING
    assert cluster.numbers(job) == [(1, 1)]
    await cluster.settle()
    cluster.orchestrator.stop_job(job, "over")
    assert cluster.numbers(job) == [(11, 2)]


async def test_jobs_beyond_the_capacity_wait_on_the_node(build: Any) -> None:
    """Broken: more runs than a node's cores at once, or the rest is refused (1.6+, FINDINGS-docker 7)."""
    cluster = build(outcome={"after": 10})
    jobs = [cluster.submit(f"j{n}", task_resources=Resources(cpu="1")) for n in range(5)]
    await cluster.settle()
    assert len(cluster.runner.works) == 2
    assert {cluster.state(job) for job in jobs} == {JobState.RUNNING}
    shown = cluster.orchestrator.get_node("n-00000001")
    assert (shown.available.cpu, shown.running, shown.enqueued, shown.queue_used.cpu) == (0.0, 2, 3, 3.0)
    cluster.orchestrator.stop_job(jobs[4])
    await cluster.advance(11)
    assert len(cluster.runner.works) == 4
    await cluster.advance(11)
    assert [cluster.state(job) for job in jobs] == [JobState.COMPLETED] * 4 + [JobState.STOPPED]
    assert cluster.orchestrator.get_node("n-00000001").available.cpu == 2.0
    assert cluster.orchestrator.get_node("n-00000001").queue_used.cpu == 0.0


async def test_higher_priority_leaves_the_queue_first(build: Any) -> None:
    """Broken: a waiting job of higher priority runs after one that came earlier."""
    cluster = build(outcome={"after": 10})
    for name, priority in (("first", 0), ("low", 0), ("high", 9)):
        cluster.submit(name, priority=priority, task_resources=Resources(cpu="2"))
    await cluster.advance(35)
    assert [w.job.name for w in cluster.runner.works] == ["first", "high", "low"]


async def test_152_refuses_when_node_and_queue_are_full(build: Any) -> None:
    """Broken: 1.5.2 takes work without limit (a busy node is not suitable there)."""
    cluster = build("1.5.2", outcome={"after": 10})
    jobs = [cluster.submit(f"j{n}", task_resources=Resources(cpu="1")) for n in range(4)]
    states = [cluster.state(job) for job in jobs]
    assert states == [JobState.RUNNING, JobState.RUNNING, JobState.PENDING, JobState.FAILED]
    assert "node busy with available capacity {CPU: 0.00" in cluster.orchestrator.get_job(jobs[3]).message
    assert "and queue capacity {CPU: 1.00" in cluster.orchestrator.get_job(jobs[3]).message
    await cluster.advance(25)
    assert [cluster.state(job) for job in jobs[:3]] == [JobState.COMPLETED] * 3
    assert cluster.orchestrator.get_node("n-00000001").available.cpu == 2.0


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


async def test_publisher_gets_files_and_its_answer_is_kept(build: Any) -> None:
    """Broken: result folders, output files or the published result get lost on the way."""
    cluster = build(outcome={"stdout": b"text"})
    job = cluster.submit(
        "a", task_publisher=SpecConfig("fake"), task_result_paths=(ResultPath("out", "/outputs"),)
    )
    await cluster.settle()
    output = cluster.publisher.outputs[0]
    assert list(output.folders) == ["out"]
    assert cluster.runner.works[0].mounts[0].writable
    published = cluster.execution(job).published
    assert published == SpecConfig("fake", {"Name": cluster.execution(job).id})
    assert cluster.orchestrator.results(job) == [SpecConfig("fake", {"Name": output.execution.id, "Signed": True})]


async def test_failed_publication_fails_the_execution(build: Any) -> None:
    """Broken: a job whose results are lost is Completed."""
    cluster = build(outcome={"stdout": b"text"})
    cluster.publisher.fail = "failed to publish result: no bucket"
    job = cluster.submit("a", task_publisher=SpecConfig("fake"))
    await cluster.settle()
    assert cluster.state(job) is JobState.FAILED
    items = cluster.orchestrator.history(job, HistoryQuery()).items
    assert items[4].event.topic == "Publishing Results"
    assert cluster.execution(job).output is None
    assert cluster.orchestrator.results(job) == []


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


async def test_run_folder_is_gone_and_the_log_stays_an_hour(build: Any) -> None:
    """Broken: a finished job leaves its scratch folder, or its log goes too early or never (1.8+)."""
    cluster = build(outcome={"stdout": b"text"})
    job = cluster.submit("a")
    await cluster.settle()
    execution = cluster.execution(job)
    assert not (cluster.folder / "runs" / execution.id).exists()
    source = cluster.orchestrator.log_source(job)
    assert source.buffer is not None
    assert source.buffer.snapshot()[0].data == b"text"
    await cluster.advance(3700, step=100)
    assert not (cluster.folder / "logs" / execution.id).exists()
    assert cluster.orchestrator.log_source(job).silent


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
    assert cluster.orchestrator.get_node("n-00000001").available.cpu == 2.0


async def test_docs_history_is_the_page_example(build: Any) -> None:
    """Broken: the transitions that the user's document prints: 1>1 1>2 2>3 3>3 3>5 5>7, revisions 1 to 6."""
    cluster = build("docs")
    job = cluster.submit("a")
    assert cluster.state(job) is JobState.PENDING
    await cluster.settle()
    number = cluster.orchestrator.release.compute_number
    items = cluster.orchestrator.history(job, HistoryQuery()).items
    steps = [(number(i.previous), number(i.new), i.revision) for i in items if i.execution_id]
    assert steps == [(1, 1, 1), (1, 2, 2), (2, 3, 3), (3, 3, 4), (3, 5, 5), (5, 7, 6)]
    jobs = [(i.previous, i.new, i.revision, i.comment) for i in items if not i.execution_id]
    assert jobs == [
        (JobState.PENDING, JobState.PENDING, 1, "Job created"),
        (JobState.PENDING, JobState.COMPLETED, 2, ""),
    ]


async def test_docs_ops_skips_the_bidding(build: Any) -> None:
    """Broken: an ops execution of the user's document bids (FINDINGS-1.1.0 section 2: 1>1 1>5 5>7)."""
    cluster = build("docs")
    job = cluster.submit("a", kind="ops")
    await cluster.settle()
    number = cluster.orchestrator.release.compute_number
    items = cluster.orchestrator.history(job, HistoryQuery(level="execution")).items
    assert [(number(i.previous), number(i.new)) for i in items] == [(1, 1), (1, 5), (5, 7)]


async def test_lost_node_moves_its_execution(build: Any) -> None:
    """Broken: an execution on a deleted node runs for ever."""
    cluster = build(nodes=2, outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    lost = cluster.execution(job)
    cluster.orchestrator.update_node(lost.node_id, "delete")
    states = [e.compute for e in cluster.orchestrator.executions(job, ExecutionQuery()).items]
    assert states == [ComputeState.FAILED, ComputeState.BID_ACCEPTED]
    assert cluster.execution(job).compute_message == "Execution stop requested because node has disappeared"
    await cluster.settle()
    assert cluster.runner.killed == [lost.id]


async def test_rejected_node_is_named_and_refused_twice(build: Any) -> None:
    """Broken: rejecting a node does not disconnect it, or may be done twice (scenario 31)."""
    cluster = build()
    node = cluster.orchestrator.get_node("n-00000001")
    cluster.orchestrator.update_node(node.id, "reject")
    assert cluster.orchestrator.get_node(node.id).last_error == "node rejected"
    with pytest.raises(OrchestratorError, match=f"node {node.id} already rejected") as refused:
        cluster.orchestrator.update_node(node.id, "reject")
    assert (refused.value.status, refused.value.code) == (409, "ConflictNodeState")
    job = cluster.submit("a")
    assert cluster.orchestrator.get_job(job).message.endswith("requested: 1, available: 0, suitable: 0.")
    cluster.orchestrator.update_node(node.id, "approve")
    assert cluster.state(cluster.submit("b")) is JobState.RUNNING


async def test_list_is_in_order_of_creation_and_pages(build: Any) -> None:
    """Broken: a list is unordered or its tokens skip jobs."""
    cluster = build(nodes=0)
    jobs = [cluster.submit(f"j{n}", count=0) for n in range(5)]
    first = cluster.orchestrator.list_jobs(JobQuery(limit=2))
    second = cluster.orchestrator.list_jobs(JobQuery(token=first.next_token))
    third = cluster.orchestrator.list_jobs(JobQuery(token=second.next_token))
    assert [j.id for page in (first, second, third) for j in page.items] == jobs
    assert third.next_token == ""


async def test_close_leaves_no_task_behind(build: Any) -> None:
    """Broken: the stub cannot be ended while jobs run."""
    cluster = build(outcome={"hang": True})
    job = cluster.submit("a")
    await cluster.settle()
    await cluster.orchestrator.close()
    assert len(cluster.runner.killed) == 1
    assert cluster.state(job) is JobState.RUNNING
