"""The routes of jobs over the engine."""

from __future__ import annotations

import json

import pytest

JOBS = "/api/v1/orchestrator/jobs"


@pytest.mark.parametrize("verb", ["PUT", "POST"])
async def test_a_job_is_submitted_and_described(make, verb):
    """The first thing every client does would fail."""
    stub = make()
    body = {"Job": {"Type": "batch", "Tasks": [{"Name": "main", "Engine": {"Type": "docker"}}]}}
    answer = await stub.http.request(verb, JOBS, json=body)
    assert (answer.status_code, list(answer.json())) == (200, ["JobID", "EvaluationID", "Warnings"])
    assert answer.json()["Warnings"] is None
    job = await stub.finished(answer.json()["JobID"])
    assert (job["State"], job["Count"], job["Version"]) == ({"StateType": "Completed"}, 1, 1)


async def test_the_clients_ids_become_meta(make):
    """A job could not be traced to the installation that submitted it."""
    stub = make()
    headers = {"X-Bacalhau-InstallationID": "inst", "X-Bacalhau-InstanceID": "it"}
    body = {"Job": {"Type": "batch", "Count": 0, "Tasks": [{"Name": "main", "Engine": {"Type": "docker"}}]}}
    job_id = (await stub.http.put(JOBS, json=body, headers=headers)).json()["JobID"]
    meta = (await stub.get(f"jobs/{job_id}"))["Job"]["Meta"]
    assert (meta["bacalhau.org/client.installation.id"], meta["bacalhau.org/client.instance.id"]) == ("inst", "it")


async def test_problems_are_one_400(make):
    """A user would have to submit again and again to learn all problems."""
    answer = await make().http.put(JOBS, json={"Job": {"Type": "x", "Count": -1}})
    assert answer.status_code == 400
    assert answer.json()["Message"] == 'invalid job type: "x"\njob count must be >= 0\nmissing job tasks'


async def test_what_real_servers_panic_at_is_a_masked_500(make):
    """The stub would accept a job that no real server accepts."""
    answer = await make().http.put(JOBS, json={"Job": {"Type": "batch", "Tasks": [None]}})
    assert (answer.status_code, answer.json()["Component"]) == (500, "Unknown")
    assert "x-bacalhau-arch" not in answer.headers


@pytest.mark.parametrize("words", ["history,executions", " executions , history ,history,nope"])
async def test_describe_includes_what_is_asked_for(make, words):
    """`job describe` of the CLI would show nothing but the job."""
    stub = make()
    job_id = await stub.submit()
    await stub.finished(job_id)
    answer = await stub.get(f"jobs/{job_id}", include=words)
    assert list(answer) == ["Job", "History", "Executions"]
    assert (len(answer["Executions"]["Items"]), answer["History"]["NextToken"]) == (1, "")
    assert list(await stub.get(f"jobs/{job_id}", include="ALL")) == ["Job"]


async def test_lists_page_by_token(make):
    """More jobs than fit one page would be lost."""
    stub = make()
    ids = [await stub.submit(Name=f"n{number}") for number in range(3)]
    first = await stub.get("jobs", limit=2)
    second = await stub.get("jobs", next_token=first["NextToken"])
    assert [job["ID"] for job in first["Items"] + second["Items"]] == ids
    assert (first["NextToken"], second["NextToken"]) == ("Ok46Mjoy", "")


async def test_labels_select_and_wrong_ones_are_named(make):
    """A client that looks for its jobs by label would find others, or none."""
    stub = make()
    mine = await stub.submit(Labels={"env": "prod"})
    await stub.submit(Name="other", Labels={"env": "dev"})
    found = await stub.get("jobs", labels="env in (prod)")
    wrong = await stub.http.get(JOBS, params={"labels": "a b"})
    assert [job["ID"] for job in found["Items"]] == [mine]
    assert wrong.json()["Message"] == (
        "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"
    )


NO_NUMBER = 'strconv.ParseUint: parsing "x": invalid syntax'
TAG = "Key: 'ListJobHistoryRequest.{0}' Error:Field validation for '{0}' failed on the '{1}' tag"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": "x"}, f"code=400, message={NO_NUMBER}, internal={NO_NUMBER}"),
        ({"since": "-1"}, TAG.format("Since", "min")),
        ({"event_type": "nope"}, TAG.format("EventType", "oneof")),
    ],
)
async def test_wrong_parameters_are_named(make, query, message):
    """A typing error would be ignored and look like missing data."""
    answer = await make().http.get(f"{JOBS}/j-1/history", params=query)
    assert (answer.status_code, answer.json()["Message"]) == (400, message)


async def test_a_stop_reason_comes_from_the_body_only(make):
    """The reason of `?reason=` would be kept, which released servers do not do."""
    stub = make()
    stub.program.endless = True
    first, second = [await stub.submit(Name=name) for name in ("a", "b")]
    await stub.http.request("DELETE", f"{JOBS}/{first}", json={"Reason": "because"})
    await stub.http.request("DELETE", f"{JOBS}/{second}", params={"reason": "because"})
    messages = [(await stub.get(f"jobs/{job}"))["Job"]["State"] for job in (first, second)]
    assert messages == [{"StateType": "Stopped", "Message": "because"}, {"StateType": "Stopped"}]


async def test_results_leave_urls_alone(make):
    """A pre-signed URL in the raw answer would be escaped."""
    stub = make()
    job_id = await stub.submit(task={"Publisher": {"Type": "s3", "Params": {"Bucket": "b", "Key": "k"}}})
    await stub.finished(job_id)
    answer = await stub.http.get(f"{JOBS}/{job_id}/results")
    assert "?a=1&b=2" in answer.text
    assert answer.json()["Items"][0]["Type"] == "s3PreSigned"


async def test_old_clients_get_their_state_objects(make):
    """A 1.4 client would stumble over a history without them."""
    stub = make()
    job_id = await stub.submit()
    await stub.finished(job_id)
    answer = await stub.http.get(f"{JOBS}/{job_id}/history", headers={"X-Bacalhau-Git-Version": "v1.4.0"})
    last = [list(line)[-1] for line in answer.json()["Items"]]
    assert set(last) == {"JobState", "ExecutionState"}


@pytest.mark.parametrize(("release", "status"), [("1.7.0", 404), ("1.8.0", 200)])
async def test_versions_exist_since_1_8(make, release, status):
    """A client could not tell by the route whether names are unique."""
    stub = make(release)
    job_id = await stub.submit()
    answer = await stub.http.get(f"{JOBS}/{job_id}/versions")
    assert answer.status_code == status


async def test_a_rerun_counts_versions_up(make):
    """`job rerun` would fail, or answer in another shape."""
    stub = make()
    job_id = await stub.submit()
    await stub.finished(job_id)
    answer = await stub.http.put(f"{JOBS}/{job_id}/rerun", json={"JobVersion": 0, "Reason": "again"})
    assert list(answer.json()) == ["EvaluationID", "JobID", "JobVersion", "Warnings"]
    assert (answer.json()["JobID"], answer.json()["JobVersion"]) == (job_id, 2)


async def test_a_body_on_a_get_is_read_too(make):
    """Real servers filter by it; here everything would be listed."""
    stub = make()
    await stub.submit()
    headers = {"Content-Type": "application/json"}
    answer = await stub.http.request("GET", JOBS, content=json.dumps({"Namespace": "zzz"}), headers=headers)
    assert answer.json()["Items"] == []


async def diff(stub, **job):
    """Ask what a submission would change."""
    return await stub.http.put(f"{JOBS}/diff", json={"Job": job})


TASKS = [{"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "ubuntu"}}}]


async def test_a_dry_run_tells_what_would_change(make):
    """`job run --dry-run` would say nothing, or submit the job."""
    stub = make()
    await stub.finished(await stub.submit(Name="n", Tasks=TASKS))
    answer = await diff(stub, Name="n", Type="batch", Tasks=TASKS)
    assert (answer.status_code, answer.json()) == (200, {"Diff": "", "Warnings": None})
    told = (await diff(stub, Name="n", Type="batch", Tasks=TASKS, Priority=7, ID="mine")).json()
    assert "\n-\u00a0\tPriority:    0,\n+\u00a0\tPriority:    7,\n" in told["Diff"]
    assert told["Warnings"] == ["job ID is ignored when submitting a batch job"]
    assert (await stub.get("jobs/n"))["Job"]["Priority"] == 0


async def test_a_dry_run_of_an_old_wasm_job_differs_from_itself(make):
    """A client would be told that nothing changes, and its submission would update the job (1.8+)."""
    stub = make()
    module = {"Source": {"Type": "inline", "Params": {"URL": "data:,"}}, "Target": "/m.wasm"}
    tasks = [{"Name": "main", "Engine": {"Type": "wasm", "Params": {"EntryModule": module, "Parameters": ["a"]}}}]
    await stub.submit(Name="n", Tasks=tasks)
    told = (await diff(stub, Name="n", Type="batch", Tasks=tasks)).json()["Diff"]
    assert '-\u00a0\t\t\t\t\t"Parameters":    []any{string("a")},\n' in told
    assert '+\u00a0\t\t\t\t\t"Parameters":    []string{"a"},\n' in told


@pytest.mark.parametrize(
    ("job", "status", "message"),
    [
        ({"Name": " ", "Type": "x", "Tasks": [None]}, 400, "invalid job spec: name is missing"),
        ({"Name": "n", "Type": "x"}, 400, 'invalid job type: "x"\nmissing job tasks'),
        ({"Name": "n", "Type": "batch", "Tasks": TASKS}, 404, "job name index not found: n:default"),
        ({"Name": "n", "Type": "batch", "Tasks": [None]}, 500, "Internal server error"),
        (None, 500, "Internal server error"),
    ],
)
async def test_what_cannot_be_compared(make, job, status, message):
    """A dry run would blame something else than a real server does."""
    answer = await make().http.put(f"{JOBS}/diff", json={"Job": job})
    assert (answer.status_code, answer.json()["Message"]) == (status, message)


async def test_releases_without_comparisons_know_no_such_route(make):
    """A client that asks whether the server can compare jobs would be told yes."""
    for release in ("1.5.2", "1.7.0", "docs"):
        answer = await diff(make(release), Name="n", Type="batch", Tasks=TASKS)
        assert (answer.status_code, answer.json()["Message"]) == (404, "Not Found")
    stub = make()
    await stub.submit(Name="diff", Tasks=TASKS)
    assert (await stub.get("jobs/diff"))["Job"]["Name"] == "diff"
    assert (await stub.http.put(f"{JOBS}/diff/", json={})).status_code == 404
