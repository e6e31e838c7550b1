"""The routes of nodes over the engine."""

from __future__ import annotations

import pytest

NODES = "/api/v1/orchestrator/nodes"


async def test_nodes_are_listed_filtered_and_described(make):
    """`node list` and `node describe` would show nothing."""
    stub = make(nodes=3)
    everything = await stub.get("nodes")
    prod = await stub.get("nodes", labels="env=prod")
    none = await stub.get("nodes", **{"filter-approval": "rejected"})
    one = await stub.get(f"nodes/{stub.orchestrator.node_id}")
    assert [len(answer["Nodes"]) for answer in (everything, prod, none)] == [3, 2, 0]
    assert one["Node"]["Info"]["NodeID"] == stub.orchestrator.node_id


async def test_an_unknown_order_is_refused(make):
    """A typing error would be ignored."""
    answer = await make().http.get(NODES, params={"order_by": "nope"})
    assert (answer.status_code, answer.json()["Message"]) == (400, "invalid order_by")


@pytest.mark.parametrize(
    ("release", "status", "body"),
    [("1.5.2", 200, {"Success": False, "Error": "node already approved"}), ("1.9.3", 409, None)],
)
async def test_approving_twice_is_reported_in_the_releases_way(make, release, status, body):
    """A client would take the second approval for a success."""
    stub = make(release)
    answer = await stub.http.put(f"{NODES}/{stub.orchestrator.node_id}", json={"Action": "approve"})
    assert answer.status_code == status
    assert body is None or answer.json() == body


async def test_rejecting_a_node_succeeds(make):
    """`node reject` would fail."""
    stub = make(nodes=2)
    other = next(n["Info"]["NodeID"] for n in (await stub.get("nodes"))["Nodes"])
    answer = await stub.http.put(f"{NODES}/{other}", json={"Action": "reject", "Message": "m"})
    assert (answer.status_code, answer.json()) == (200, {"Success": True})
