"""Reading a node."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.models.node import Capacity, Node


def test_a_recorded_node_is_read(recorded, release):
    """A node of one of the releases would come out with holes."""
    body = recorded(release, "30", "list")["Nodes"][0]
    node = Node.read(body)
    assert node.id == body["Info"]["NodeID"]
    assert (node.type, node.membership, node.connection) == ("Compute", "APPROVED", "CONNECTED")
    assert node.engines == ["wasm"]
    assert "local" in node.publishers
    assert "inline" in node.storage_sources
    assert node.max_capacity.cpu > 1
    assert node.max_capacity.memory > 10**9
    assert node.max_capacity.gpu == 0
    assert node.version == release
    assert node.is_usable


def test_the_agents_node_is_read_in_both_shapes(recorded, release):
    """/agent/node is wrapped in `Info` by 1.5.2 and flat since 1.6."""
    node = Node.read(recorded(release, "01", "node"))
    assert node.id.startswith("n-")
    assert node.engines == ["wasm"]


def test_the_documents_nodes_are_read(page):
    """The flat nodes of the user's document would not be readable."""
    node = Node.read(page["describe_node"]["Node"])
    assert node.id == "QmUDAXvv31WPZ8U9CzuRTMn9iFGiopGE7rHiah1X8a6PkT"
    assert node.address == "34.34.247.247"
    assert node.version == "1.1.0"
    assert node.max_capacity == Capacity(cpu=3.2, memory=12561049190, disk=582010404864, gpu=1)
    assert node.is_usable
    assert Node.read(page["list_nodes"]["Nodes"][0]).name == "saturnia_len20"


def test_the_version_is_read_in_lower_case():
    """The real 1.1.0 writes `gitversion` where the document prints `GitVersion` (FINDINGS-1.1.0 1)."""
    assert (
        Node.read({"PeerInfo": {"ID": "Qm1", "Addrs": []}, "BacalhauVersion": {"gitversion": "v1.1.0"}}).version
        == "1.1.0"
    )


@pytest.mark.parametrize(
    ("facts", "usable"),
    [
        ({"membership": "APPROVED", "connection": "CONNECTED"}, True),
        ({"membership": "PENDING", "connection": "CONNECTED"}, False),
        ({"membership": "APPROVED", "connection": "DISCONNECTED"}, False),
        ({"membership": "APPROVED", "connection": "CONNECTED", "engines": []}, False),
        ({}, True),
    ],
)
def test_what_is_usable(facts, usable):
    """Pending, disconnected or orchestrator-only nodes would be counted as able to run a job."""
    assert Node(id="n-1", **{"engines": ["docker"], **facts}).is_usable is usable


def test_an_orchestrator_without_compute_info_is_read():
    """1.5.2 leaves ComputeNodeInfo out, 1.6+ sends null lists."""
    assert Node.read({"Info": {"NodeID": "n-1", "NodeType": "Requester"}}).engines == []
    assert Node.read({"Info": {"NodeID": "n-1", "ComputeNodeInfo": {"ExecutionEngines": None}}}).engines == []


def test_plain_values_read_back_to_the_same_node(recorded, release):
    """A hook method would return something else than what was read."""
    node = Node.read(recorded(release, "30", "list")["Nodes"][0])
    assert Node.read(node.to_plain()) == node


def test_a_node_without_id_is_refused():
    """Nonsense would be counted as a node."""
    with pytest.raises(ValueError, match="id"):
        Node.read({"Info": {}})
