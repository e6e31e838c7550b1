"""`/stub/clock`: moving time over HTTP, and everything that follows it."""

from __future__ import annotations

import asyncio
import base64
import socket

import pytest
import wasmtime

from orchestrator_stub.control.clock import rfc3339

CLOCK = "/stub/clock"
JOBS = "/api/v1/orchestrator/jobs"
START = "2025-01-01T00:00:00"
BUSY = """(module (memory (export "memory") 1) (func (export "_start") (local $i i64)
  (loop $again
    (local.set $i (i64.add (local.get $i) (i64.const 1)))
    (br_if $again (i64.lt_u (local.get $i) (i64.const 400000000))))))"""
"""A program that takes a good part of a second."""


def spec(name="", task=None, **labels):
    """A job whose labels say what becomes of it."""
    engine = {"Type": "docker", "Params": {"Image": "busybox"}}
    labels = {f"stub.bacalhau.org/{key.replace('_', '-')}": value for key, value in labels.items()}
    tasks = [{"Name": "main", "Engine": engine, **(task or {})}]
    return {"Job": {"Name": name, "Type": "batch", "Count": 1, "Labels": labels, "Tasks": tasks}}


def busy():
    """A task that really runs."""
    data = base64.b64encode(wasmtime.wat2wasm(BUSY)).decode()
    source = {"Type": "inline", "Params": {"URL": f"data:application/wasm;base64,{data}"}}
    params = {"EntryModule": {"Source": source, "Target": "/m.wasm"}, "EntryPoint": "_start"}
    return {"Engine": {"Type": "wasm", "Params": params}}


class Client:
    """A client of one stub."""

    def __init__(self, stub, http):
        self.stub, self.http = stub, http

    async def submit(self, *args, **fields):
        """Id of a new job."""
        answer = await self.http.put(JOBS, json=spec(*args, **fields))
        assert answer.status_code == 200, answer.text
        return answer.json()["JobID"]

    async def state(self, job_id):
        """State of a job."""
        return (await self.http.get(f"{JOBS}/{job_id}")).json()["Job"]["State"]["StateType"]

    async def move(self, **order):
        """The time after a move, to the second."""
        answer = await self.http.post(CLOCK, json=order)
        assert answer.status_code == 200, answer.text
        return answer.json()["now"][:19]

    async def now(self):
        """The time."""
        return (await self.http.get(CLOCK)).json()["now"][:19]


@pytest.fixture
def start(start_stub):
    """`await start(mode)`: a client of a new stub."""

    async def start(mode="virtual", **flags):
        return Client(*await start_stub(clock_mode=mode, **flags))

    return start


async def test_the_clock_tells_its_time_and_mode(start):
    """Nobody could see what time a test is in."""
    client = await start()
    assert (await client.http.get(CLOCK)).json() == {"now": f"{START}.000000004Z", "mode": "virtual"}
    assert (await client.http.get(CLOCK)).json()["now"] == f"{START}.000000004Z", "looking is free"
    assert (await client.http.get("/stub/info")).json()["clock"] == "virtual"
    assert await client.move(advance=3600.5) == "2025-01-01T01:00:00"
    assert (await client.http.get(CLOCK)).json()["now"].startswith("2025-01-01T01:00:00.5")
    assert await client.move(mode="auto") == "2025-01-01T01:00:00"
    assert (await client.http.get("/stub/info")).json()["clock"] == "auto"
    answer = await client.http.get(f"{JOBS}")
    assert answer.headers["date"] == "Wed, 01 Jan 2025 01:00:00 GMT"


async def test_virtual_time_waits_to_be_told(start):
    """A job would go on behind the back of a test."""
    client = await start()
    job_id = await client.submit(after="5s")
    for _ in range(4):
        assert await client.state(job_id) == "Running"
    assert await client.now() == START
    await client.move(advance=4.9)
    assert await client.state(job_id) == "Running"
    await client.move(advance=0.2)
    assert await client.state(job_id) == "Completed"


async def test_six_hours_end_at_the_second_look(start):
    """A DAG with a long job could not be tried out on a laptop."""
    client = await start("auto")
    job_id = await client.submit(after="6h")
    assert await client.state(job_id) == "Running"
    assert await client.now() == START
    assert await client.state(job_id) == "Completed"
    assert await client.now() == "2025-01-01T06:00:00"
    history = (await client.http.get(f"{JOBS}/{job_id}/history")).json()["Items"]
    assert [item["Time"][:19] for item in history][-1] == "2025-01-01T06:00:00"


async def test_running_until_idle_waits_for_what_really_runs(start):
    """A test would look at a job that is not over, or at a time at which nothing happened."""
    client = await start()
    scripted, real = await client.submit(after="2h"), await client.submit("real", busy())
    service = spec("svc", hang="true")
    service["Job"]["Type"] = "service"
    assert (await client.http.put(JOBS, json=service)).status_code == 200
    assert await client.state(real) == "Running"
    assert await client.move(run_until_idle=True) == "2025-01-01T02:00:00"
    assert [await client.state(job_id) for job_id in (scripted, real, "svc")] == ["Completed", "Completed", "Running"]
    assert await client.move(run_until_idle=True) == "2025-01-01T02:00:00"


async def test_a_real_run_holds_the_clock_and_takes_no_virtual_time(start):
    """A scripted timeout would strike while the real program next to it has not had a second."""
    client = await start("auto")
    real = await client.submit("real", busy())
    scripted = await client.submit(after="6h")
    looks = 0
    while await client.state(real) == "Running":
        await client.state(scripted)
        looks += 1
        await asyncio.sleep(0.01)
    assert looks > 2
    assert await client.state(real) == "Completed"
    execution = (await client.http.get(f"{JOBS}/{real}/executions")).json()["Items"][0]
    assert execution["ModifyTime"] - execution["CreateTime"] < 1000, "nanoseconds of readings"
    while await client.state(scripted) == "Running":  # the real run's clean-up may hold the clock a little longer
        await asyncio.sleep(0.01)
    assert await client.state(scripted) == "Completed"
    assert await client.now() > START


async def test_timeouts_strike_in_virtual_time(start):
    """History would show the machine's time, or a limit would need its real hour."""
    client = await start(nodes=1)
    job_id = await client.submit("", {"Timeouts": {"ExecutionTimeout": 3600}}, hang="true")
    await client.move(advance=7199)
    assert await client.state(job_id) == "Running"
    await client.move(advance=2)
    assert await client.state(job_id) == "Failed"
    history = (await client.http.get(f"{JOBS}/{job_id}/history")).json()["Items"]
    times = [item["Time"][:19] for item in history if "timed out" in item["Event"]["Message"]]
    assert times[:2] == ["2025-01-01T01:00:00", "2025-01-01T02:00:00"]


async def test_orders_that_cannot_be_carried_out_are_refused(start):
    """A typing error would move time, or leave a test waiting."""
    client = await start()
    for body, status, text in (
        ({"mode": "real"}, 409, "the clock is virtual and cannot become real while the stub runs"),
        ({"mode": "fast"}, 400, "mode: choose one of real, virtual, auto"),
        ({"mode": ["auto"]}, 400, "mode: choose one of real, virtual, auto"),
        ({"advance": -1}, 400, "advance: give a number of seconds, 0 or more"),
        ({"advance": "1h"}, 400, "advance: give a number of seconds"),
        ({"advance": True}, 400, "advance: give a number of seconds"),
        ({"advance": None}, 400, "advance: give a number of seconds"),
        ({"advance": 1e11}, 400, "no further than the year 2262"),
        ({"run_until_idle": False}, 400, "run_until_idle: give true"),
        ({"advance": 1, "mode": "auto"}, 400, "2 orders; give one of advance"),
        ({"forward": 1}, 400, "forward: not understood; give one of advance"),
        ({}, 400, "0 orders; give one of advance"),
        ([1], 400, "JSON object"),
    ):
        answer = await client.http.post(CLOCK, json=body)
        assert (answer.status_code, text in answer.json()["error"]) == (status, True), (body, answer.text)
    for raw in (b'{"advance": NaN}', b'{"advance": Infinity}', b'{"advance": 1' + b"0" * 400 + b"}", b"{advance: 1}"):
        answer = await client.http.post(CLOCK, content=raw)
        assert answer.status_code == 400, raw
        assert answer.json()["error"]
    assert (await client.http.get(CLOCK)).json() == {"now": f"{START}.000000004Z", "mode": "virtual"}


async def test_a_real_clock_cannot_be_moved(start):
    """A test would believe that an hour is over."""
    client = await start("real")
    for order in ({"advance": 1}, {"run_until_idle": True}, {"mode": "auto"}, {"mode": "virtual"}):
        answer = await client.http.post(CLOCK, json=order)
        assert answer.status_code == 409
        assert answer.json()["error"].startswith("the clock is real and ")
    assert (await client.http.post(CLOCK, json={"mode": "real"})).json()["mode"] == "real"


async def test_nobody_waits_for_a_client_that_left(start):
    """An advance that was given up long ago would move time under the next test."""
    client = await start()
    await client.submit("real", busy())
    reader, writer = await asyncio.open_connection("127.0.0.1", int(client.stub.url.rpartition(":")[2]))
    body = b'{"advance": 60}'
    writer.write(b"POST /stub/clock HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()
    assert await client.move(run_until_idle=True) == START


def test_times_are_written_with_all_their_digits():
    """Two instants that differ would look alike."""
    assert rfc3339(1_735_689_600_000_000_001) == "2025-01-01T00:00:00.000000001Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000000000Z"


async def test_a_move_beyond_all_years_is_refused(start_stub):
    """A number too large would be a traceback instead of a sentence."""
    _, client = await start_stub(clock_mode="virtual")
    for seconds in (1e300, 1e10, 10**18):
        answer = await client.post("/stub/clock", json={"advance": seconds})
        assert (answer.status_code, answer.json()) == (400, {"error": "advance: the clock goes no further than the year 2262"})
