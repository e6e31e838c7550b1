"""Logs: shown as they come, read whole at the end, and never in the way of a verdict."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from airflow_provider_bacalhau.client import aio, sync
from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.errors import Unreachable
from airflow_provider_bacalhau.hooks import logs as module
from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
from airflow_provider_bacalhau.hooks.logs import LiveLog, Output, dump, outputs_of
from airflow_provider_bacalhau.lifecycle import logs as rules
from airflow_provider_bacalhau.lifecycle.watch import Observation
from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.job import Job
from airflow_provider_bacalhau.models.responses import LogFrame
from airflow_provider_bacalhau.models.results import PublishedResult
from airflow_provider_bacalhau.results.manifest import build_manifest

CONFIG = ClientConfig("http://127.0.0.1:9")


def job(engine="docker", count=1, **fields):
    """A job as the server describes it."""
    task = {"Engine": {"Type": engine, "Params": {}}}
    return Job.read({"ID": "j-1", "Type": "batch", "Count": count, "Tasks": [task], **fields})


def execution(number=0, *, state="BidAccepted", **fields):
    """An execution on a node of its own."""
    desired = "Running" if state == "BidAccepted" else "Stopped"
    given = {"id": f"e-{number}", "node_id": f"n-{number}", "partition": number, "compute_state": state}
    return Execution(**{**given, "desired_state": desired, **fields})


@pytest.fixture
def live(monkeypatch):
    """A live log whose streams give what a test says: `live({"e-0": ["a", "b\\n"]})`."""
    made = []

    def make(streams, **changes):
        async def stream_logs(self, job_id, *, execution_id, follow, namespace):
            for piece in streams[execution_id]:
                if isinstance(piece, Exception):
                    raise piece
                if piece is None:
                    await asyncio.sleep(3600)
                yield LogFrame(1, piece)

        monkeypatch.setattr(aio.AsyncClient, "stream_logs", stream_logs)
        lines = []
        one = LiveLog(CONFIG, "j-1", "default", lines.append)
        made.append(one)
        return one, lines

    yield make
    for one in made:
        one.finish(0.0)


def test_lines_are_shown_as_they_come(live):
    """Users would see nothing until the job has ended."""
    log, lines = live({"e-0": ["a", "b\nlast"]})
    log.offer(Observation(job(), [execution()]))
    assert log.finish(5.0) == {"e-0"}
    assert lines == ["ab", "last"]


def test_lines_of_several_executions_are_told_apart(live):
    """They would be mixed up."""
    log, lines = live({"e-0": ["a\n"], "e-1": ["b\n"]})
    log.offer(Observation(job(count=2), [execution(0), execution(1)]))
    assert log.finish(5.0) == {"e-0", "e-1"}
    assert sorted(lines) == ["[0] a", "[1] b"]


def test_a_silent_stream_is_closed_with_one_line_and_not_opened_again(live, monkeypatch):
    """A node serves one stream at a time: a silent one would block whoever comes next."""
    monkeypatch.setattr(rules, "FIRST_FRAME_SECONDS", 0.01)
    log, lines = live({"e-0": [None], "e-9": ["x\n"]})
    log.offer(Observation(job(), [execution()]))
    assert log.finish(5.0) == frozenset()
    assert len(lines) == 1
    assert "n-0" in lines[0]
    log.offer(Observation(job(), [execution(9, node_id="n-0")]))
    assert len(lines) == 1


def test_a_stream_that_hangs_later_is_cut_at_the_end(live):
    """The verdict would wait for the log."""
    log, lines = live({"e-0": ["a\n", None]})
    log.offer(Observation(job(), [execution()]))
    began = time.monotonic()
    assert log.finish(0.1) == frozenset()
    assert time.monotonic() - began < 3
    assert lines == ["a"]


def test_a_stream_that_breaks_is_read_again_later(live):
    """The task would fail for its log."""
    log, _ = live({"e-0": ["a\n", Unreachable("gone")]})
    log.offer(Observation(job(), [execution()]))
    assert log.finish(5.0) == frozenset()


@pytest.mark.parametrize("seen", [Observation(job("wasm"), [execution()]), Observation(not_found=True)])
def test_what_has_no_live_log_is_not_asked(live, seen):
    """A wasm job's socket stays silent for a minute and blocks the node's other streams."""
    log, _ = live({})
    log.offer(seen)
    assert log._thread is None


def test_an_execution_is_followed_once(live):
    """Each look would open another stream."""
    log, lines = live({"e-0": ["a\n"]})
    for _ in range(3):
        log.offer(Observation(job(), [execution()]))
    log.finish(5.0)
    assert lines == ["a"]


# --- after the verdict ------------------------------------------------------------------------------------------------


def done(**fields):
    """An execution that ran to its end."""
    return execution(state="Completed", **fields)


def outputs(hook, one, manifest=None, seconds=5.0, engine="docker"):
    """The output of one ended execution."""
    (found,) = outputs_of(hook, job(engine), [one], manifest or build_manifest([]), seconds=seconds)
    return found


def test_a_short_output_needs_no_request(orchestrator):
    """Every job would open a stream that blocks others."""
    found = outputs(BacalhauHook(), done(stdout="a\n", stderr="b\n"))
    assert found.lines() == ["a", "b"]
    assert not any(path.endswith("/logs") for _, path in orchestrator.requests)


def test_a_cut_output_is_read_from_the_archive(orchestrator, served):
    """The end of the output, where the error stands, would be missing."""
    import io
    import tarfile

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in (("stdout", b"all of it\n"), ("stderr", b"")):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    url = served(data.getvalue(), name="e-0.tar.gz")
    result = {"Type": "urlDownload", "Params": {"URL": url}}
    orchestrator.jobs["j-1"] = {"ID": "j-1", "Name": "a"}
    orchestrator.results["j-1"] = [result]
    one = done(stdout="all", stdout_truncated=True, published=PublishedResult.read(result))
    found = outputs(BacalhauHook(), one, build_manifest([PublishedResult.read(result)], [one]))
    assert found.lines() == ["all of it"]


def test_a_cut_output_without_archive_is_read_from_the_log(orchestrator, monkeypatch):
    """Nothing would be shown beyond 2,048 bytes."""
    frames = [LogFrame(1, "all "), LogFrame(2, "oops\n"), LogFrame(1, "of it\n")]
    monkeypatch.setattr(sync.Client, "stream_logs", lambda self, *a, **k: iter(frames))
    found = outputs(BacalhauHook(), done(stdout="all", stdout_truncated=True))
    assert found.lines() == ["all of it", "oops"]


def test_what_cannot_be_read_in_time_is_said_to_be_missing(orchestrator, monkeypatch):
    """A cut output would look complete; a slow one would hold up the verdict."""
    hang = threading.Event()
    monkeypatch.setattr(sync.Client, "stream_logs", lambda self, *a, **k: iter(hang.wait, False))
    began = time.monotonic()
    found = outputs(BacalhauHook(), done(stdout="all", stdout_truncated=True), seconds=0.1)
    hang.set()
    assert time.monotonic() - began < 3
    assert found.lines() == ["all", "log incomplete (3 of ? bytes)"]


def test_old_servers_cannot_tell_more_than_they_captured(orchestrator):
    """Before 1.8 the log of a finished job is cut, too: without a word the cut output would look complete."""
    orchestrator.version = "v1.7.0"
    found = outputs(BacalhauHook(), done(stdout="all", stdout_truncated=True))
    assert found.lines() == ["all", "log incomplete (3 of ? bytes)"]


def test_executions_that_were_read_live_are_not_read_again(orchestrator):
    """Every line would stand twice in the log."""
    one = done(stdout="a\n")
    assert outputs_of(BacalhauHook(), job(), [one], build_manifest([]), skip=frozenset({"e-0"}), seconds=5.0) == []


def test_a_broken_reader_shows_what_was_captured(orchestrator, monkeypatch):
    """The task would fail for its log."""

    def broken(self, *args, **kwargs):
        raise Unreachable("gone")

    monkeypatch.setattr(sync.Client, "stream_logs", broken)
    found = outputs(BacalhauHook(), done(stdout="all", stdout_truncated=True))
    assert found.lines() == ["all", "log incomplete (3 of ? bytes)"]


def test_lines_end_with_the_note():
    """Nobody would see that there is more."""
    assert Output(execution(), "a\n", "b", "more").lines() == ["a", "b", "more"]


def test_a_dump_gives_what_is_there(orchestrator, monkeypatch):
    """get_job_logs would wait for the job's end."""
    monkeypatch.setattr(sync.Client, "stream_logs", lambda self, *a, **k: iter([LogFrame(1, "a"), LogFrame(2, "b")]))
    assert dump(BacalhauHook(), "j-1", namespace=None, execution_id=None, timeout=5.0) == "ab"


def test_a_dump_of_nothing_tells_why(orchestrator, monkeypatch):
    """An unknown job would look like one without output."""

    def broken(self, *args, **kwargs):
        raise Unreachable("no such job")

    monkeypatch.setattr(sync.Client, "stream_logs", broken)
    with pytest.raises(Unreachable):
        dump(BacalhauHook(), "j-1", namespace=None, execution_id=None, timeout=5.0)
    assert module.MOST_FOLLOWED > 0
