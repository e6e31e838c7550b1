"""A stub whose state outlives it, as a client sees it: the same jobs, results and logs behind another port."""

from __future__ import annotations

import io
import tarfile

import httpx
import pytest

from orchestrator_stub.app import Stub
from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.settings.flags import Settings

JOBS = "/api/v1/orchestrator/jobs"


@pytest.fixture
async def next_life(tmp_path):
    """`await next_life(...)`: a client of a stub on the same data directory; the one before is stopped."""
    running = []

    async def end():
        stub, client = running.pop()
        await client.aclose()
        await stub.stop()

    async def start(**flags):
        if running:
            await end()
        clock = flags.pop("clock", None)
        settings = {"port": 0, "s3": "off", "docker_runner": "scripted", "data_dir": tmp_path / "data"}
        stub = Stub(Settings(**settings | flags), clock=clock, seed=flags.get("seed", 1))
        await stub.start()
        running.append((stub, httpx.AsyncClient(base_url=stub.url, trust_env=False)))
        return running[0]

    yield start
    if running:
        await end()


def job(publisher="local", **fields):
    """A docker job that publishes, and says something."""
    task = {
        "Name": "main",
        "Engine": {"Type": "docker", "Params": {"Image": "busybox"}},
        "Publisher": {"Type": publisher},
    }
    labels = {"stub.bacalhau.org/stdout": "hello"}
    return {"Job": {"Type": "batch", "Count": 1, "Tasks": [task], "Labels": labels, **fields}}


async def all_answers(client, job_id):
    """What can be asked about a job, as it comes."""
    return [(await client.get(f"{JOBS}/{job_id}{path}")).text for path in ("", "/executions", "/history", "/versions")]


async def finished(client, job_id):
    """Wait for the job's end."""
    while (await client.get(f"{JOBS}/{job_id}")).json()["Job"]["State"]["StateType"] != "Completed":
        pass


@pytest.mark.parametrize("release", ["docs", "1.5.2", "1.7.0", "1.9.3"])
async def test_answers_results_and_logs_are_the_same_after_a_restart(next_life, release):
    """A client could not go on where it was: other bytes, a result that leads nowhere, a log that is gone."""
    stub, client = await next_life(emulate=release)
    job_id = (await client.put(JOBS, json=job())).json()["JobID"]
    await finished(client, job_id)
    before, instance = await all_answers(client, job_id), stub.orchestrator.ids.instance()
    (execution,) = stub.orchestrator._store.by_id(job_id).executions
    kept = stub.orchestrator._compute.log(execution.id)
    said = kept.snapshot() if kept is not None else None
    assert (said is not None) == (release == "1.9.3")
    for _ in range(2):
        stub, client = await next_life(emulate=release)
        assert await all_answers(client, job_id) == before
        assert stub.orchestrator.ids.instance() == instance
        results = (await client.get(f"{JOBS}/{job_id}/results")).json()
        url = (results.get("Items") or results["Results"])[0]["Params"]["URL"]
        async with httpx.AsyncClient(trust_env=False) as anybody:
            archive = (await anybody.get(url)).content
        assert "stdout" in tarfile.open(fileobj=io.BytesIO(archive)).getnames()
        kept = stub.orchestrator._compute.log(execution.id)
        assert (kept.snapshot() if kept is not None else None) == said
    assert any("kept in" in note for note in stub.info.notes)


async def test_the_same_requests_get_the_same_answers_with_a_data_directory(next_life, tmp_path, start_stub):
    """A seeded run could not be compared with one that keeps its state."""
    answers = []
    for start in (next_life, start_stub):
        _, client = await start(clock=VirtualClock(), seed=7)
        job_id = (await client.put(JOBS, json=job("", Name="a"))).json()["JobID"]
        answers.append(await all_answers(client, job_id))
    assert answers[0] == answers[1]


async def test_a_reset_ends_the_taking_up_of_what_ran(next_life):
    """A stub that is reset just after its start would break on jobs that are gone."""
    _, client = await next_life()
    hang = {"stub.bacalhau.org/hang": "true"}
    for _ in range(30):
        await client.put(JOBS, json=job("", Type="service", Labels=hang))
    stub, client = await next_life()
    await stub.orchestrator.reset()
    assert (await client.get(JOBS)).json()["Items"] == []
    await stub._keeper.saved()
    _, client = await next_life()
    assert (await client.get(JOBS)).json()["Items"] == []


async def test_a_reset_is_not_undone_by_a_restart(next_life):
    """Jobs of an earlier test would be back."""
    _, client = await next_life()
    job_id = (await client.put(JOBS, json=job())).json()["JobID"]
    await finished(client, job_id)
    assert (await client.post("/stub/reset")).status_code == 200
    _, client = await next_life()
    assert (await client.get(JOBS)).json()["Items"] == []
    assert (await client.get(f"{JOBS}/{job_id}")).status_code == 404
