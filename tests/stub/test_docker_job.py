"""Docker jobs of a whole stub in containers of a real engine: the same answers as from the sandbox, and nothing left."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request

import engines
import pytest

STUB = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--s3", "off", "--nodes", "1"]
JOBS = "/api/v1/orchestrator/jobs"
DONE = ("Completed", "Failed", "Stopped")


def job(line, **task):
    """A job that runs a line of shell."""
    params = {"Image": engines.IMAGE, "Entrypoint": ["/bin/sh", "-c"], "Parameters": [line]}
    one = {"Name": "main", "Engine": {"Type": "docker", "Params": params}, "Network": {"Type": "None"}, **task}
    return {"Job": {"Name": "same", "Type": "batch", "Count": 1, "Tasks": [one]}}


LINES = {
    "fine": job(
        "cat /inputs/in; echo more >> /inputs/in; echo err >&2; printf 'x%.0s' 1 2 3 > /outputs/f; mkdir -m 700 /outputs/d; exit 3",
        InputSources=[{"Source": {"Type": "inline", "Params": {"URL": "data:,hello%0A"}}, "Target": "/inputs/in"}],
        ResultPaths=[{"Name": "outputs", "Path": "/outputs"}],
        Publisher={"Type": "local"},
        Env={"A": "b"},
    ),
    "long": job("i=0; while [ $i -lt 60 ]; do echo 01234567890123456789012345678901234567890123456789; i=$((i+1)); done"),
    "not an image": job("true", Engine={"Type": "docker", "Params": {"Image": "UPPER::x"}}),
    "broken spec": job("true", Engine={"Type": "docker", "Params": {"Image": "x", "Entrypoint": "sh"}}),
    "taken name": job("true", ResultPaths=[{"Name": "stdout", "Path": "/o"}], Publisher={"Type": "local"}),
    "timeout": job("trap '' TERM; echo before; sleep 60", Timeouts={"ExecutionTimeout": 1}),
}


@pytest.mark.parametrize("name", LINES)
async def test_a_job_is_answered_as_from_the_sandbox(start_stub, podman, name):
    """A DAG that passes with one runner would fail with another, and nobody could tell why."""
    seen = [await fate(start_stub, LINES[name], **flags) for flags in ({"docker_runner": "sandbox"}, engine(podman))]
    for each in seen[0]:
        assert seen[0][each] == seen[1][each], each
    assert seen[0]["state"] in DONE


def engine(socket):
    """Settings of a stub that uses an engine."""
    return {"docker_runner": "docker", "docker_host": f"unix://{socket}"}


async def fate(start_stub, spec, **flags):
    """What became of a job: state, executions, history, log and published files, without what is never the same."""
    stub, client = await start_stub(nodes=1, **flags)
    job_id = (await client.put(JOBS, json=spec)).json()["JobID"]
    state = await end_of(client, job_id)
    executions = (await client.get(f"{JOBS}/{job_id}/executions")).json()["Items"]
    history = (await client.get(f"{JOBS}/{job_id}/history")).json()["Items"]
    results = (await client.get(f"{JOBS}/{job_id}/results")).json()["Items"]
    files = [members(await client.get(item["Params"]["URL"])) for item in results or ()]
    return {
        "state": state,
        "executions": [same(each) for each in executions],
        "history": [same(each) for each in history],
        "files": files,
    }


async def end_of(client, job_id):
    """The state that a job ends in."""
    while True:
        state = (await client.get(f"{JOBS}/{job_id}")).json()["Job"]["State"]["StateType"]
        if state in DONE:
            return state
        await asyncio.sleep(0.02)


def members(answer):
    """Names, modes and content of an archive."""


    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        return [(m.name, oct(m.mode), archive.extractfile(m).read() if m.isreg() else b"") for m in archive]


def same(value):
    """A value without times, paths and ports, which differ between two stubs."""
    text = json.dumps(value)
    text = re.sub(r'"(CreateTime|ModifyTime|Time|Timestamp)": ?("[^"]*"|\d+)', r'"\1": 0', text)
    text = re.sub(r"/tmp/[^ \"/]*/", "/TMP/", text)
    return json.loads(re.sub(r"127\.0\.0\.1:\d+", "HERE", text))


async def test_a_log_is_followed_while_the_container_runs(start_stub, podman):
    """`job logs -f` would show everything at the end, or for ever nothing."""
    import websockets

    stub, client = await start_stub(nodes=1, **engine(podman))
    job_id = (await client.put(JOBS, json=job("echo first; sleep 1; echo last"))).json()["JobID"]
    url = f"{stub.url.replace('http', 'ws')}{JOBS}/{job_id}/logs?follow=true"
    while (await client.get(f"{JOBS}/{job_id}")).json()["Job"]["State"]["StateType"] == "Pending":
        await asyncio.sleep(0.02)
    async with websockets.connect(url) as log:
        lines = [json.loads(frame)["value"]["Line"] async for frame in log]
    assert "".join(lines) == "first\nlast\n"


def containers(socket):
    """Everything that the engine has."""
    with engines.client(socket) as asking:
        return asking.get("/containers/json", params={"all": "1"}).json()


def started(socket, *flags):
    """A stub process that uses the engine, and its URL."""
    environment = {**os.environ, "DOCKER_HOST": f"unix://{socket}"}
    process = subprocess.Popen([*STUB, "--docker-runner", "docker", *flags], stdout=subprocess.PIPE, text=True, env=environment)
    return process, process.stdout.readline().split()[-1]


def submitted(url, count):
    """Jobs that do not end by themselves, all in their containers."""
    for number in range(count):
        spec = job("trap '' TERM INT; echo on; sleep 300")
        body = json.dumps({"Job": {**spec["Job"], "Name": f"run-{number}"}}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{url}{JOBS}", body, {"Content-Type": "application/json"}, method="PUT"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_container_outlives_its_stub(podman, how, until):
    """Programs would run on after the stub ended, for ever; after a kill -9 until the next one starts."""
    process, url = started(podman)
    submitted(url, 3)
    until(lambda: sum(each["State"] == "running" for each in containers(podman)) == 3)
    began = time.monotonic()
    process.send_signal(how)
    assert process.wait(10) == (0 if how is signal.SIGTERM else -how)
    if how is signal.SIGTERM:
        assert time.monotonic() - began < 5
    else:
        assert len(containers(podman)) == 3
        process.stdout.close()
        process, _ = started(podman)
        banner = [process.stdout.readline() for _ in range(4)]
        assert "note     3 containers of killed stubs were removed\n" in banner
        process.terminate()
        process.wait(10)
    process.stdout.close()
    assert containers(podman) == []
