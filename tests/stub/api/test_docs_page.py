"""The user's document, example by example: each command with this stub's ids answers in the printed shape."""

from __future__ import annotations

import json

USER_MAPS = ("Labels", "Meta", "Params")
"""Their keys are the user's, so only their being maps is compared."""


def same_shape(shown, printed, at="body"):
    """Same keys in the same order and same JSON types, at every level; lists by their first element."""
    assert type(shown) is type(printed) or {type(shown), type(printed)} <= {int, float}, (at, shown, printed)
    if isinstance(printed, dict) and at.rsplit(".", 1)[-1] not in USER_MAPS:
        assert list(shown) == list(printed), at
        for key, value in printed.items():
            same_shape(shown[key], value, f"{at}.{key}")
    if isinstance(printed, list) and printed and shown:
        for number, item in enumerate(shown):
            same_shape(item, printed[0], f"{at}[{number}]")


SAMPLE = {
    "name": "A sample job",
    "labels": {"name": "demo", "env": "prod"},
    "engine": {
        "Type": "docker",
        "Params": {"Image": "ubuntu:latest", "Entrypoint": ["/bin/bash"], "Parameters": ["-c", "echo hello world"]},
    },
}


async def sample(stub, **job):
    """The page's sample job, finished."""
    job_id = await stub.submit(
        Name=SAMPLE["name"], Labels=SAMPLE["labels"], task={"Engine": SAMPLE["engine"], **job.pop("task", {})}, **job
    )
    await stub.finished(job_id)
    return job_id


async def test_describe_job(make, page):
    """`curl .../jobs/j-...` would not print what the page prints."""
    stub = make("docs")
    job_id = await sample(stub)
    answer = await stub.http.get(f"/api/v1/orchestrator/jobs/{job_id}")
    same_shape(answer.json(), page["describe_job"])
    shown, printed = answer.json()["Job"], page["describe_job"]["Job"]
    fixed = ("Name", "Namespace", "Type", "Priority", "Count", "Constraints", "Labels", "Tasks", "State", "Version")
    assert {key: shown[key] for key in fixed} == {key: printed[key] for key in fixed}
    assert shown["Revision"] == printed["Revision"]
    assert json.dumps(shown["Tasks"]) == json.dumps(printed["Tasks"])
    assert answer.text.startswith('{\n  "Job": {\n    "ID": "j-')
    assert answer.text.endswith("}\n")


async def test_describe_job_by_short_id(make):
    """`j-28c08f7f` would not be understood."""
    stub = make("docs")
    job_id = await sample(stub)
    assert (await stub.get(f"jobs/{job_id[:10]}"))["Job"]["ID"] == job_id


async def test_list_jobs_with_limit(make, page):
    """`curl .../jobs?limit=3` would not print what the page prints."""
    stub = make("docs")
    ids = [await sample(stub) for _ in range(3)]
    answer = await stub.get("jobs", limit=3)
    assert list(answer) == list(page["list_jobs"])
    assert ([job["ID"] for job in answer["Jobs"]], answer["NextToken"]) == (ids, "")


async def test_list_jobs_is_ten_by_default_and_a_token_leads_on(make):
    """"Default is set to 10" and "pagination continuation" would be empty words."""
    stub = make("docs")
    ids = [await sample(stub) for _ in range(12)]
    first = await stub.get("jobs")
    second = await stub.get("jobs", next_token=first["NextToken"])
    assert [job["ID"] for job in first["Jobs"] + second["Jobs"]] == ids
    assert (len(first["Jobs"]), second["NextToken"]) == (10, "")


async def test_list_jobs_in_each_order(make):
    """`order_by` and `reverse` would not order."""
    stub = make("docs")
    ids = [await sample(stub) for _ in range(4)]

    async def listed(**query):
        return [job["ID"] for job in (await stub.get("jobs", **query))["Jobs"]]

    assert await listed(order_by="create_time") == ids
    assert await listed(reverse="true") == ids[::-1]
    assert await listed(order_by="id") == sorted(ids)


async def test_list_jobs_by_namespace_and_labels(make):
    """The filters of the page's parameters would not filter."""
    stub = make("docs")
    dev = await stub.submit(Name="d", Labels={"env": "dev"}, Namespace="other")
    prod = await sample(stub)
    await stub.submit(Name="x", Labels={"env": "test"})

    async def listed(**query):
        return {job["ID"] for job in (await stub.get("jobs", **query))["Jobs"]}

    assert await listed(labels="env in (prod,dev)") == {prod, dev}
    assert await listed(namespace="other") == {dev}
    assert len(await listed(namespace="*")) == 3


async def test_create_job(make, page):
    """The page's PUT would be refused, or warn in other words."""
    stub = make("docs")
    task = {"Name": "task1", "Publisher": {"Type": "noop"}}
    task["Engine"] = {"Type": "docker", "Params": {"Image": "ubuntu:latest", "Entrypoint": ["echo", "hello"]}}
    body = {
        "Job": {
            "Name": "test-job",
            "Type": "batch",
            "Count": 1,
            "Labels": {"foo": "bar", "env": "dev"},
            "Tasks": [task],
            "CreateTime": 1234,
        }
    }
    answer = (await stub.http.put("/api/v1/orchestrator/jobs", json=body)).json()
    same_shape(answer, page["create_job"])
    assert answer["Warnings"] == page["create_job"]["Warnings"]


async def test_stop_job_with_a_reason_as_parameter_or_body(make, page):
    """`curl -X DELETE` would answer otherwise, or the reason would be lost."""
    stub = make("docs")
    stub.program.endless = True
    for request in ({"params": {"reason": "too slow"}}, {"json": {"reason": "too slow"}}):
        job_id = await stub.submit(Name="n")
        address = f"/api/v1/orchestrator/jobs/{job_id[:10]}"
        answer = (await stub.http.request("DELETE", address, **request)).json()
        same_shape(answer, page["stop_job"])
        history = (await stub.get(f"jobs/{job_id}/history", event_type="job"))["History"]
        assert (history[-1]["JobState"]["New"], history[-1]["Comment"]) == ("Stopped", "too slow")


async def test_job_history_of_an_execution(make, page):
    """The page's transitions of an execution would not be these."""
    stub = make("docs")
    job_id = await sample(stub)
    (execution,) = (await stub.get(f"jobs/{job_id}/executions"))["Executions"]
    answer = await stub.get(f"jobs/{job_id}/history", execution_id=execution["ID"])
    same_shape(answer, page["job_history"])

    def steps(history):
        return [(line["ExecutionState"], line["NewRevision"], line["Comment"]) for line in history["History"]]

    assert steps(answer) == steps(page["job_history"])


async def test_job_history_filters(make):
    """since, event_type, node_id, limit and next_token would not work as the page says."""
    stub = make("docs")
    job_id = await sample(stub)
    everything = (await stub.get(f"jobs/{job_id}/history"))["History"]
    kinds = {
        kind: {line["Type"] for line in (await stub.get(f"jobs/{job_id}/history", event_type=kind))["History"]}
        for kind in ("job", "execution", "all")
    }
    assert kinds == {
        "job": {"JobLevel"},
        "execution": {"ExecutionLevel"},
        "all": {"JobLevel", "ExecutionLevel"},
    }
    assert (await stub.get(f"jobs/{job_id}/history", since=4_000_000_000))["History"] == []
    node = next(line["NodeID"] for line in everything if line["NodeID"])
    of_node = (await stub.get(f"jobs/{job_id}/history", node_id=node))["History"]
    assert of_node == [line for line in everything if line["NodeID"] == node]
    first = await stub.get(f"jobs/{job_id}/history", limit=3)
    rest = await stub.get(f"jobs/{job_id}/history", next_token=first["NextToken"], limit=100)
    assert first["History"] + rest["History"] == everything
    assert (len(first["History"]), rest["NextToken"]) == (3, "")


async def test_job_executions(make, page):
    """A batch job with Count 3 would not list three executions as printed."""
    stub = make("docs", nodes=3)
    job_id = await sample(stub, Count=3)
    answer = await stub.get(f"jobs/{job_id}/executions")
    same_shape(answer, page["job_executions"])
    shown, printed = answer["Executions"], page["job_executions"]["Executions"]
    fixed = ("Namespace", "EvalID", "AllocatedResources", "DesiredState", "ComputeState", "PublishedResult")
    for execution in shown:
        assert {key: execution[key] for key in fixed} == {key: printed[0][key] for key in fixed}
        assert execution["RunOutput"] == printed[0]["RunOutput"]
    assert (len(shown), answer["NextToken"]) == (3, "")


async def test_job_executions_in_each_order(make):
    """order_by, reverse, limit and next_token would not work as the page says."""
    stub = make("docs", nodes=3)
    job_id = await sample(stub, Count=3)

    async def listed(**query):
        return (await stub.get(f"jobs/{job_id}/executions", **query))["Executions"]

    keys = {
        "modify_time": lambda e: e["ModifyTime"],
        "create_time": lambda e: e["CreateTime"],
        "id": lambda e: e["ID"],
        "state": lambda e: e["ComputeState"]["StateType"],
    }
    everything = await listed()
    assert everything == sorted(everything, key=keys["modify_time"])
    for order, key in keys.items():
        assert [key(e) for e in await listed(order_by=order)] == sorted(key(e) for e in everything)
    assert [e["ID"] for e in await listed(order_by="id", reverse="true")] == sorted(
        (e["ID"] for e in everything), reverse=True
    )
    first = await stub.get(f"jobs/{job_id}/executions", limit=2, order_by="id")
    rest = await stub.get(f"jobs/{job_id}/executions", next_token=first["NextToken"])
    assert [e["ID"] for e in first["Executions"] + rest["Executions"]] == sorted(e["ID"] for e in everything)


async def test_job_results(make, page):
    """The object in S3 would not be shown as printed, but as a signed URL."""
    stub = make("docs")
    publisher = {"Publisher": {"Type": "s3", "Params": {"Bucket": "bucket", "Key": "prefix/result"}}}
    job_id = await sample(stub, task=publisher)
    answer = await stub.get(f"jobs/{job_id}/results")
    same_shape(answer, page["job_results"])
    assert list(answer["Results"][0]["Params"]) == list(page["job_results"]["Results"][0]["Params"])


async def test_describe_node(make, page):
    """`curl .../nodes/Qm...` would not print what the page prints."""
    stub = make("docs")
    node_id = stub.orchestrator.node_id
    assert node_id.startswith("Qm")
    answer = await stub.get(f"nodes/{node_id}")
    same_shape(answer, page["describe_node"])
    assert answer["Node"]["BacalhauVersion"] == page["describe_node"]["Node"]["BacalhauVersion"]
    assert answer["Node"]["PeerInfo"]["ID"] == node_id


async def test_list_nodes(make, page):
    """Two linux nodes with the most memory would not be found."""
    stub = make("docs", nodes=3)
    answer = await stub.get("nodes", limit=2, order_by="available_memory", labels="Operating-System=linux")
    same_shape(answer, page["list_nodes"] | {"NextToken": answer["NextToken"]})
    rest = await stub.get("nodes", next_token=answer["NextToken"], labels="Operating-System=linux")
    ids = [node["PeerInfo"]["ID"] for node in answer["Nodes"] + rest["Nodes"]]
    assert (len(answer["Nodes"]), len(set(ids)), rest["NextToken"]) == (2, 3, "")


async def test_list_nodes_orders_and_default_limit(make):
    """order_by, reverse and "Default is set to 10" would be empty words."""
    stub = make("docs", nodes=12)
    first = await stub.get("nodes")
    ids = [node["PeerInfo"]["ID"] for node in first["Nodes"]]
    assert (len(ids), ids) == (10, sorted(ids))
    assert first["NextToken"] != ""
    for order in ("id", "type", "available_cpu", "available_memory", "available_disk", "available_gpu"):
        assert len((await stub.get("nodes", order_by=order, reverse="true"))["Nodes"]) == 10
    prod = await stub.get("nodes", labels="env=prod", limit=100)
    assert len(prod["Nodes"]) == 6


async def test_the_announced_version_is_the_printed_one(make, page):
    """A client would take the stub for another release than the page shows."""
    answer = await make("docs").http.get("/api/v1/agent/version")
    assert answer.json() == page["describe_node"]["Node"]["BacalhauVersion"]
    assert answer.headers["X-Bacalhau-Git-Version"] == "v1.1.0"
