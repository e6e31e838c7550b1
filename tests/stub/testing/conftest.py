"""What tests of the handle share: jobs, sent as a client sends them."""

from __future__ import annotations

import json
import urllib.request

import pytest

JOBS = "/api/v1/orchestrator/jobs"


def ask(stub, method, path, body=None):
    """The JSON of an answer of the emulated surface."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(stub.url + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def submit(bacalhau_stub):
    """Submit a small docker job: `submit(image=..., task=..., **fields of the job)` gives its id."""

    def submit(image="acme/clean:1.4", task="main", results=(), publisher=None, **fields):
        one = {"Name": task, "Engine": {"Type": "docker", "Params": {"Image": image}}}
        one["ResultPaths"] = [{"Name": name, "Path": f"/{name}"} for name in results]
        if publisher:
            one["Publisher"] = publisher
        job = {"Type": "batch", "Count": 1, "Tasks": [one], **fields}
        return ask(bacalhau_stub, "PUT", JOBS, {"Job": job})["JobID"]

    return submit


@pytest.fixture
def state(bacalhau_stub):
    """State of a job."""
    return lambda job_id: ask(bacalhau_stub, "GET", f"{JOBS}/{job_id}")["Job"]["State"]["StateType"]


@pytest.fixture
def look(bacalhau_stub):
    """`look(path)`: the JSON of an answer."""
    return lambda path: ask(bacalhau_stub, "GET", path)
