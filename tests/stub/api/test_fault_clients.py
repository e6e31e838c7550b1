"""Faults as client libraries see them: httpx, and a websocket client for log sockets."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus
from websockets.frames import Frame, Opcode

from orchestrator_stub.engine.overview import Wanted

JOBS = "/api/v1/orchestrator/jobs"
TASK = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "x"}}}
BODY = {"Job": {"Name": "n", "Type": "batch", "Count": 1, "Tasks": [TASK]}}
LINES = ["one\n", "two\n", "three\n"]


async def put(client, kind, *, match=None, **do):
    """Set a fault."""
    answer = await client.post("/stub/faults", json={"match": match or {}, "do": {"kind": kind, **do}})
    assert answer.status_code == 200, answer.text


async def hits(client):
    """How often each fault was hit."""
    return [each["hits"] for each in (await client.get("/stub/faults")).json()["faults"]]


@pytest.mark.parametrize(
    ("kind", "do", "error", "submitted"),
    [
        ("drop_request", {}, httpx.RemoteProtocolError, False),
        ("drop_reply", {}, httpx.RemoteProtocolError, True),
        ("delay", {"seconds": 3600}, httpx.ReadTimeout, True),
        ("hang", {}, httpx.ReadTimeout, False),
        ("reset", {}, httpx.ReadError, False),
        ("truncate", {"bytes": 5}, httpx.RemoteProtocolError, True),
        ("garbage", {"bytes": 200}, httpx.RemoteProtocolError, True),
        ("status", {"status": 503, "body": "down"}, None, False),
    ],
)
async def test_what_httpx_makes_of_each(start_stub, kind, do, error, submitted):
    """A fault would look like another one to the library that clients are written with."""
    stub, client = await start_stub()
    await put(client, kind, match={"method": "PUT", "path": "*/jobs"}, **do)
    patience = httpx.Timeout(30, read=0.15 if error is httpx.ReadTimeout else 30)
    async with httpx.AsyncClient(base_url=stub.url, trust_env=False, timeout=patience) as victim:
        with pytest.raises(error) if error else contextlib.nullcontext():
            answer = await victim.put(JOBS, json=BODY)
            assert (answer.status_code, answer.text) == (503, "down")
    assert await hits(client) == [1]
    await client.delete("/stub/faults")
    while kind == "delay" and (await client.get("/stub/journal")).json()["entries"][0]["fault"] != "f-1 delay":
        await asyncio.sleep(0.01)
    assert len((await client.get(JOBS)).json()["Items"] or []) == submitted


async def test_httpx_reads_stale_answers(start_stub):
    """A look-up by label would see a job at once, as no replica does."""
    _, client = await start_stub()
    await put(client, "stale", match={"path": "*/jobs"}, seconds=3600)
    await client.put(JOBS, json=BODY)
    assert (await client.get(JOBS)).json()["Items"] in (None, [])
    assert len((await client.get(JOBS)).json()["Items"]) == 1


async def test_1000_held_requests_are_answered_at_once(start_stub):
    """Ending a delay would take a while for each client that waits, or lose some of them."""
    stub, client = await start_stub()
    await put(client, "delay", match={"method": "PUT", "times": 0}, seconds=3600)
    host, _, port = stub.url.removeprefix("http://").rpartition(":")
    head = b"PUT %s HTTP/1.1\r\nHost: x.localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    lines = [await asyncio.open_connection(host, int(port)) for _ in range(1000)]
    for _, writer in lines:
        writer.write(head % JOBS.encode())
    while (await client.get("/stub/faults")).json()["faults"][0]["held"] < 1000:
        await asyncio.sleep(0.02)
    began = asyncio.get_running_loop().time()
    await client.delete("/stub/faults/f-1")
    answers = await asyncio.wait_for(asyncio.gather(*(reader.readuntil(b"\r\n") for reader, _ in lines)), 60)
    took = asyncio.get_running_loop().time() - began
    for _, writer in lines:
        writer.close()
    assert set(answers) == {b"HTTP/1.1 400 Bad Request\r\n"}
    assert took < 30


async def test_a_stub_ends_at_once_whatever_its_faults_hold(start_stub):
    """Ctrl-C would wait for the longest delay, or carry out what was held on the way out."""
    stub, client = await start_stub()
    for kind, do in (("delay", {"seconds": 3600}), ("hang", {})):
        await put(client, kind, match={"method": "PUT", "times": 5}, **do)
    hearing = [asyncio.ensure_future(client.put(JOBS, json=BODY)) for _ in range(10)]
    while sum(each["held"] for each in (await client.get("/stub/faults")).json()["faults"]) < 10:
        await asyncio.sleep(0.01)
    began = asyncio.get_running_loop().time()
    await stub.stop()
    assert asyncio.get_running_loop().time() - began < 20
    for each in await asyncio.gather(*hearing, return_exceptions=True):
        assert isinstance(each, httpx.TransportError)
    assert len(stub.orchestrator.overview.jobs(Wanted()).jobs) == 0


@pytest.fixture
async def log(start_stub):
    """A stub, its client, and the address of the log of a finished job that printed three lines."""
    stub, client = await start_stub()
    await client.put("/stub/scripts", json=[{"match": {}, "stages": [{"stdout": "".join(LINES)}]}])
    job = (await client.put(JOBS, json=BODY)).json()["JobID"]
    while (await client.get(f"{JOBS}/{job}")).json()["Job"]["State"]["StateType"] != "Completed":
        await asyncio.sleep(0.01)
    await client.delete("/stub/journal")
    return client, f"ws{stub.url.removeprefix('http')}{JOBS}/{job}/logs", job


async def heard(address, patience=30):
    """Frames until the log ends; then how it ended."""
    frames = []
    try:
        async with connect(address, ping_interval=None, open_timeout=patience, close_timeout=1, proxy=None) as socket:
            async for frame in socket:
                frames.append(frame)
            return frames, "closed"
    except (ConnectionClosedError, InvalidMessage, InvalidStatus, TimeoutError, OSError) as error:
        return frames, error


def frame_of(line):
    """The frame of a line, and its bytes on the wire."""
    text = '{"value":{"Type":1,"Line":"%s"}}\n' % line.replace("\n", "\\n")
    return text, Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


async def entries(client):
    """Status, fault and jobs of the journal's entries about logs."""
    found = (await client.get("/stub/journal")).json()["entries"]
    return [(e["method"], e["status"], e["fault"], e["jobs"]) for e in found if e["path"].endswith("/logs")]


async def test_a_log_socket_without_faults_is_an_entry(log):
    """A log that was looked at would leave no trace."""
    client, address, job = log
    assert await heard(f"{address}?follow=true") == ([frame_of(line)[0] for line in LINES], "closed")
    assert await entries(client) == [("GET", 101, "", [job])]


async def test_faults_of_a_handshake(log):
    """A client of logs could not be tried against a gateway that refuses, hangs or breaks."""
    client, address, _ = log
    await put(client, "status", status=503, body="no")
    frames, error = await heard(address)
    assert (frames, error.response.status_code, error.response.body) == ([], 503, b"no")
    for kind in ("drop_request", "reset"):
        await put(client, kind, match={"path": "*/logs"})
        frames, error = await heard(address)
        assert frames == []
        assert isinstance(error, InvalidMessage | ConnectionResetError)
    await put(client, "hang", match={"path": "*/logs"})
    assert isinstance((await heard(address, patience=0.3))[1], TimeoutError)
    await put(client, "delay", match={"path": "*/logs"}, seconds=0.05)
    assert (await heard(address))[1] == "closed"
    assert [status for _, status, _, _ in await entries(client)] == [503, 0, 0, 0, 101]
    assert await hits(client) == [1] * 5


async def test_a_hanging_handshake_is_let_go_of(log):
    """Taking the fault away would leave the client where it is."""
    client, address, _ = log
    await put(client, "hang", match={"path": "*/logs"})
    hearing = asyncio.ensure_future(heard(address))
    while not (await client.get("/stub/faults")).json()["faults"][0]["held"]:
        await asyncio.sleep(0.01)
    await client.delete("/stub/faults")
    assert isinstance((await asyncio.wait_for(hearing, 30))[1], InvalidMessage)


async def test_drop_reply_loses_the_frames(log):
    """A log that breaks right after its handshake could not be tried."""
    client, address, job = log
    await put(client, "drop_reply", match={"path": "*/logs"})
    frames, error = await heard(address)
    assert (frames, error.rcvd) == ([], None)
    assert await hits(client) == [1]
    assert await entries(client) == [("GET", 101, "f-1 drop_reply", [job])]


async def test_close_frame_closes_with_its_code_after_so_many_frames(log):
    """A client that reconnects by the code could not be tried."""
    client, address, _ = log
    for after in (0, 2):
        await put(client, "close_frame", match={"path": "*/logs"}, code=1012, after=after)
        frames, error = await heard(address)
        assert ([len(frames), error.rcvd.code]) == [after, 1012]
    await put(client, "close_frame", match={"path": "*/logs"}, code=4000, after=9)
    assert (await heard(address))[1] == "closed"
    assert await hits(client) == [1, 1, 0]


async def raw(address):
    """The bytes after the handshake's head, until the end."""
    host, _, port = address.removeprefix("ws://").partition("/")[0].rpartition(":")
    path = "/" + address.removeprefix("ws://").partition("/")[2]
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""]
    writer.write("\r\n".join(lines).encode())
    head, _, frames = (await asyncio.wait_for(reader.read(), 30)).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols")
    return frames


async def test_truncate_and_garbage_count_bytes_of_frames(log):
    """A frame that breaks off, or is none, could not be sent to a client."""
    client, address, _ = log
    whole = b"".join(frame_of(line)[1] for line in LINES)
    first = len(frame_of(LINES[0])[1])
    for most in (0, 1, first, first + 5, len(whole)):
        await put(client, "truncate", match={"path": "*/logs"}, bytes=most)
        assert await raw(address) == whole[:most]
    await put(client, "truncate", match={"path": "*/logs"}, bytes=len(whole) + 1)
    assert await raw(address) == whole + b"\x88\x02\x03\xe8"
    await put(client, "garbage", match={"path": "*/logs"}, bytes=100)
    found = await raw(address)
    assert len(found) == 100
    assert not found.startswith(whole[:10])
    assert await hits(client) == [1, 1, 1, 1, 1, 0, 1]
