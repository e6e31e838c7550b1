"""The same bytes twice are one job, whatever the job looks like; with the two shapes for which a server breaks that."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bacalhau.errors import Conflict

UNIQUE = ["1.8.0", "1.9.3"]
WASM = {"Source": {"Type": "inline", "Params": {"URL": "data:application/wasm;base64,AGFzbQEAAAA="}}}
DOCKER = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "acme/clean:1"}}}
S3 = {"Type": "s3", "Params": {"Bucket": "b", "Key": "in/*", "Region": "eu-west-1"}}


def wasm(**params):
    """A job of one wasm module."""
    return {"Tasks": [{"Name": "main", "Engine": {"Type": "wasm", "Params": {"Entrypoint": "_start", **params}}}]}


def docker(**parts):
    """A docker job with more in its task."""
    return {"Tasks": [{**DOCKER, **parts}]}


SHAPES = {
    "docker": docker(),
    "environment": docker(Env={"DAY": "2026-01-01", "low": "x", "EMPTY": ""}),
    "parameters": {
        "Tasks": [
            {
                "Name": "main",
                "Engine": {
                    "Type": "docker",
                    "Params": {
                        "Image": "acme/clean:1",
                        "Entrypoint": ["sh", "-c"],
                        "Parameters": ["echo", "é"],
                        "WorkingDirectory": "/w",
                        "EnvironmentVariables": ["A=b"],
                    },
                },
            }
        ]
    },
    "no parameters": {"Tasks": [{"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "a:1", "Parameters": []}}}]},
    "inputs and publisher": docker(
        InputSources=[{"Source": S3, "Target": "/in", "Alias": "in"}],
        Publisher={"Type": "s3", "Params": {"Bucket": "b", "Key": "out/{jobID}/{executionID}", "Encoding": "plain"}},
        ResultPaths=[{"Name": "outputs", "Path": "/outputs"}],
    ),
    "publisher in lower case": docker(Publisher={"Type": "Local"}),
    "resources": docker(Resources={"CPU": "0.5", "Memory": "512mb", "Disk": "1GB", "GPU": ""}),
    "resources in other words": docker(Resources={"CPU": "500m", "Memory": "4Gi"}),
    "network": docker(Network={"Type": "HTTP", "Domains": ["acme.io"]}),
    "no network": docker(Network={"Type": "None"}),
    "timeouts": docker(Timeouts={"ExecutionTimeout": 60, "QueueTimeout": 30, "TotalTimeout": 600}),
    "nulls": {"Constraints": None, "Meta": None, "Priority": 0, **docker(Env=None, InputSources=None)},
    "labels, meta, priority": {"Labels": {"a": ""}, "Meta": {"b": "c"}, "Priority": 5, **docker(Meta={"d": "e"})},
    "constraint": {"Constraints": [{"Key": "zone", "Operator": "in", "Values": ["eu", "us"]}], **docker()},
    "constraint without values": {"Constraints": [{"Key": "gpu", "Operator": "exists", "Values": []}], **docker()},
    "wasm module as an object": wasm(EntryModule=WASM),
    "wasm module by its path": {
        "Tasks": [
            {
                **wasm(EntryModule="/m.wasm")["Tasks"][0],
                "InputSources": [{**WASM, "Target": "/m.wasm"}],
            }
        ]
    },
    "wasm with imports and environment": wasm(
        EntryModule=WASM, ImportModules=[{**WASM, "Target": "/x.wasm"}], EnvironmentVariables={"A": "b"}
    ),
    "ops": {"Type": "ops", "Count": None, **docker()},
    "daemon": {"Type": "daemon", "Count": None, **docker()},
    "service": {"Type": "service", "Count": 2, **docker()},
    "two": {"Count": 2, **docker()},
    "no count": {"Count": None, **docker()},
}


@pytest.mark.parametrize("release", UNIQUE)
def test_t17_every_shape_of_job_may_be_sent_twice(bench, stub):
    """A repeated submit would restart the running job of those who use that shape (T17, C19)."""
    stub.on(optional=True).hang()
    made = {}
    for number, (title, parts) in enumerate(SHAPES.items(), 1):
        spec = {"Namespace": "default", "Type": "batch", "Count": 1, **parts}
        one = bench.submission(spec=json.loads(json.dumps(spec)))
        wire = one._wire(number, one._me().fp)
        made[title] = bench.client().submit_job(wire).job_id
        with pytest.raises(Conflict, match="no changes detected"):
            bench.client().submit_job(wire)
    assert {title: job["Version"] for title, job in zip(made, stub.jobs(), strict=True)} == dict.fromkeys(made, 1)


@pytest.mark.parametrize("release", UNIQUE)
@pytest.mark.parametrize("shape", ["wasm module as an object", "constraint without values"])
def test_t17_two_shapes_are_no_longer_what_was_sent(bench, stub, shape):
    """The test above would pass on any stub: a real server stores these two differently and takes the second submit
    for a change, which is why they are never sent as they are (T17, C19)."""
    stub.on(optional=True).hang()
    job = {"Name": "a", "Namespace": "default", "Type": "batch", "Count": 1, **SHAPES[shape]}
    answers = [bench.client().submit_job(job).job_id for _ in range(2)]
    assert answers[0] == answers[1]
    assert bench.only_job()["Version"] == 2
