"""The sentence that says why not enough nodes can take a job (fact sheet 5.5)."""

from __future__ import annotations

from typing import Any

from orchestrator_stub.domain.job import Constraint, SpecConfig


def test_nodes_with_one_reason_share_a_line(world: Any) -> None:
    """Broken: three nodes with the same reason fill three lines."""
    nodes = [world.node(1), world.node(2), world.node(3, engines=())]
    plan = world.decide(world.job(engine=SpecConfig("foo")), nodes)
    assert plan.job_message == (
        "not enough nodes to run job. requested: 1, available: 3, suitable: 0.\n"
        "• 2 of 3 nodes: does not support foo, only docker, wasm\n"
        "• Node n-00000003: does not support foo, only "
    )


def test_details_count_the_nodes(world: Any) -> None:
    """Broken: the figures in the event's details are missing or wrong."""
    plan = world.decide(world.job(count=3), [world.node(1), world.node(2, engines=())])
    assert plan.job_events[0].details == {
        "IsError": "true",
        "NodesAvailable": "2",
        "NodesRequested": "3",
        "NodesSuitable": "1",
    }
    assert plan.job_message == (
        "not enough nodes to run job. requested: 3, available: 2, suitable: 1.\n"
        "• Node n-00000001: \n"
        "• Node n-00000002: does not support docker, only "
    )


def test_ops_has_a_sentence_of_its_own(world: Any) -> None:
    """Broken: the ops text of scenario 18 differs."""
    job = world.job("ops", count=0, constraints=(Constraint("none", "exists"),))
    event = world.decide(job, [world.node()]).job_events[0]
    assert event.message == (
        "not matching nodes to run job out of 1 available nodes.\n"
        "• Node n-00000001: labels map[a:b zone:z1] don't match required selectors [none exists ]"
    )
    assert event.details == {"IsError": "true", "NodesAvailable": "1"}


def test_other_names_than_ids_are_not_shortened(world: Any) -> None:
    """Broken: a node called `gpu-box` appears cut."""
    node = world.node(engines=())
    plan = world.decide(world.job(), [type(node)("gpu-box", capacity=node.capacity, available=node.available)])
    assert "• Node gpu-box: " in plan.job_message
