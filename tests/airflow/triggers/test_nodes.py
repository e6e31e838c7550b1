"""BacalhauNodesTrigger: fires once there are enough nodes."""

from __future__ import annotations

import asyncio
import json

from airflow_provider_bacalhau.models.node import Node
from airflow_provider_bacalhau.triggers.nodes import BacalhauNodesTrigger, usable, wanted


def node(name, *, connection="CONNECTED", engines=("docker",), publishers=("s3",)):
    """A node as the server lists it."""
    compute = {"ExecutionEngines": list(engines), "Publishers": list(publishers)}
    info = {"NodeID": name, "NodeType": "Compute", "ComputeNodeInfo": compute}
    return {"Info": info, "Membership": "APPROVED", "Connection": connection}


async def test_it_fires_when_enough_nodes_are_there(orchestrator):
    """A DAG would start on a cluster that is still empty."""
    orchestrator.nodes = [node("a")]
    trigger = BacalhauNodesTrigger(bacalhau_conn_id="bacalhau_default", min_nodes=2, poll_interval=0.01)
    task = asyncio.ensure_future(anext(trigger.run()))
    while len(orchestrator.requests) < 2:
        await asyncio.sleep(0.01)
    assert not task.done()
    orchestrator.nodes.append(node("b"))
    assert (await task).payload == {"nodes": ["a", "b"]}


async def test_a_refusal_is_told(orchestrator):
    """It would wait until the sensor's timeout for what can never come."""
    orchestrator.answer = lambda *_: (403, {"Message": "does not have the required capability", "Code": "Forbidden"})
    event = await anext(BacalhauNodesTrigger(bacalhau_conn_id="bacalhau_default").run())
    assert "capability" in event.payload["error"]


def test_its_arguments_survive_airflows_database():
    """After a restart of the triggerer it is made again from them."""
    one = BacalhauNodesTrigger(bacalhau_conn_id="c", selector=["region=eu"], min_nodes=2, engine="docker")
    path, arguments = one.serialize()
    assert path.endswith("triggers.nodes.BacalhauNodesTrigger")
    assert BacalhauNodesTrigger(**json.loads(json.dumps(arguments))).serialize() == one.serialize()


def test_only_nodes_that_could_take_the_job_count():
    """Disconnected nodes, or ones without the engine, would be counted as capacity."""
    nodes = [
        Node.read(node("good")),
        Node.read(node("gone", connection="DISCONNECTED")),
        Node.read(node("wasm", engines=["wasm"])),
        Node.read(node("local", publishers=["local"])),
    ]
    assert usable(nodes, engine="docker", publisher="s3") == ["good"]
    assert len(usable(nodes, engine=None, publisher=None)) == 3


def test_the_condition_in_words():
    """The log would say how many, but not of what."""
    assert wanted(["region=eu"], "docker", None) == "region=eu, engine docker"
    assert wanted([], None, None) == "any"
