"""Which nodes match is what the scheduler says: the same jobs, submitted to a stub with a cluster of all sorts."""

from __future__ import annotations

import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_bacalhau.client.config import ClientConfig
from airflow_provider_bacalhau.client.sync import Client
from airflow_provider_bacalhau.lifecycle.matching import match
from airflow_provider_bacalhau.lifecycle.spec import for_server
from orchestrator_stub.testing.server import stub_server

TOO_FEW = re.compile(r"not enough nodes to run job\. requested: (\d+), available: (\d+), suitable: (\d+)\.")
NONE = re.compile(r"not matching nodes to run job out of (\d+) available nodes\.")
ENGINES, PUBLISHERS = ("docker", "wasm"), ("local", "s3", "noop")


def some(choose, items):
    """A part of the items, in their order."""
    return [one for one in items if choose.random() < 0.6]


def cluster_of(seed):
    """A dozen nodes that differ in all that a job can ask for."""
    choose = random.Random(seed)
    every = {"region": ["eu", "us", ""], "cores": ["4", "16", "many"], "spot": ["yes"]}
    return {
        "nodes": [
            {
                "name": f"node-{number}",
                "cpu": choose.choice([0.25, 2, 8]),
                "memory": choose.choice(["256MB", "768MB", "4Gi"]),
                "disk": choose.choice(["1GB", "2TB"]),
                "gpu": choose.choice([0, 0, 1, 4]),
                "engines": some(choose, ENGINES) or ["docker"],
                "publishers": some(choose, PUBLISHERS),
                "labels": {key: choose.choice(every[key]) for key in some(choose, every)},
            }
            for number in range(12)
        ]
    }


@pytest.fixture(scope="module", params=["1.5.2", "1.9.3"])
def server(request, tmp_path_factory):
    """A client of a stub of that release, and what its nodes say."""
    file = tmp_path_factory.mktemp("cluster") / "cluster.yaml"
    file.write_text(json.dumps(cluster_of(11)))
    with stub_server("--emulate", request.param, "--nodes", str(file)) as stub:
        with Client(ClientConfig(base_url=stub.url)) as client:
            yield client, [node for node in client.list_nodes(limit=1000).items if node.engines]


operators = st.one_of(
    st.builds(lambda op, values: {"Operator": op, "Values": values}, st.sampled_from(["in", "notin"]), st.lists(st.sampled_from(["eu", "us", "4", "yes"]), min_size=1, max_size=2)),
    st.builds(lambda op, value: {"Operator": op, "Values": [value]}, st.sampled_from(["=", "==", "!="]), st.sampled_from(["eu", "us", "16", "yes"])),
    st.builds(lambda op, value: {"Operator": op, "Values": [value]}, st.sampled_from(["gt", "lt"]), st.sampled_from(["3", "8", "0"])),
    st.builds(lambda op: {"Operator": op}, st.sampled_from(["exists", "!"])),
)
constraints = st.lists(
    st.builds(lambda key, one: {"Key": key, **one}, st.sampled_from(["region", "cores", "spot", "favour_region", "nowhere"]), operators),
    max_size=2,
)
resources = st.fixed_dictionaries(
    {},
    optional={
        "CPU": st.sampled_from(["100m", "0.25", "2", "2001m", "8", "9"]),
        "Memory": st.sampled_from(["256MB", "256mb", "0.25gb", "1Gi", "4Gi", "5GB", "100"]),
        "Disk": st.sampled_from(["1GB", "1.5TB", "3TB"]),
        "GPU": st.sampled_from(["0", "1", "2", "5"]),
    },
)
inputs = st.lists(st.sampled_from(["urlDownload", "inline", "s3", "ipfs", "URLDOWNLOAD"]), max_size=1)


@st.composite
def jobs(draw):
    """A job that every server accepts."""
    kind = draw(st.sampled_from(["batch", "batch", "service", "ops"]))
    params = {"Image": "acme/any:1"}
    task = {
        "Name": "main",
        "Engine": {"Type": draw(st.sampled_from(["docker", "docker", "Docker", "nope"])), "Params": params},
        "Publisher": {"Type": draw(st.sampled_from(["", "", "local", "Local", "noop", "ipfs"]))},
        "Resources": draw(resources),
        "InputSources": [
            {"Source": {"Type": one, "Params": {"URL": "data:,x", "Bucket": "b", "Key": "k", "CID": "c"}}, "Target": f"/{i}"}
            for i, one in enumerate(draw(inputs))
        ],
    }
    job = {"Type": kind, "Tasks": [task], "Constraints": draw(constraints)}
    return job | ({"Count": draw(st.sampled_from([1, 1, 2, 4, 13]))} if kind != "ops" else {})


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(job=jobs())
def test_a_job_finds_too_few_nodes_exactly_when_the_scheduler_says_so(server, job):
    """The doctor would call a job that never runs healthy, or a healthy one sick."""
    client, nodes = server
    facts = client.capabilities()
    wire = for_server(job, facts)
    found = match(wire, nodes, facts)
    submitted = client.submit_job(wire)
    told = None
    for _ in range(40):  # each look moves the stub's clock on
        seen = client.get_job(submitted.job_id)
        if client.get_executions(submitted.job_id).items:
            break  # it was placed: what became of it there is another matter
        told = TOO_FEW.match(seen.state_message) or NONE.match(seen.state_message)
        if seen.is_terminal:
            break
    if not seen.is_terminal:
        client.stop_job(submitted.job_id, reason="seen")
    assert bool(told) == (found.matching < found.wanted), (str(found), seen.state, seen.state_message)
    if told and told.re is TOO_FEW:
        assert [int(one) for one in told.groups()] == [found.wanted, len(nodes), found.matching]
