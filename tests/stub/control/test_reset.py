"""`POST /stub/reset`: as at the start, and nothing of before happens afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator_stub.clock import VirtualClock

JOBS = "/api/v1/orchestrator/jobs"
TASK = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "x"}}}
LONG = "hello" * 1000
"""More than a log keeps in memory."""
PRINTS = {"match": {"name": "p*"}, "stages": [{"stdout": LONG}]}
HANGS = {"match": {}, "stages": [{"stdout": LONG}, {"hang": True}]}


def body(name, **job):
    """A job."""
    return {"Job": {"Name": name, "Type": "batch", "Count": 1, "Tasks": [TASK], **job}}


async def ended(client, job):
    """Wait until a job is over."""
    while (await client.get(f"{JOBS}/{job}")).json()["Job"]["State"]["StateType"] in ("Pending", "Running", "Queued"):
        await asyncio.sleep(0.01)


async def test_nothing_is_left_of_jobs_journal_faults_and_scripts(start_stub):
    """A test would meet what the one before it did."""
    stub, client = await start_stub()
    await client.put("/stub/scripts", json=[PRINTS, HANGS])
    done = (await client.put(JOBS, json=body("printed"))).json()["JobID"]
    await ended(client, done)
    for number in range(5):  # more than there is room for
        given = body(f"hangs-{number}", Tasks=[{**TASK, "Resources": {"CPU": "16"}}])
        runs = (await client.put(JOBS, json=given)).json()["JobID"]
    await client.post("/stub/faults", json={"do": {"kind": "status", "status": 500}, "match": {"times": 0, "nth": 9}})
    folder = Path(stub._place.folder)
    assert len(list(folder.glob("runs/logs/*"))) > 1
    assert (await client.post("/stub/reset")).json() == {}
    assert (await client.get(JOBS)).json()["Items"] in (None, [])
    for path in ("", "/executions", "/history"):
        assert (await client.get(f"{JOBS}/{runs}{path}")).status_code in (404, 200 if path else 404)
    assert (await client.get("/stub/scripts")).json() == []
    assert (await client.get("/stub/faults")).json() == {"faults": []}
    assert all(entry["seq"] > 5 for entry in (await client.get("/stub/journal")).json()["entries"])
    assert list(folder.glob("runs/runs/*")) == []
    assert list(folder.glob("runs/logs/*")) == []
    nodes = (await client.get("/api/v1/orchestrator/nodes")).json()["Nodes"]
    assert len(nodes) == 3
    again = (await client.put(JOBS, json=body("printed"))).json()["JobID"]
    await ended(client, again)
    assert again != done
    assert (await client.get(f"{JOBS}/{again}")).json()["Job"]["Version"] == 1


async def test_all_room_is_free_again(start_stub):
    """Jobs of before would keep their place on the nodes."""
    _, client = await start_stub()
    await client.put("/stub/scripts", json=[HANGS])
    big = [{**TASK, "Resources": {"CPU": "16"}}]
    for round_ in range(2):
        jobs = [(await client.put(JOBS, json=body(f"{round_}-{n}", Tasks=big))).json()["JobID"] for n in range(3)]
        for _ in range(1000):
            found = [(await client.get(f"{JOBS}/{job}/executions")).json()["Items"] for job in jobs]
            states = [each["ComputeState"]["StateType"] for items in found for each in items]
            if states == [5, 5, 5]:
                break
            await asyncio.sleep(0.01)
        assert states == [5, 5, 5], round_
        await client.post("/stub/reset")
        await client.put("/stub/scripts", json=[HANGS])


async def test_the_clock_has_its_first_mode_and_nothing_waits_on_it(start_stub):
    """A reset stub would still jump to the ends of jobs that are gone, or go on by itself."""
    stub, client = await start_stub(clock=VirtualClock(mode="virtual"))
    await client.put("/stub/scripts", json=[{"match": {}, "stages": [{"after": "1h"}]}])
    for name in ("a", "b"):
        await client.put(JOBS, json=body(name))
    wanting = [{**TASK, "Resources": {"CPU": "99"}, "Timeouts": {"QueueTimeout": 600}}]
    await client.put(JOBS, json=body("c", Tasks=wanting))
    await client.post("/stub/clock", json={"mode": "auto"})
    assert stub.clock.next_due(holding_only=True) is not None
    before = stub.clock.peek()
    await client.post("/stub/reset")
    assert stub.clock.mode == "virtual"
    assert stub.clock.next_due(holding_only=True) is None
    assert 0 <= stub.clock.peek() - before < 10**6
    await client.post("/stub/clock", json={"run_until_idle": True})
    assert stub.clock.peek() - before < 10**9


async def test_requests_that_a_fault_holds_never_happen(start_stub):
    """A submit of the test before would appear in the middle of the next one."""
    _, client = await start_stub()
    await client.post("/stub/faults", json={"do": {"kind": "delay", "seconds": 3600}, "match": {"method": "PUT"}})
    held = asyncio.ensure_future(client.put(JOBS, json=body("late")))
    while not (await client.get("/stub/faults")).json()["faults"][0]["held"]:
        await asyncio.sleep(0.005)
    await client.post("/stub/reset")
    with pytest.raises(Exception, match="disconnected"):
        await asyncio.wait_for(held, 30)
    assert (await client.get(JOBS)).json()["Items"] in (None, [])


async def test_a_wedged_store_is_free_again(start_stub):
    """A stub under --strict that is wedged could only be started anew."""
    _, client = await start_stub(strict=True)
    await client.put(f"{JOBS}/unknown/rerun", json={})
    await client.post("/stub/reset")
    assert (await client.put(JOBS, json=body("n"))).status_code == 200


async def test_a_body_is_refused(start_stub):
    """Somebody who wants to reset a part would lose everything."""
    _, client = await start_stub()
    answer = await client.post("/stub/reset", json={"jobs": True})
    assert (answer.status_code, answer.json()) == (400, {"error": "jobs: unknown key; a reset takes none"})


async def test_a_stub_that_remembers_has_forgotten_when_it_starts_again(start_stub, tmp_path):
    """Jobs of before a reset would be back after a restart, or their logs fill the disk."""
    stub, client = await start_stub(data_dir=tmp_path / "data")
    await client.put("/stub/scripts", json=[PRINTS, HANGS])
    done = (await client.put(JOBS, json=body("printed"))).json()["JobID"]
    await ended(client, done)
    await client.put(JOBS, json=body("hangs"))
    await client.post("/stub/reset")
    kept = (await client.put(JOBS, json=body("after"))).json()["JobID"]
    await ended(client, kept)
    await stub.stop()
    _, client = await start_stub(data_dir=tmp_path / "data")
    assert [job["ID"] for job in (await client.get(JOBS)).json()["Items"]] == [kept]
    assert (await client.get(f"{JOBS}/{done}")).status_code == 404
