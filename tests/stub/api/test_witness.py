"""The journal of requests: one entry each, with the effect it had."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import httpx
import pytest

from orchestrator_stub.api.witness import Witness
from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.domain.user import User

JOBS = "/api/v1/orchestrator/jobs"
TASK = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "x"}}}


def body(name="n", **job):
    """A job."""
    return {"Job": {"Name": name, "Type": "batch", "Count": 1, "Tasks": [TASK], **job}}


async def entries(client, **asked):
    """The journal."""
    answer = await client.get("/stub/journal", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["entries"]


async def test_an_entry_says_who_asked_for_what_and_what_came_of_it(start_stub):
    """Nobody could see what a client really did."""
    _, client = await start_stub(clock=VirtualClock())
    submitted = await client.put(JOBS, json=body(), headers={"X-Request-Id": "r-1", "User-Agent": "test/1"})
    job = submitted.json()["JobID"]
    listed = await client.get(JOBS, params={"labels": "a in (b c)"}, headers={"User-Agent": ""})
    missing = await client.get(f"{JOBS}/j-%20x/history")
    first, second, third = await entries(client)
    assert first == {
        "seq": 1,
        "time": first["time"],
        "method": "PUT",
        "path": JOBS,
        "query": "",
        "status": 200,
        "client": "test/1",
        "request_id": "r-1",
        "jobs": [job],
        "fault": "",
        "runner": "scripted",
    }
    assert first["time"].startswith("2025-01-01T00:00:00.")
    assert len(first["time"]) == len("2025-01-01T00:00:00.000000001Z")
    assert (second["query"], second["status"]) == ("labels=a+in+%28b+c%29", listed.status_code)
    assert (second["client"], second["request_id"]) == ("127.0.0.1", listed.headers["x-request-id"])
    assert (second["jobs"], second["runner"]) == ([], "")
    assert (third["path"], third["status"], third["jobs"]) == (f"{JOBS}/j- x/history", missing.status_code, [])
    assert missing.status_code == 404


async def test_jobs_are_named_by_their_ids_however_they_were_asked_for(start_stub):
    """Requests by name or by the beginning of an id would be missing from the story of a job."""
    _, client = await start_stub()
    job = (await client.put(JOBS, json=body("mine", Namespace="team"))).json()["JobID"]
    for target in (job, job[:12], "mine?namespace=team", f"{job}/history?limit=1", f"{job[:10]}/executions"):
        assert (await client.get(f"{JOBS}/{target}")).status_code == 200
    assert (await client.get(f"{JOBS}/mine")).status_code == 404
    await client.delete(f"{JOBS}/{job}")
    found = await entries(client, job=job)
    assert [entry["seq"] for entry in found] == [1, 2, 3, 4, 5, 6, 8]
    assert await entries(client, job="mine") == []  # in the default namespace there is none


async def test_an_unknown_job_is_named_by_its_full_id(start_stub):
    """A look for a job that is gone would not be found by its id."""
    _, client = await start_stub()
    gone = "j-00000000-0000-4000-8000-000000000000"
    await client.get(f"{JOBS}/{gone}")
    assert [entry["status"] for entry in await entries(client, job=gone)] == [404]


async def test_the_own_surface_is_no_part_of_it(start_stub):
    """Looking at the journal would fill it."""
    _, client = await start_stub()
    for path in ("/stub/", "/stub/info", "/stub/faults", "/stub/nothing"):
        await client.get(path)
    assert await entries(client) == []


async def test_requests_that_are_refused_are_noted_too(start_stub):
    """A client that is turned away for its credentials would look like one that never asked."""
    _, client = await start_stub(users=(User(username="u", password="p", alias="", api_key=""),))
    await client.put(JOBS, json=body())
    await client.request("OPTIONS", JOBS)
    assert [(e["method"], e["status"], e["jobs"]) for e in await entries(client)] == [
        ("PUT", 401, []),
        ("OPTIONS", 204, []),
    ]


async def test_a_client_that_left_before_its_answer_got_none(start_stub):
    """A client whose timeout was shorter than the answer took would look as if it had been answered."""
    stub, client = await start_stub(strict=True)
    await client.put(f"{JOBS}/unknown/rerun", json={})  # nothing can be written any more: submits wait for ever
    async with httpx.AsyncClient(base_url=stub.url, trust_env=False, timeout=httpx.Timeout(30, read=0.1)) as hasty:
        with pytest.raises(httpx.ReadTimeout):
            await hasty.put(JOBS, json=body())
    for _ in range(3000):
        if len(await entries(client)) == 2:
            break
        await asyncio.sleep(0.01)
    assert [(e["method"], e["status"]) for e in await entries(client)] == [("PUT", 400), ("PUT", 0)]


async def test_it_needs_no_connection_of_our_own(make):
    """The surface could not be tried without a server."""
    stub = make()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Witness(stub.app, stub.orchestrator)), base_url="http://127.0.0.1"
    ) as client:
        job = (await client.put(JOBS, json=body())).json()["JobID"]
    (entry,) = stub.orchestrator.powers.journal.entries()
    assert (entry.status, entry.jobs, entry.client) == (200, (job,), f"python-httpx/{httpx.__version__}")


async def test_an_accepted_submit_is_a_submission_and_a_refused_one_is_not(start_stub):
    """A double submit would be counted wrong."""
    stub, client = await start_stub()
    once, twice = body(Meta={"airflow-dag-id": "d"}, Labels={"k": "v"}), body(Count=2)
    for given in (once, once, twice, {"Job": {}}):
        await client.put(JOBS, json=given)
    found = stub.orchestrator.powers.journal.submissions()
    jobs = {entry["jobs"][0] for entry in await entries(client) if entry["jobs"]}
    # The second is refused as no change, the third is a new version of the first.
    assert [(each.job_id, dict(each.labels)) for each in found] == [(*jobs, {"k": "v"}), (*jobs, {})]
    assert found[0].meta["airflow-dag-id"] == "d"


async def test_equal_texts_are_kept_once(start_stub, monkeypatch):
    """100,000 looks at one job would cost 100,000 copies of its path, or what is kept for it would grow for ever."""
    monkeypatch.setattr("orchestrator_stub.api.witness._MOST_KNOWN", 5)
    stub, client = await start_stub()
    for _ in range(2):
        await client.get(f"{JOBS}/j-00000000-0000-4000-8000-000000000000")
    first, second = stub.orchestrator.powers.journal.entries()
    assert first.path is second.path
    assert first.jobs is second.jobs
    rows = list(stub.orchestrator.powers.journal._ring)
    assert rows[0][5] is rows[1][5]
    for number in range(20):
        await client.get(f"/api/v1/agent/alive/{number}", headers={"User-Agent": f"client/{number}"})
    witness = stub._server.config.app._app._api
    assert (len(witness._paths), len(witness._clients)) <= (5, 5)


async def test_a_name_may_be_another_jobs_later(start_stub):
    """Requests by a name that was nobody's at first would never be found by the job that got it."""
    _, client = await start_stub()
    await client.get(f"{JOBS}/mine")
    job = (await client.put(JOBS, json=body("mine"))).json()["JobID"]
    await client.get(f"{JOBS}/mine")
    assert [entry["jobs"] for entry in await entries(client)] == [[], [job], [job]]


def test_a_stub_without_faults_never_imports_them():
    """Its start would take longer than it must."""
    script = (
        "import orchestrator_stub.app, sys;"
        "sys.exit(any(word in name for name in sys.modules for word in ('fault', 'replica', 'control.journal')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
