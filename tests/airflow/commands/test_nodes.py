"""A cluster as a table, and as a file that the stub plays."""

from __future__ import annotations

import json
import urllib.request

import pytest
import yaml

from airflow_provider_bacalhau.commands.nodes import cluster_file, table
from airflow_provider_bacalhau.models.node import Capacity, Node

CLUSTER = """
nodes:
- {name: edge, count: 11, cpu: 8, memory: 32GB, labels: {region: eu, "yes": "no", version: "1.10", empty: ""}}
- {name: gpu-1, cpu: 0.5, memory: 512Mi, disk: 123456789, gpu: 8, engines: [docker], publishers: [local]}
- {name: n-0b1c, cpu: 64.25, memory: 1Ti, gpu: 1, engines: [wasm], publishers: [], labels: {name: another}}
- {cpu: 2}
"""


def advertised(url):
    """What a stub's nodes say of themselves, by id."""
    found = {}
    with urllib.request.urlopen(f"{url}/api/v1/orchestrator/nodes?limit=1000") as answer:
        nodes = json.load(answer)["Nodes"]
    for node in nodes:
        info = node.get("Info", node)
        compute = info["ComputeNodeInfo"]
        keys = ("ExecutionEngines", "Publishers", "MaxCapacity", "MaxJobRequirements", "AvailableCapacity")
        node_id = info.get("NodeID") or info["PeerInfo"]["ID"]
        found[node_id] = {"Labels": info["Labels"], **{key: compute.get(key) for key in keys}}
    return found


@pytest.mark.parametrize("release", ["docs", "1.5.2", "1.9.3"])
def test_a_second_stub_plays_the_cluster_that_was_written(start_stub, connect, command, tmp_path, release):
    """A team would develop against other nodes than those it has."""
    path = tmp_path / "cluster.yaml"
    path.write_text(CLUSTER)
    first = start_stub(path, emulate=release)
    connect(first)
    status, text, _ = command("nodes", "--conn-id", "prod", "--format", "stub")
    assert status == 0
    path.write_text(text)
    second = start_stub(path, emulate=release)
    assert len(advertised(second)) == 14
    assert advertised(second) == advertised(first)
    connect(second)
    assert command("nodes", "--conn-id", "prod", "--format", "stub")[1] == text, "written again it is the same"


def test_the_table_shows_what_is_free_and_what_there_is(start_stub, connect, command, tmp_path):
    """Somebody would have to read the JSON of the API."""
    path = tmp_path / "cluster.yaml"
    path.write_text(CLUSTER)
    connect(start_stub(path))
    status, text, _ = command("nodes", "--conn-id", "prod")
    lines = text.splitlines()
    assert (status, len(lines), lines[0].split()) == (
        0,
        15,
        ["NAME", "STATE", "CPU", "MEMORY", "GPU", "ENGINES", "PUBLISHERS", "LABELS"],
    )
    row = next(line for line in lines if line.startswith("gpu-1"))
    assert row.split()[1:9] == ["approved", "connected", "0.5/0.5", "1/1", "GB", "8/8", "docker", "local"]
    assert row.index("0.5/0.5") == lines[0].index("CPU")


def node(name, **changes):
    """A node of a real cluster."""
    values = {"type": "Compute", "engines": ["docker"], "membership": "APPROVED", "connection": "CONNECTED"}
    return Node(id=name, max_capacity=Capacity(cpu=2.0, memory=3 * 10**9, disk=7), **(values | changes))


def test_nodes_that_take_no_work_are_named_in_the_file():
    """A cluster would be played larger than it is without anybody knowing."""
    text = cluster_file([node("a"), node("b", connection="DISCONNECTED"), node("c", membership="PENDING")], "prod")
    assert "# Not taking work when this was written: b, c." in text.splitlines()
    assert [each["name"] for each in yaml.safe_load(text)["nodes"]] == ["a", "b", "c"]
    assert "Not taking" not in cluster_file([node("a")], "prod")


def test_an_orchestrator_alone_is_no_node_of_the_cluster(orchestrator, command):
    """A machine that runs nothing would take jobs in the stub."""
    orchestrator.nodes = [
        {"Info": {"NodeID": "n-1", "NodeType": "Requester", "Labels": {}, "ComputeNodeInfo": {}}},
        {"Info": {"NodeID": "n-2", "NodeType": "Compute", "Labels": {}, "ComputeNodeInfo": {"ExecutionEngines": ["wasm"]}}},
    ]
    _, text, _ = command("nodes", "--conn-id", "bacalhau_default", "--format", "stub")
    assert [each["name"] for each in yaml.safe_load(text)["nodes"]] == ["n-2"]


def test_an_empty_table_has_a_head():
    """A cluster without nodes would look like a failure."""
    assert table([]).split()[0] == "NAME"
