"""How nodes serve logs, release by release, on the virtual clock (FINDINGS-docker 8; scenarios 39, 74, 76)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from orchestrator_stub.domain.job import Resources, SpecConfig, Timeouts

OLD, NEW = "1.7.0", "1.9.3"
EACH_WAY = pytest.mark.parametrize("release", [OLD, NEW])
NOT_RUNNING = "cannot get logs when container is not running"
TIMEOUT = "timeout while waiting for execution logs"
RUNS_10_S = {"after": 10.0}
WASM = SpecConfig("wasm", {})


class Viewer:
    """A client of one log stream: what it got so far, and whether the node has closed."""

    ALL: ClassVar[list[Viewer]] = []

    def __init__(self, cluster: Any, job: str, *, follow: bool = True, tail: bool = False) -> None:
        self.seen: list[str] = []
        frames = cluster.orchestrator.logs.frames(cluster.execution(job), follow=follow, tail=tail)
        self.task = asyncio.ensure_future(self._watch(frames))
        self.ALL.append(self)

    async def _watch(self, frames: Any) -> None:
        try:
            async for frame in frames:
                said = json.loads(frame)
                self.seen.append(said.get("error") or said["value"]["Line"])
        finally:
            await frames.aclose()

    @property
    def closed(self) -> bool:
        """The node has ended the stream."""
        return self.task.done()

    async def leave(self) -> None:
        """The client goes."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def make(build: Any) -> AsyncIterator[Any]:
    """A cluster as `build` makes it; its viewers leave and it ends with the test."""
    made = []

    def run(*args: Any, **more: Any) -> Any:
        made.append(build(*args, **more))
        return made[-1]

    yield run
    while Viewer.ALL:
        await Viewer.ALL.pop().leave()
    for cluster in made:
        await cluster.orchestrator.close()


async def started(cluster: Any, *jobs: dict[str, Any]) -> list[str]:
    """Jobs that run."""
    first = len(cluster.runner.works)
    ids = [cluster.submit(f"job-{number}", **job) for number, job in enumerate(jobs or ({},), first)]
    await cluster.settle()
    return ids


def log(cluster: Any, number: int = 0) -> Any:
    """The log of a started program."""
    return cluster.runner.works[number].log


def refused(cluster: Any, job: str, why: str) -> str:
    """What the orchestrator hands on of a node that has no stream (up to 1.7)."""
    return (
        "nats stream: close 5000 (internal server error): error in handler : "
        f"failed to get log stream for execution: {cluster.execution(job).id}. {why}"
    )


@EACH_WAY
async def test_by_default_streams_do_not_block_each_other(make: Any, release: str) -> None:
    """Broken: two viewers of one node, and one of them sees nothing: a fault of real servers that helps nobody."""
    cluster = make(release, outcome=RUNS_10_S)
    first, second = await started(cluster, {}, {})
    viewers = [Viewer(cluster, job) for job in (first, first, second)]
    log(cluster, 0).write(1, b"one\n")
    log(cluster, 1).write(1, b"two\n")
    await cluster.settle()
    late = Viewer(cluster, first)
    await cluster.advance(10)
    assert [viewer.seen for viewer in [*viewers, late]] == [["one\n"], ["one\n"], ["two\n"], ["one\n"]]
    assert all(viewer.closed for viewer in [*viewers, late])


@pytest.mark.parametrize(("release", "other"), [(OLD, False), (OLD, True), (NEW, False), (NEW, True)])
async def test_strict_serves_one_stream_of_a_node_at_a_time(make: Any, release: str, other: bool) -> None:
    """74/two-, pair-: a program with two viewers would work here and hang on a real cluster."""
    cluster = make(release, outcome=RUNS_10_S, strict=True)
    jobs = await started(cluster, {}, {})
    first, second = Viewer(cluster, jobs[0]), Viewer(cluster, jobs[other])
    await cluster.advance(1)
    for number in (0, 1):
        log(cluster, number).write(1, b"line\n")
    await cluster.advance(8)
    assert (first.seen, second.seen, second.closed) == (["line\n"], [], False)
    await cluster.advance(2)
    assert first.closed
    assert second.closed
    expected = refused(cluster, jobs[other], NOT_RUNNING) if release == OLD else "line\n"
    assert second.seen == [expected]


async def test_strict_nodes_serve_independently(make: Any) -> None:
    """Broken: the rule is one stream per node, not one per cluster."""
    cluster = make(outcome=RUNS_10_S, strict=True, nodes=2)
    (job,) = await started(cluster, {"count": 2})
    executions = [work.execution for work in cluster.runner.works]
    assert len({execution.node_id for execution in executions}) == 2
    streams = [cluster.orchestrator.logs.frames(each, follow=True, tail=False) for each in executions]
    for number in (0, 1):
        log(cluster, number).write(1, b"line\n")
    assert all("line" in frame for frame in await asyncio.gather(*(anext(stream) for stream in streams)))
    for stream in streams:
        await stream.aclose()
    await cluster.orchestrator.close()
    assert job


@pytest.mark.parametrize("strict", [False, True])
async def test_a_client_that_leaves(make: Any, strict: bool) -> None:
    """74/re-: by default a viewer may come back; a real node goes on serving him who left until the program ends."""
    cluster = make(outcome=RUNS_10_S, strict=strict)
    (job,) = await started(cluster)
    log(cluster).write(1, b"line\n")
    gone, waiting = Viewer(cluster, job), Viewer(cluster, job)
    await cluster.settle()
    await gone.leave()
    await waiting.leave()
    back = Viewer(cluster, job)
    await cluster.advance(9)
    assert (gone.seen, back.seen) == (["line\n"], [] if strict else ["line\n"])
    await cluster.advance(2)
    assert (back.seen, back.closed) == (["line\n"], True)


async def test_strict_finished_jobs_wait_in_the_same_queue(make: Any) -> None:
    """76/ok-dump: since 1.8 the log of a finished job would come at once, though its node serves another one."""
    cluster = make(outcome={"stdout": b"done\n"}, strict=True)
    (done,) = await started(cluster)
    cluster.runner.outcome = type(cluster.runner.outcome)(**RUNS_10_S)
    (live,) = await started(cluster)
    following, dump = Viewer(cluster, live), Viewer(cluster, done, follow=False)
    await cluster.advance(9)
    assert (dump.seen, dump.closed) == ([], False)
    await cluster.advance(2)
    assert following.closed
    assert (dump.seen, dump.closed) == (["done\n"], True)


@pytest.mark.parametrize("way", ["stop", "timeout"])
@pytest.mark.parametrize(
    ("release", "strict", "held"),
    [("1.5.2", False, 0), (NEW, False, 0), ("1.5.2", True, 2), ("1.8.0", True, 20), (NEW, True, 20)],
)
async def test_the_stream_of_a_killed_program(make: Any, release: str, strict: bool, held: int, way: str) -> None:
    """74/stop-follow, timeout-follow: a client that waits for the Close after a stop waits in vain on a real server."""
    cluster = make(release, outcome={"hang": True}, strict=strict)
    (job,) = await started(cluster, {"task_timeouts": Timeouts(execution=3 if way == "timeout" else 0)})
    viewer = Viewer(cluster, job)
    await cluster.advance(2)
    log(cluster).write(1, b"before\n")
    await cluster.advance(1)
    if way == "stop":
        cluster.orchestrator.stop_job(job)
    cluster.runner.outcome = type(cluster.runner.outcome)(after=100.0)
    (other,) = await started(cluster)
    log(cluster, -1).write(1, b"line\n")
    blocked = Viewer(cluster, other)
    if held:
        await cluster.advance(held - 0.5, step=0.25)
        assert (viewer.seen, viewer.closed, blocked.seen) == (["before\n"], False, [])
    await cluster.advance(1, step=0.25)
    assert (viewer.seen, viewer.closed, blocked.seen) == (["before\n"], True, ["line\n"])


async def test_strict_a_killed_log_can_be_read_once_the_node_is_free(make: Any) -> None:
    """Broken: since 1.8 what a killed program had printed is lost, though its file is there."""
    cluster = make(outcome={"hang": True}, strict=True)
    (job,) = await started(cluster)
    log(cluster).write(1, b"before\n")
    cluster.orchestrator.stop_job(job)
    await cluster.settle()
    dump = Viewer(cluster, job, follow=False)
    await cluster.settle()
    assert (dump.seen, dump.closed) == (["before\n"], True)
    await cluster.advance(5)
    follower = Viewer(cluster, job)
    await cluster.advance(19)
    assert (follower.seen, follower.closed) == (["before\n"], False)
    await cluster.advance(2)
    assert follower.closed


@pytest.mark.parametrize("strict", [False, True])
async def test_an_execution_that_never_started(make: Any, strict: bool) -> None:
    """76/fail-exec, ok-blocked: silence for a minute, and under --strict the node's other streams wait as long."""
    cluster = make(outcome={"stdout": b"fine\n"}, strict=strict)
    (good,) = await started(cluster)
    cluster.runner.outcome = type(cluster.runner.outcome)(fail="no such program")
    bad = cluster.submit("bad")
    await cluster.settle()
    silent, other = Viewer(cluster, bad, follow=False), Viewer(cluster, good, follow=False)
    await cluster.settle()
    assert (silent.seen, other.closed) == ([], not strict)
    await cluster.advance(59)
    assert (silent.seen, other.closed) == ([], not strict)
    await cluster.advance(2)
    assert (silent.seen, silent.closed) == ([TIMEOUT], True)
    assert (other.seen, other.closed) == (["fine\n"], True)


async def test_strict_who_leaves_holds_the_node_only_for_the_rest_of_the_minute(make: Any) -> None:
    """76/ok-blocked: a client that gave up early would make the others wait longer than on a real server."""
    cluster = make(outcome={"fail": "no such program"}, strict=True)
    (bad,) = await started(cluster)
    gone, other = Viewer(cluster, bad, follow=False), Viewer(cluster, bad, follow=False)
    await cluster.advance(40)
    await gone.leave()
    await cluster.advance(50)
    assert not other.closed
    await cluster.advance(31)
    assert (other.seen, other.closed) == ([TIMEOUT], True)


@pytest.mark.parametrize(("strict", "over"), [(False, [True, True, True]), (True, [True, False, False])])
async def test_wasm_since_18_is_silent_for_a_minute_each(make: Any, strict: bool, over: list[bool]) -> None:
    """FINDINGS 1 row 11.3: of several sockets on a node only one got its error within 75 s."""
    cluster = make(outcome={"after": 100.0}, strict=strict)
    (job,) = await started(cluster, {"task_engine": WASM})
    log(cluster).write(1, b"text")
    viewers = [Viewer(cluster, job, follow=follow) for follow in (True, False, True)]
    await cluster.advance(59)
    assert [(viewer.seen, viewer.closed) for viewer in viewers] == [([], False)] * 3
    await cluster.advance(16)
    assert [viewer.closed for viewer in viewers] == over
    await cluster.advance(60)
    await cluster.advance(60)
    assert [viewer.seen for viewer in viewers] == [[TIMEOUT]] * 3


async def test_running_wasm_up_to_17_says_nothing_until_it_ends(make: Any) -> None:
    """FINDINGS 1 row 11.3: live wasm logs would seem to work; the reader takes every other write for data."""
    cluster = make(OLD, outcome=RUNS_10_S)
    (job,) = await started(cluster, {"task_engine": WASM})
    viewer, dump = Viewer(cluster, job), Viewer(cluster, job, follow=False)
    log(cluster).write(1, b"thirteen byte")
    await cluster.advance(5)
    assert (viewer.seen, viewer.closed) == ([], False)
    assert (dump.seen, dump.closed) == ([], True)
    log(cluster).write(1, b"four")
    await cluster.settle()
    assert (viewer.seen, viewer.closed) == (["unable to read dataframe data, read 12 wanted 13"], True)
    silent = Viewer(cluster, job, tail=True)
    await cluster.advance(6)
    assert (silent.seen, silent.closed) == ([], True)


async def test_a_silent_program_since_18_is_given_up_after_a_minute(make: Any) -> None:
    """Broken: a job that says nothing for a minute has a log here, but an error frame on a real server."""
    cluster = make(outcome={"after": 200.0})
    talks, silent = await started(cluster, {}, {})
    viewers = [Viewer(cluster, job) for job in (talks, silent)]
    await cluster.advance(58)
    log(cluster, 0).write(1, b"at last\n")
    await cluster.advance(58)
    assert [(viewer.seen, viewer.closed) for viewer in viewers] == [(["at last\n"], False), ([TIMEOUT], True)]


@pytest.mark.parametrize("strict", [False, True])
@EACH_WAY
async def test_a_silent_program_that_ends(make: Any, release: str, strict: bool) -> None:
    """74/silent-: no frame at all and a Close, once the program is over."""
    cluster = make(release, outcome=RUNS_10_S, strict=strict)
    (job,) = await started(cluster)
    viewer = Viewer(cluster, job)
    await cluster.advance(9)
    assert not viewer.closed
    await cluster.advance(2)
    assert (viewer.seen, viewer.closed) == ([], True)


@pytest.mark.parametrize(("release", "wait"), [("1.6.5", 5), (OLD, 5), (NEW, 60)])
async def test_an_execution_that_waits_on_its_node(make: Any, release: str, wait: int) -> None:
    """75/q3-log: up to 1.7 a client could not tell a queued job from a silent one, since 1.8 it just waits."""
    cluster = make(release, outcome={"after": 200.0})
    _, job = await started(cluster, *[{"task_resources": Resources(cpu="2")}] * 2)
    viewer = Viewer(cluster, job)
    await cluster.advance(wait - 0.5)
    assert (viewer.seen, viewer.closed) == ([], False)
    await cluster.advance(1)
    name = cluster.execution(job).id
    expected = TIMEOUT if release == NEW else refused(cluster, job, f"getting outputs for execution ({name})")
    assert (viewer.seen, viewer.closed) == ([expected], True)


@EACH_WAY
async def test_an_execution_that_begins_while_its_viewer_waits(make: Any, release: str) -> None:
    """Broken: a follower of a queued job misses the beginning, or all of it."""
    cluster = make(release, outcome={"after": 3.0, "stdout": b"line\n"})
    _, job = await started(cluster, *[{"task_resources": Resources(cpu="2")}] * 2)
    viewer = Viewer(cluster, job)
    await cluster.advance(7)
    assert (viewer.seen, viewer.closed) == (["line\n"], True)


@pytest.mark.parametrize(("release", "strict", "late"), [(OLD, False, False), (OLD, True, True), ("1.5.2", True, False)])
async def test_a_short_program_up_to_17(make: Any, release: str, strict: bool, late: bool) -> None:
    """74/short-follow: following a short job works here, but a real node only shows containers that run."""
    cluster = make(release, outcome={"after": 0.1, "stdout": b"short\n"}, strict=strict)
    (job,) = await started(cluster)
    viewer = Viewer(cluster, job)
    await cluster.advance(1, step=0.05)
    assert (viewer.seen, viewer.closed) == ([refused(cluster, job, NOT_RUNNING) if late else "short\n"], True)


@pytest.mark.parametrize("strict", [False, True])
@EACH_WAY
async def test_tail_is_from_now_on(make: Any, release: str, strict: bool) -> None:
    """74/tail-follow, taild-dump: tail would repeat what was printed before."""
    cluster = make(release, outcome=RUNS_10_S, strict=strict)
    (job,) = await started(cluster)
    log(cluster).write(1, b"before\n")
    dump = Viewer(cluster, job, follow=False, tail=True)
    await cluster.advance(1, step=0.1)
    assert (dump.seen, dump.closed) == ([], True)
    viewer = Viewer(cluster, job, tail=True)
    await cluster.advance(1, step=0.1)
    log(cluster).write(2, b"now\n")
    await cluster.advance(10)
    assert (viewer.seen, viewer.closed) == (["now\n"], True)


@EACH_WAY
async def test_a_late_follower_gets_everything_as_it_was_written(make: Any, release: str) -> None:
    """74/late-, nonl-, bin-follow: a viewer would miss the start, or get streams, lines and bytes changed."""
    cluster = make(release, outcome=RUNS_10_S)
    (job,) = await started(cluster)
    for stream, data in ((1, b"out 1\n"), (2, b"err 1\n"), (1, b"no newline"), (1, b" more\r\n"), (2, b"a\xff\0b")):
        log(cluster).write(stream, data)
    frames = cluster.orchestrator.logs.frames(cluster.execution(job), follow=True, tail=False)
    got = [json.loads(await anext(frames))["value"] for _ in range(5)]
    assert [(value["Type"], value["Line"]) for value in got] == [
        (1, "out 1\n"),
        (2, "err 1\n"),
        (1, "no newline"),
        (1, " more\r\n"),
        (2, "a\ufffd\0b"),
    ]
    await frames.aclose()


async def test_the_last_words_of_a_program_up_to_17(make: Any) -> None:
    """Broken: nodes that keep no log delete it before the follower has read its end."""
    cluster = make(OLD, outcome={"after": 1.0, "stdout": b"last words"})
    (job,) = await started(cluster)
    viewer = Viewer(cluster, job)
    await cluster.advance(2)
    assert (viewer.seen, viewer.closed) == (["last words"], True)


async def test_closing_ends_the_streams_that_nobody_reads(make: Any) -> None:
    """Broken: tasks of clients that left outlive the stub."""
    cluster = make(outcome={"hang": True}, strict=True)
    (job,) = await started(cluster)
    before = asyncio.all_tasks()
    for _ in range(3):
        viewer = Viewer(cluster, job)
        await cluster.settle()
        await viewer.leave()
    assert asyncio.all_tasks() - before
    last = Viewer(cluster, job)
    await cluster.settle()
    await cluster.orchestrator.close()
    await last.leave()
    await cluster.settle()
    assert asyncio.all_tasks() <= before
