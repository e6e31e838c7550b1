"""Nodes in the hands of a test."""

from __future__ import annotations

import pytest

from orchestrator_stub.testing.exchange import StubError


def shown(look):
    """Nodes as a client sees them: id -> connection."""
    return {
        node["Info"]["NodeID"]: node["Connection"] for node in look("/api/v1/orchestrator/nodes")["Nodes"]
    }


def test_nodes_are_found_by_place_name_and_beginning(bacalhau_stub):
    """A test would have to know ids that it cannot know."""
    edge = bacalhau_stub.nodes.add(name="edge-1", labels={"region": "eu"}, gpu=0, memory="8GB")
    nodes = bacalhau_stub.nodes
    assert len(nodes) == 4
    assert nodes["edge-1"].id == nodes[edge.id].id == nodes[edge.id[:12]].id == nodes[-1].id == edge.id
    assert nodes["edge-1"].labels["region"] == "eu"
    assert nodes["edge-1"].facts["capacity"]["memory"] == 8_000_000_000
    assert [node.id for node in nodes] == [node.id for node in nodes.list()]
    with pytest.raises(LookupError, match="no node is 'edge-2'; there are .*edge-1"):
        nodes["edge-2"]


def test_a_node_falls_silent_and_comes_back(bacalhau_stub, look):
    """The loss of a machine could not be rehearsed."""
    node = bacalhau_stub.nodes[0]
    node.drop()
    bacalhau_stub.clock.advance("10m")
    assert shown(look)[node.id] == "DISCONNECTED"
    node.rejoin()
    bacalhau_stub.clock.advance("1m")
    assert shown(look)[node.id] == "CONNECTED"


def test_what_runs_on_a_frozen_node_is_heard_of_when_it_thaws(bacalhau_stub, submit, state):
    """A broken network could not be told from a broken machine."""
    bacalhau_stub.on().after("1m").exit(0)
    with bacalhau_stub.clock.manual() as clock:
        job_id = submit()
        for node in bacalhau_stub.nodes:
            node.freeze()
        clock.advance("70s")
        assert state(job_id) == "Running"
        for node in bacalhau_stub.nodes:
            node.thaw()
        clock.advance("1s")
        assert state(job_id) == "Completed"


def test_a_node_is_changed_while_it_runs(bacalhau_stub, look):
    """A cluster whose nodes change could not be rehearsed."""
    node = bacalhau_stub.nodes[0]
    node.capacity(cpu=2, gpu=0)
    node.label({"spot": "true"})
    node.slow("2s")
    assert node.facts["capacity"]["cpu"] == 2
    assert bacalhau_stub.nodes[node.id].labels["spot"] == "true"
    node.label({"spot": None})
    assert "spot" not in bacalhau_stub.nodes[node.id].labels
    with pytest.raises(StubError, match="cpu"):
        node.capacity(cpu="many")


def test_a_node_reads_as_people_call_it(bacalhau_stub):
    """A list of nodes would be a list of addresses in memory."""
    node = bacalhau_stub.nodes.add(name="edge-1")
    assert repr(node) == f"StubNode(edge-1, {node.state})"
