"""What becomes of jobs, set over HTTP and seen as a client sees it, on a virtual clock."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile

import pytest
import websockets
import yaml

from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.stage import Stage
from orchestrator_stub.settings.scripts import load_scripts

JOBS = "/api/v1/orchestrator/jobs"
SCRIPTS = "/stub/scripts"
STANZA = """
- match: {task: train, partition: 3, attempt: 1}
  stages: [{after: 4s, stderr: Killed, exit: 137}]
- match: {task: train}
  stages: [{after: 1s}]
"""
COMPLETED, FAILED = 9, 10  # of 1.6 and later


def spec(image="acme/train:1", *, count=1, engine="docker", paths=(), publisher=None, timeout=0, **job):
    """A job as a client submits it."""
    task = {"Name": "main", "Engine": {"Type": engine, "Params": {"Image": image} if engine == "docker" else {}}}
    task["ResultPaths"] = [{"Name": name, "Path": f"/{name}"} for name in paths]
    task["Publisher"] = publisher or {}
    task["Timeouts"] = {"ExecutionTimeout": timeout} if timeout else {}
    return {"Job": {"Type": "batch", "Count": count, "Tasks": [task], **job}}


class Client:
    """A client of a stub whose clock is virtual."""

    def __init__(self, stub, http):
        self.stub, self.http = stub, http

    async def put(self, scripts):
        """Set scripts: YAML text or a list."""
        plain = yaml.safe_load(scripts) if isinstance(scripts, str) else scripts
        answer = await self.http.put(SCRIPTS, json=plain)
        assert answer.status_code == 200, answer.text

    async def submit(self, *args, **fields):
        """Id of a new job."""
        answer = await self.http.put(JOBS, json=spec(*args, **fields))
        assert answer.status_code == 200, answer.text
        return answer.json()["JobID"]

    async def advance(self, seconds):
        """Move time."""
        assert (await self.http.post("/stub/clock", json={"advance": seconds})).status_code == 200

    async def state(self, job_id):
        """State of a job."""
        return (await self.http.get(f"{JOBS}/{job_id}")).json()["Job"]["State"]["StateType"]

    async def over(self, job_id):
        """State of a job once it has ended, where something of it takes real time."""
        async with asyncio.timeout(30):
            while (state := await self.state(job_id)) in ("Pending", "Running"):
                await asyncio.sleep(0.01)
        return state

    async def executions(self, job_id):
        """Those of a job, in the order of their making."""
        answer = await self.http.get(f"{JOBS}/{job_id}/executions", params={"order_by": "created_at", "all_job_versions": "true"})
        return answer.json()["Items"]

    async def hits(self):
        """How often each script was played."""
        return [each["hits"] for each in (await self.http.get(SCRIPTS)).json()]

    async def log(self, job_id, query=""):
        """Frames of a job's log to their end."""
        url = f"{self.stub.url.replace('http', 'ws', 1)}{JOBS}/{job_id}/logs?{query}"
        async with websockets.connect(url, proxy=None, ping_interval=None) as socket:
            return [json.loads(frame) async for frame in socket]


@pytest.fixture
def start(start_stub):
    """`await start(**flags)`: a client of a new stub."""

    async def start(**flags):
        return Client(*await start_stub(**{"clock": VirtualClock(), "nodes": 5, **flags}))

    return start


@pytest.mark.parametrize("release", ["1.6.5", "1.7.0", "1.8.0", "1.9.3"])
async def test_partition_3_fails_on_its_first_attempt_after_4_seconds(start, release):
    """The failure that a team wants to see its DAG survive could not be said in one stanza."""
    client = await start(emulate=release)
    await client.put(STANZA)
    job_id = await client.submit(count=5, Meta={"airflow-task-id": "train"})
    await client.advance(3.9)
    codes = {e["PartitionIndex"] if "PartitionIndex" in e else 0: e["ComputeState"]["StateType"] for e in await client.executions(job_id)}
    assert [partition for partition, code in codes.items() if code != COMPLETED] == [3]
    assert await client.state(job_id) == "Running"
    await client.advance(0.2)
    outputs = {e.get("PartitionIndex", 0): e["RunOutput"] for e in await client.executions(job_id)}
    assert {partition: output["ExitCode"] for partition, output in outputs.items()} == {0: 0, 1: 0, 2: 0, 3: 137, 4: 0}
    assert outputs[3] == {
        "Stdout": "",
        "StdoutTruncated": False,
        "stderr": "Killed\n",
        "StderrTruncated": False,
        "ExitCode": 137,
        "ErrorMsg": "",
    }
    assert await client.state(job_id) == "Completed", "an exit code alone fails no job on any release (FINDINGS-docker 3)"
    assert await client.hits() == [1, 4]


async def test_a_second_attempt_is_a_rerun_or_the_next_job_of_the_same_task(start):
    """The retry of a task would fail like its first try, for ever."""
    client = await start()
    await client.put(STANZA)
    labels = {"airflow-key": "k1"}
    meta = {"airflow-task-id": "train"}
    first = await client.submit(count=4, Meta=meta, Labels=labels)
    await client.advance(5)
    assert [e["RunOutput"]["ExitCode"] for e in await client.executions(first)].count(137) == 1
    assert (await client.http.put(f"{JOBS}/{first}/rerun", json={})).status_code == 200
    await client.advance(5)
    second = await client.submit(count=4, Meta=meta, Labels=labels)
    stranger = await client.submit(count=4, Meta=meta, Labels={"airflow-key": "k2"})
    await client.advance(5)
    assert [e["RunOutput"]["ExitCode"] for e in await client.executions(first)].count(137) == 1
    assert [e["RunOutput"]["ExitCode"] for e in await client.executions(second)].count(137) == 0
    assert [e["RunOutput"]["ExitCode"] for e in await client.executions(stranger)].count(137) == 1
    assert await client.hits() == [2, 14]


async def test_a_failed_execution_is_tried_again_like_a_real_one(start):
    """A job that recovers by itself could not be rehearsed."""
    client = await start()
    await client.put([{"match": {"attempt": 1}, "stages": [{"stdout": "x", "fail": "no space left"}]}, {}])
    job_id = await client.submit()
    first, second = await client.executions(job_id)
    assert first["ComputeState"] == {"StateType": FAILED, "Message": "no space left"}
    assert first["RunOutput"]["Stdout"] == "", "what a failed run printed is not in its output (FINDINGS-docker 3)"
    assert (second["ComputeState"]["StateType"], await client.state(job_id)) == (COMPLETED, "Completed")
    history = (await client.http.get(f"{JOBS}/{job_id}/history")).json()["Items"]
    (event,) = [item["Event"] for item in history if item["Event"]["Message"] == "no space left"]
    assert (event["Topic"], event["Details"]) == ("Running Execution", {"IsError": "true"})


@pytest.mark.parametrize("publisher", ["s3", "local"])
async def test_files_arrive_where_a_real_run_s_files_do(start_stub, publisher):
    """A task downstream would find nothing, or something else than after a real run."""
    client = Client(*await start_stub(s3="embedded"))  # its publisher has threads of its own: real time
    await client.put(
        [{"stages": [{"stdout": "1 row"}, {"files": {"outputs/clean.csv": "id\n1\n", "outputs/a/b": {"base64": "/w=="}}, "exit": 3}]}]
    )
    params = {"Type": "s3", "Params": {"Bucket": "acme", "Key": "clean/{executionID}"}} if publisher == "s3" else {"Type": "local"}
    job_id = await client.submit(paths=("outputs", "empty"), publisher=params)
    assert await client.over(job_id) == "Completed"
    (result,) = (await client.http.get(f"{JOBS}/{job_id}/results")).json()["Items"]
    url = result["Params"]["PreSignedURL" if publisher == "s3" else "URL"]
    archive = tarfile.open(fileobj=io.BytesIO((await client.http.get(url)).content))
    read = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
    assert archive.getnames()[-6:] == ["outputs", "outputs/a", "outputs/a/b", "outputs/clean.csv", "stderr", "stdout"]
    assert read == {
        "exitCode": b"3",
        "outputs/a/b": b"\xff",
        "outputs/clean.csv": b"id\n1\n",
        "stderr": b"",
        "stdout": b"1 row\n",
    }


async def test_a_follower_of_the_log_sees_lines_as_they_come(start):
    """Logs in Airflow's own page could not be rehearsed: they would come all at once, or never end."""
    client = await start()
    await client.put([{"stages": [{"stdout": "one"}, {"after": 10, "stderr": "two\nthree"}, {"after": 10, "exit": 0}]}])
    job_id = await client.submit()
    url = f"{client.stub.url.replace('http', 'ws', 1)}{JOBS}/{job_id}/logs?follow=true"
    async with websockets.connect(url, proxy=None, ping_interval=None) as socket:
        assert json.loads(await socket.recv())["value"] == {"Type": 1, "Line": "one\n"}
        await client.advance(10)
        later = [json.loads(await socket.recv())["value"] for _ in range(2)]
        assert later == [{"Type": 2, "Line": "two\n"}, {"Type": 2, "Line": "three\n"}]
        await client.advance(10)
        assert [frame async for frame in socket] == []
    lines = [frame["value"]["Line"] for frame in await client.log(job_id)]
    assert lines == ["one\n", "two\n", "three\n"]


async def test_who_only_wants_what_comes_from_now_on(start):
    """`tail` would repeat what was seen before."""
    client = await start()
    await client.put("[{stages: [{stdout: one}, {after: 10, stdout: two, hang: true}]}]")
    job_id = await client.submit()
    url = f"{client.stub.url.replace('http', 'ws', 1)}{JOBS}/{job_id}/logs?follow=true&tail=true"
    async with websockets.connect(url, proxy=None, ping_interval=None) as socket:
        await client.http.get("/stub/info")  # the socket's handler has had its turn by then
        await client.advance(10)
        assert json.loads(await socket.recv())["value"]["Line"] == "two\n"


async def test_a_run_that_hangs_times_out_in_the_release_s_words(start):
    """A timeout could not be rehearsed, or would read otherwise than a real one."""
    client = await start(nodes=1)
    await client.put("[{stages: [{stdout: one, hang: true}]}]")
    job_id = await client.submit(timeout=60)
    await client.advance(59)
    assert await client.state(job_id) == "Running"
    await client.advance(2)
    (execution, *_) = await client.executions(job_id)
    assert execution["ComputeState"]["Message"] == "Execution timed out after 1m0s"
    assert execution["RunOutput"]["Stdout"] == ""


async def test_a_wasm_job_is_played_and_looks_like_one(start):
    """Its log and output would look like those of a container."""
    client = await start(docker_runner="off")
    await client.put("[{match: {name: w}, stages: [{stdout: one}, {after: 1, stdout: two, exit: 7}]}]")
    job_id = await client.submit(engine="wasm", Name="w")
    await client.advance(1)
    (execution,) = await client.executions(job_id)
    output = execution["RunOutput"]
    assert (output["ExitCode"], output["Stdout"]) == (7, "one\n"), "only the first write counts (golden 12)"
    other = await client.submit(engine="wasm", Name="broken")
    assert await client.over(other) == "Failed", "what no script is for runs really"


async def test_the_sandbox_is_not_asked_what_it_thinks_of_a_played_job(start):
    """Images that do not exist, or a broken spec, could not be played beside jobs that run."""
    client = await start(docker_runner="sandbox", strict=True)
    await client.put("[{match: {image: acme/train}, stages: [{exit: 4}]}]")
    played = await client.submit("acme/train:9", Name="a")
    assert [e["RunOutput"]["ExitCode"] for e in await client.executions(played)] == [4]
    other = await client.submit("acme/gone", Name="b")
    (execution, *_) = await client.executions(other)
    assert execution["ComputeState"]["Message"] == 'image not available: "acme/gone"'


async def test_a_miss_names_the_nearest_script(start):
    """A typing error would have to be searched for in two places."""
    client = await start()
    await client.put("[{match: {image: 'acme/clean:*', label: {team: etl}}}, {match: {image: 'acme/train:*', attempt: 1}}]")
    words = (
        "no script matched (image acme/claen:1.4, label team missing); "
        "nearest: acme/clean:*, label team=etl (differs in label team, image)"
    )
    answer = (await client.http.put(JOBS, json=spec("acme/claen:1.4"))).json()
    assert answer["Warnings"] == [f"this job fails here: {words}"]
    executions = await client.executions(answer["JobID"])
    assert {e["ComputeState"]["Message"] for e in executions} == {words}
    assert await client.state(answer["JobID"]) == "Failed"


async def test_a_job_brings_its_own_script(start):
    """A DAG could say nothing about its own fate."""
    client = await start(docker_runner="off")
    labels = {"after": "40m", "stdout": "3 epochs", "exit": "137"}
    answer = (
        await client.http.put(
            JOBS, json=spec(engine="wasm", Labels={f"stub.bacalhau.org/{key}": text for key, text in labels.items()})
        )
    ).json()
    assert answer["Warnings"] == ["this stub runs nothing for this job, its labels stub.bacalhau.org/* say what becomes of it"]
    await client.advance(2399)
    assert await client.state(answer["JobID"]) == "Running"
    await client.advance(2)
    (execution,) = await client.executions(answer["JobID"])
    assert (execution["RunOutput"]["ExitCode"], execution["RunOutput"]["Stdout"]) == (137, "3 epochs\n")


async def test_a_label_that_is_not_understood_is_told_at_once_and_fails_the_run(start):
    """The job would end well, as if nothing had been asked for."""
    client = await start(docker_runner="off")
    words = 'stub.bacalhau.org/after: 4x is no duration; give seconds, or a text such as "40m" or "500ms"'
    answer = (await client.http.put(JOBS, json=spec(engine="wasm", Labels={"stub.bacalhau.org/after": "4x"}))).json()
    assert answer["Warnings"] == [f"this job fails here: {words}"]
    (execution, *_) = await client.executions(answer["JobID"])
    assert execution["ComputeState"]["Message"] == words


async def test_a_script_stands_in_for_an_image(start):
    """`--images` could only say that an image is missing."""
    images = (ImageRule("acme/train", stages=(Stage(after=10, stdout="x", files={"outputs/a": b"\xff"}, exit=2),)),)
    client = await start(images=images)
    job_id = await client.submit("acme/train:3", paths=("outputs",), publisher={"Type": "noop"})
    await client.advance(11)
    (execution,) = await client.executions(job_id)
    assert execution["RunOutput"]["ExitCode"] == 2
    info = (await client.http.get("/stub/info")).json()
    assert "image acme/train: a script" in info["notes"]
    assert info["flags"]["images"][0]["pattern"] == "acme/train"


async def test_what_was_given_at_the_start_is_there(start, tmp_path):
    """A file of scripts would have no effect."""
    path = tmp_path / "scripts.yaml"
    path.write_text(STANZA)
    client = await start(scripts=load_scripts(path))
    assert [each["match"]["task"] for each in (await client.http.get(SCRIPTS)).json()] == ["train", "train"]
    job_id = await client.submit(Meta={"airflow-task-id": "train"})
    await client.advance(1)
    assert await client.state(job_id) == "Completed"
    assert await client.hits() == [0, 1]
    assert (await client.http.get("/stub/info")).json()["flags"]["scripts"] == 2


async def test_a_list_can_be_read_changed_and_put_back(start):
    """A script could not be changed without knowing all others."""
    client = await start()
    await client.put("[{match: {name: 'a*'}, stages: [{exit: 1}]}, {match: {name: 'b*'}, optional: true}]")
    await client.submit(Name="a1")
    listed = (await client.http.get(SCRIPTS)).json()
    assert listed == [
        {"match": {"name": "a*"}, "stages": [{"exit": 1}], "optional": False, "hits": 1},
        {"match": {"name": "b*"}, "stages": [], "optional": True, "hits": 0},
    ]
    answer = await client.http.put(SCRIPTS, json=[*listed, {"match": {"name": "c*"}}])
    assert [each["hits"] for each in answer.json()] == [1, 0, 0]
    assert (await client.http.delete(SCRIPTS)).json() == []
    assert (await client.http.get(SCRIPTS)).json() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            [{"match": {"name": "x"}}, {"match": {}, "stages": [{"after": 1}, {"exit": "1"}]}],
            "[1].stages[1].exit: 1 is no exit code; give a whole number from 0 to 255 (-1 is that of a wasm program that just returns)",
        ),
        ([{"match": {"name": "x"}}, 5], "[1]: a script is a mapping with the keys match, stages and optional"),
        ({"match": {}}, "give a list of scripts, each {match: {...}, stages: [...]}"),
        (None, "give a list of scripts, each {match: {...}, stages: [...]}"),
    ],
)
async def test_one_wrong_script_changes_nothing(start, body, words):
    """Half of a list would be in force, and the next job be played by it."""
    client = await start()
    await client.put("[{match: {name: 'a*'}, stages: [{exit: 1}]}]")
    before = (await client.http.get(SCRIPTS)).text
    answer = await client.http.put(SCRIPTS, content=json.dumps(body))
    assert (answer.status_code, answer.json()) == (400, {"error": words})
    assert (await client.http.get(SCRIPTS)).text == before
    garbage = await client.http.put(SCRIPTS, content="[{")
    assert garbage.status_code == 400
    assert garbage.json()["error"].startswith("the body is no JSON: ")


async def test_the_same_seed_gives_the_same_delays(start):
    """A scripted day could not be compared with another run of it."""
    answers = []
    for seed in (7, 7, 8):
        client = await start(clock=VirtualClock(), seed=seed)
        await client.put("[{stages: [{after: 10, jitter: 100}]}]")
        job_id = await client.submit(count=5, Name="x")
        await client.advance(200)
        answers.append((await client.http.get(f"{JOBS}/{job_id}/executions")).text)
    assert answers[0] == answers[1] != answers[2]
    times = {e["ModifyTime"] for e in json.loads(answers[0])["Items"]}
    assert len(times) == 5, "not all partitions take the same time"
