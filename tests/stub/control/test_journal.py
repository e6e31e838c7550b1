"""`/stub/journal`: entries a page at a time or all at once, and submissions as the provider writes them."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from airflow_provider_bacalhau.lifecycle.identity import LABEL_KEY, Epoch, TaskRef, stamp
from orchestrator_stub.app import Stub
from orchestrator_stub.settings.flags import Settings

PATH = "/stub/journal"
JOBS = "/api/v1/orchestrator/jobs"
TASK = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "x"}}}
SPEC = {"Type": "batch", "Count": 1, "Tasks": [TASK]}


def job_of(task: TaskRef, slot: int = 1, **spec):
    """A job as the provider submits it."""
    epoch = Epoch(born_us=1, clear_number=0, max_tries=2)
    return {"Job": stamp({**SPEC, **spec}, ref=task, epoch=epoch, slot=slot, lifetime="task", fp="fp")}


async def values(client, **asked):
    """Submissions."""
    answer = await client.get(f"{PATH}/submissions", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["values"]


async def test_a_double_submit_is_seen_by_label_and_by_task(start_stub):
    """The question that the journal is there for would have no answer."""
    _, client = await start_stub()
    clean = TaskRef(deployment="prod", dag_id="etl", run_id="manual__1", task_id="clean")
    train = TaskRef(deployment="prod", dag_id="etl", run_id="manual__1", task_id="train", map_index=3)
    ids = []
    for given in (job_of(clean), job_of(train), job_of(clean, slot=2), {"Job": {**SPEC, "Name": "by hand"}}):
        ids.append((await client.put(JOBS, json=given)).json()["JobID"])
    twice = {"etl/clean/manual__1": [ids[0], ids[2]]}
    once = {"etl/train/manual__1/3": [ids[1]]}
    assert await values(client) == {**twice, **once}
    assert await values(client, dag="etl", task="clean", run="manual__1") == twice
    assert await values(client, task="train") == once
    assert await values(client, dag="other") == {}
    by_label = await values(client, label=LABEL_KEY)
    assert sorted(by_label.values(), key=len) == [[ids[1]], [ids[0], ids[2]]]
    assert await values(client, label="airflow-task") == {"clean": [ids[0], ids[2]], "train": [ids[1]]}


async def test_an_accepted_repetition_is_a_submission_again_even_when_its_answer_is_lost(start_stub):
    """A job that was submitted twice under one name would look as if it had been submitted once."""
    _, client = await start_stub(emulate="1.7.0")  # there names are no keys: each submit makes a job
    task = TaskRef(deployment=None, dag_id="d", run_id="r", task_id="t")
    await client.post("/stub/faults", json={"match": {"method": "PUT"}, "do": {"kind": "drop_reply"}})
    with pytest.raises(httpx.RemoteProtocolError):
        await client.put(JOBS, json=job_of(task))
    second = (await client.put(JOBS, json=job_of(task))).json()["JobID"]
    (found,) = (await values(client)).values()
    assert (len(found), found[1]) == (2, second)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("?jobs=1", "jobs: unknown parameter; known are job, since, limit, newest"),
        ("?since=-1", "since: -1 is no number; give a whole one from 0 on"),
        ("?limit=ten", "limit: ten is no number; give a whole one from 0 on"),
        ("/submissions?dags=etl", "dags: unknown parameter; known are label, dag, task, run"),
        (
            "/submissions?label=a&dag=b",
            "label: cannot be asked for together with dag, task or run; give one or the other",
        ),
    ],
)
async def test_parameters_that_are_not_understood_are_refused(start_stub, query, text):
    """A typo would be answered as if nothing had been asked for."""
    _, client = await start_stub()
    answer = await client.get(PATH + query)
    assert (answer.status_code, answer.json()) == (400, {"error": text})


async def test_entries_by_pages_and_from_the_end(start_stub):
    """Whoever follows the journal would miss entries or see them twice."""
    _, client = await start_stub()
    for number in range(7):
        await client.get(f"/api/v1/agent/alive?n={number}")

    async def seqs(**asked):
        return [entry["seq"] for entry in (await client.get(PATH, params=asked)).json()["entries"]]

    assert await seqs() == [1, 2, 3, 4, 5, 6, 7]
    assert await seqs(limit=3) == [1, 2, 3]
    assert await seqs(since=3, limit=3) == [4, 5, 6]
    assert await seqs(newest=2, job="") == [6, 7]
    assert (await client.delete(PATH)).json() == {"last": 7}
    assert await seqs() == []
    await client.get("/api/v1/agent/alive")
    assert await seqs() == [8]


async def test_reading_50_000_entries_holds_nobody_up():
    """Everybody would wait while somebody reads the journal."""
    stub = Stub(Settings(port=0, s3="off", docker_runner="scripted"))
    await stub.start()
    journal, size = stub.orchestrator.powers.journal, 50_000
    await asyncio.to_thread(httpx.get, f"{stub.url}/stub/info", trust_env=False)  # the first one imports
    for number in range(size):
        path, job = f"{JOBS}/{number}", (f"j-{number}",)
        journal.append((number, "GET", path, b"a=b", 200, b"client/1", b"x" * 32, job, "", "", None))
    longest, last, over = 0.0, time.thread_time(), False  # its own time: how busy the machine is does not count

    async def beat():
        nonlocal longest, last
        while not over:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    def read(target):
        with httpx.Client(base_url=stub.url, trust_env=False, timeout=60) as client:
            return client.get(target).content  # parsing it here would hold everybody up

    beating = asyncio.ensure_future(beat())
    try:
        for asked, number in (("", size), ("?job=j-4999", 11), ("?newest=10", 10)):
            assert (await asyncio.to_thread(read, PATH + asked)).count(b'"seq":') == number
    finally:
        over = True
        await beating
        await stub.stop()
    assert longest < 0.1
