"""A run's output: whole, in order, followed live, cut only where servers cut it."""

from __future__ import annotations

import asyncio
import shutil
import threading

import pytest

from orchestrator_stub.logs.buffer import Chunk, Ended, LogBuffer, lossy_text


@pytest.fixture
async def log(tmp_path):
    """An empty log."""
    log = LogBuffer(tmp_path, asyncio.get_running_loop())
    yield log
    log.close()


async def collect(log, **how):
    """Everything a follower gets."""
    return [chunk async for chunk in log.follow(**how)]


async def test_writes_are_kept_in_order_and_on_disk(log):
    """Archives and late readers would miss output, or mix the streams."""
    for stream, data in ((1, b"a"), (2, b"E"), (1, b""), (1, b"b\n")):
        log.write(stream, data)
    assert log.snapshot() == [Chunk(1, b"a"), Chunk(2, b"E"), Chunk(1, b"b\n")]
    assert (log.stdout_path.read_bytes(), log.stderr_path.read_bytes()) == (b"ab\n", b"E")
    assert (log.size(1), log.size(2)) == (3, 1)


async def test_both_files_exist_without_output(log):
    """Every archive has both."""
    assert log.stdout_path.read_bytes() == log.stderr_path.read_bytes() == b""


@pytest.mark.parametrize(
    ("size", "shown", "truncated"), [(0, 0, False), (2047, 2047, False), (2048, 2048, False), (2049, 2048, True)]
)
async def test_the_head_is_2048_bytes(log, size, shown, truncated):
    """FINDINGS-docker 3: exactly so much, and the flag from the next byte on."""
    for start in range(0, size, 16):
        log.write(1, b"0123456789abcdef"[: size - start])
    text, flag = log.head(1)
    assert (len(text), flag) == (shown, truncated)


async def test_the_first_write_only(log):
    """Wasm: one read of the file saw the first write, and no more was noticed (golden 12, executions-big)."""
    log.write(2, b"err")
    log.write(1, b"one\n")
    log.write(1, b"two\n")
    assert log.head(1, first_write_only=True) == ("one\n", False)
    assert log.head(2, first_write_only=True) == ("err", False)


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"\0\x01\xff\xfeabc\n\x80", "\0\x01\ufffd\ufffdabc\n\ufffd"), ("ä€😀".encode(), "ä€😀"), (b"\xe2\x82", "\ufffd\ufffd")],
)
def test_each_invalid_byte_is_one_replacement(data, text):
    """Golden 71, binary: another decoder would give fewer."""
    assert lossy_text(data) == text


async def test_a_follower_gets_what_was_and_what_comes(log):
    """Live logs would miss the beginning or stop."""
    log.write(1, b"before")
    follower = asyncio.create_task(collect(log))
    await asyncio.sleep(0)
    threading.Thread(target=log.write, args=(2, b"from a thread")).start()
    while log.size(2) == 0:
        await asyncio.sleep(0)
    log.write(1, b"after")
    log.close()
    assert await asyncio.wait_for(follower, 5) == [Chunk(1, b"before"), Chunk(2, b"from a thread"), Chunk(1, b"after")]


async def test_a_follower_from_now(log):
    """`tail` shows only later lines."""
    log.write(1, b"before")
    log.write(2, b"BEFORE")
    follower = asyncio.create_task(collect(log, place=log.end()))
    await asyncio.sleep(0)
    log.write(1, b"after")
    log.close()
    assert await asyncio.wait_for(follower, 5) == [Chunk(1, b"after")]


async def test_a_closed_log_can_still_be_read(log):
    """Logs of finished jobs are asked for too; nothing more gets in."""
    log.write(1, b"x")
    log.close()
    log.close()
    log.write(1, b"late")
    assert log.closed
    assert await collect(log) == log.snapshot() == [Chunk(1, b"x")]
    assert log.head(1) == ("x", False)


async def test_many_writers_and_followers(log):
    """Threads of both streams write at once; every follower sees all, in the same order."""
    followers = [asyncio.create_task(collect(log)) for _ in range(5)]
    writers = [
        threading.Thread(target=lambda stream: [log.write(stream, b"x" * 10) for _ in range(300)], args=(stream,))
        for stream in (1, 2)
    ]
    for writer in writers:
        writer.start()
    await asyncio.to_thread(lambda: [writer.join() for writer in writers])
    log.close()
    seen = await asyncio.wait_for(asyncio.gather(*followers), 20)
    assert [len(chunks) for chunks in seen] == [600] * 5
    assert all(chunks == log.snapshot() for chunks in seen)


async def test_a_follower_that_leaves_disturbs_nobody(log):
    """A client that hangs up would stop the others' logs."""
    leaving, staying = asyncio.create_task(collect(log)), asyncio.create_task(collect(log))
    await asyncio.sleep(0)
    leaving.cancel()
    log.write(1, b"x")
    log.close()
    assert await asyncio.wait_for(staying, 5) == [Chunk(1, b"x")]


async def test_a_stream_has_a_limit(log, monkeypatch):
    """A job that prints without end would fill the disk; servers keep 1 GB."""
    monkeypatch.setattr("orchestrator_stub.logs.buffer.LIMIT", 10)
    log.write(1, b"12345678")
    log.write(1, b"90abc")
    log.write(1, b"more")
    log.write(2, b"other")
    assert (log.stdout_path.read_bytes(), log.stderr_path.read_bytes()) == (b"1234567890", b"other")


async def test_a_follower_sees_the_end_of_a_log_that_is_deleted(log):
    """The last lines before a program's end would be lost where nodes keep no log (up to 1.7), with a traceback."""
    follower = asyncio.create_task(collect(log))
    await asyncio.sleep(0)
    log.write(1, b"last words")
    log.close()
    shutil.rmtree(log.stdout_path.parent)
    assert await asyncio.wait_for(follower, 5) == [Chunk(1, b"last words")]


async def test_a_long_backlog_comes_whole_and_stops_at_what_was_there(log):
    """A dump of a busy program would never end, or need as much memory as its log is long."""
    for number in range(200):
        log.write(1, b"%d\n" % number)
    backlog = log.backlog()
    first = next(backlog)
    log.write(1, b"later")
    assert b"".join(chunk.data for chunk in [first, *backlog]) == b"".join(b"%d\n" % number for number in range(200))
    assert list(log.backlog(log.end())) == []


async def test_when_there_is_something_to_read(log):
    """A silent program's log would look like one that never started, or the other way round."""
    waiting = asyncio.create_task(log.until_readable())
    await asyncio.sleep(0)
    assert (log.readable, waiting.done()) == (False, False)
    log.close()
    await asyncio.wait_for(waiting, 5)
    assert log.readable


async def test_how_a_run_was_given_up(tmp_path):
    """The stream of a killed program could not be told from one that ended, or never began."""
    ended, killed, broken = (LogBuffer(tmp_path, asyncio.get_running_loop()) for _ in range(3))
    killed.write(1, b"x")
    ended.close()
    ended.give_up(7)
    killed.give_up(7)
    broken.give_up()
    await asyncio.wait_for(killed.until_closed(), 5)
    logs = (ended, killed, broken)
    assert [(log.closed, log.readable, log.killed_at) for log in logs] == [(True, True, 0), (True, True, 7), (True, False, 0)]


@pytest.mark.parametrize("few", [True, False])
async def test_a_finished_log_is_made_again_from_what_is_known_of_it(tmp_path, few):
    """The log of before a restart would be empty, in another order, or seem to go on."""
    log = LogBuffer((lambda: tmp_path) if few else tmp_path, asyncio.get_running_loop())
    for stream, data in ((1, b"a"), (2, b"b\n"), (1, b"c\n")):
        log.write(stream, data)
    log.close()
    ended = log.ended
    assert (ended.is_complete, ended.killed_at, ended.streams) == (True, 0, (b"ac\n", b"b\n") if few else None)
    again = LogBuffer((lambda: tmp_path) if few else tmp_path, asyncio.get_running_loop(), ended)
    assert again.snapshot() == log.snapshot()
    assert [chunk async for chunk in again.follow()] == log.snapshot()
    assert (again.closed, again.readable, again.size(1), again.head(1), again.ended) == (True, True, 3, ("ac\n", False), ended)
    again.write(1, b"more")
    assert again.snapshot() == log.snapshot()
    killed = LogBuffer(tmp_path, asyncio.get_running_loop(), Ended(b"", is_complete=False, killed_at=7))
    assert (killed.closed, killed.readable, killed.killed_at) == (True, False, 7)
