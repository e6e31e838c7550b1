"""Nodes and build information, against recorded answers."""

from __future__ import annotations

import json

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.wire.gojson import dumps
from orchestrator_stub.wire.node import info_fields, node_fields, running_fields, version_fields
from orchestrator_stub.wire.shapes import shapes_of


def known_build(fields, release):
    """A recorded node with the build information of the public tag instead of the recording's."""
    fields = json.loads(json.dumps(fields))
    for counter in ("LastComputeSeqNum", "LastOrchestratorSeqNum"):  # how busy the recorded node's message bus was
        fields.get("ConnectionState", {}).pop(counter, None)
    fields.get("Info", fields)["BacalhauVersion"] = version_fields(release)
    fields.get("Info", fields)["SupportedProtocols"] = ["bprotocol/v2", "ncl/v1"]
    return fields


def test_the_node_list_comes_back_byte_for_byte(release, steps, rebuild):
    """A key, an order or a zero of a node would differ from a real server's."""
    recorded = json.loads(steps("30")["list"]["body"])
    recorded["Nodes"] = [known_build(node, release) for node in recorded["Nodes"]]
    assert recorded["Nodes"]
    shown = [node_fields(rebuild.node(node), release) for node in recorded["Nodes"]]
    assert dumps({"NextToken": "", "Nodes": shown}) == dumps(recorded)


def test_the_answering_node_has_the_releases_own_shape(release, steps, rebuild):
    """GET /agent/node would have the shape of another release."""
    recorded = known_build(json.loads(steps("01")["node"]["body"]), release)
    listed = json.loads(steps("30")["list"]["body"])["Nodes"][0]
    node = rebuild.node(recorded if "Info" in recorded else {**listed, "Info": recorded})
    assert dumps(shapes_of(release).own_node(node)) == dumps(recorded)


def test_the_version_has_the_recorded_keys(release, steps):
    """Clients that read the version would not find it."""
    recorded = json.loads(steps("01")["version"]["body"])
    shown = version_fields(release)
    assert list(shown) == list(recorded)
    assert {key: shown[key] for key in ("Major", "Minor", "GitVersion")} == {
        key: recorded[key] for key in ("Major", "Minor", "GitVersion")
    }


def test_what_runs_is_shown_with_what_it_was_given():
    """GET /agent/debug would not tell which jobs hold a node (FINDINGS 1 row 5.6)."""
    job = Job("j-1", "a", "default", "batch", 0, 1, tasks=(Task("main", SpecConfig("wasm")),))
    execution = Execution("e-1", "default", "", "n-1", "j-1", job, 1)
    assert dumps(running_fields(execution, Capacity(0.5, 512_000_000))) == (
        b'{"ExecutionID":"e-1","JobID":"j-1","State":"BidAccepted",'
        b'"AllocatedResources":{"Tasks":{"main":{"CPU":0.5,"Memory":512000000}}}}\n'
    )


def test_an_orchestrator_alone_shows_an_empty_compute_side_from_1_6_on():
    """Clients that expect the object would stumble over its absence."""
    node = Node("n-1", is_compute=False)
    assert "ComputeNodeInfo" not in info_fields(node, RELEASES["1.5.2"])
    assert info_fields(node, RELEASES["1.9.3"])["ComputeNodeInfo"]["ExecutionEngines"] is None
