"""Who is seen waiting, and what waiting brings (mode auto of the clock)."""

from __future__ import annotations

import asyncio
import json

import pytest
import websockets

from orchestrator_stub.api.looks import MOST, Looks

JOBS = "/api/v1/orchestrator/jobs"
START, END = "2025-01-01T00:00:00", "2025-01-01T06:00:00"


def test_the_same_answer_twice_is_a_client_that_waits():
    """A first look, or one that sees news, would make time jump."""
    looks = Looks()
    seen = [looks.is_same(target, body) for target, body in ((b"/a", b"1"), (b"/b", b"1"), (b"/a", b"2"), (b"/a", b"2"))]
    assert seen == [False, False, False, True]
    assert looks.is_same(b"/a", b"1") is False


def test_only_so_many_targets_are_remembered():
    """A stub that is asked about a million jobs would grow by each."""
    looks = Looks()
    for number in range(MOST + 10):
        looks.is_same(b"/%d" % number, b"")
        looks.is_same(b"/0", b"")
    assert len(looks._seen) == MOST
    assert looks.is_same(b"/0", b""), "whoever goes on looking is not forgotten"
    assert not looks.is_same(b"/1", b"")


def spec(name="", **labels):
    """A job whose labels say what becomes of it."""
    labels = {f"stub.bacalhau.org/{key}": value for key, value in labels.items()}
    task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "busybox"}}}
    return {"Job": {"Name": name, "Type": "batch", "Count": 1, "Labels": labels, "Tasks": [task]}}


@pytest.fixture
async def start(start_stub):
    """`await start(**labels)`: a client of a stub in mode auto, and the id of a job with such labels."""

    async def start(clock_mode="auto", **labels):
        stub, client = await start_stub(clock_mode=clock_mode)
        job_id = (await client.put(JOBS, json=spec(**labels))).json()["JobID"]
        return stub, client, job_id

    return start


async def now(client):
    """What time it is, to the second."""
    return (await client.get("/stub/clock")).json()["now"][:19]


@pytest.mark.parametrize("path", ["", "/executions", "/history", "?include=executions", "s", "s?limit=5"])
async def test_any_look_at_a_job_may_be_the_one_that_waits(start, path):
    """A client that follows executions, history or the list would wait for ever."""
    _, client, job_id = await start(after="6h")
    target = JOBS + path[1:] if path.startswith("s") else f"{JOBS}/{job_id}{path}"
    first = await client.get(target)
    assert await now(client) == START
    second = await client.get(target)
    assert await now(client) == END
    assert first.content != second.content
    third = await client.get(target)
    assert third.content == second.content, "when nothing is left to wait for, the old answer is the right one"
    assert await now(client) == END


async def test_looks_that_wait_for_nothing_move_nothing(start):
    """A health check, or a search for a job that is not there, would race through the day."""
    _, client, job_id = await start(after="6h")
    nothing = f"{JOBS}/j-unknown", f"{JOBS}/{job_id}/nothing"
    for path in ("/api/v1/agent/alive", "/api/v1/agent/version", *nothing, f"{JOBS}/{job_id}", "/stub/info"):
        for _ in range(1 if path.endswith(job_id) else 3):
            await client.get(path)
    for _ in range(3):
        await client.head(f"{JOBS}/{job_id}")
        await client.put(f"{JOBS}/{job_id}/rerun", json={"JobVersion": 99})
    assert await now(client) == START


async def test_looks_at_different_things_do_not_wait(start):
    """Two clients that each look once would be taken for one that waits."""
    _, client, job_id = await start(after="6h")
    await client.get(f"{JOBS}/{job_id}")
    await client.get(f"{JOBS}/{job_id}?include=history")
    await client.get(f"{JOBS}/{job_id}/executions")
    assert await now(client) == START


async def test_with_a_virtual_clock_nobody_is_seen(start):
    """A test that moves time itself would be overtaken by its own looks."""
    _, client, job_id = await start("virtual", after="6h")
    for _ in range(5):
        await client.get(f"{JOBS}/{job_id}")
    assert await now(client) == START


async def test_a_log_stream_follows_to_its_end_by_itself(start):
    """The log of a long task would stop at its first line until somebody looks at the job."""
    stub, client, _ = await start(after="1h")
    stages = [{"stdout": "one"}, {"after": "2h", "stdout": "two"}, {"after": "4h", "stderr": "three"}, {"exit": 0}]
    assert (await client.put("/stub/scripts", json=[{"stages": stages}])).status_code == 200
    job_id = (await client.put(JOBS, json=spec("talks"))).json()["JobID"]
    url = f"{stub.url.replace('http', 'ws', 1)}{JOBS}/{job_id}/logs?follow=true"
    async with asyncio.timeout(5), websockets.connect(url, proxy=None, ping_interval=None) as stream:
        lines = [json.loads(frame)["value"] async for frame in stream]
    assert lines == [{"Type": 1, "Line": "one\n"}, {"Type": 1, "Line": "two\n"}, {"Type": 2, "Line": "three\n"}]
    assert await now(client) == END


async def test_a_stream_that_was_there_first_goes_on_when_a_job_gives_it_reason_to(start):
    """A viewer that was opened early would hang."""
    stub, client, job_id = await start(hang="true", stdout="up")
    url = f"{stub.url.replace('http', 'ws', 1)}{JOBS}/{job_id}/logs?follow=true"
    async with asyncio.timeout(5), websockets.connect(url, proxy=None, ping_interval=None) as stream:
        assert json.loads(await stream.recv())["value"]["Line"] == "up\n"
        await asyncio.sleep(0.02)
        assert await now(client) == START, "a job that hangs waits for nothing"
        other = (await client.put(JOBS, json=spec("other", after="1h"))).json()["JobID"]
        while (await now(client)) == START:
            await asyncio.sleep(0.005)
        await client.delete(f"{JOBS}/{job_id}")
        assert [frame async for frame in stream] == []
    assert (await client.get(f"{JOBS}/{other}")).json()["Job"]["State"]["StateType"] == "Completed"


async def test_a_log_without_a_line_gives_up_in_virtual_time(start):
    """A stream that a node refuses after a minute would take that minute, or for ever."""
    stub, client, job_id = await start(hang="true")
    url = f"{stub.url.replace('http', 'ws', 1)}{JOBS}/{job_id}/logs?follow=true"
    async with asyncio.timeout(5), websockets.connect(url, proxy=None, ping_interval=None) as stream:
        errors = [json.loads(frame)["error"] async for frame in stream]
    assert errors == ["timeout while waiting for execution logs"]
    assert await now(client) == "2025-01-01T00:01:00"


async def test_a_client_that_leaves_its_stream_stops_moving_time(start):
    """A closed browser tab would go on pushing the clock."""
    stub, client, job_id = await start(hang="true", stdout="up")
    url = f"{stub.url.replace('http', 'ws', 1)}{JOBS}/{job_id}/logs?follow=true"
    async with asyncio.timeout(5), websockets.connect(url, proxy=None, ping_interval=None) as stream:
        await stream.recv()
    await asyncio.sleep(0.02)
    await client.put(JOBS, json=spec("other", after="1h"))
    await asyncio.sleep(0.02)
    assert await now(client) == START
