"""BacalhauNodeSensor: waits until a cluster can take the work."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.errors import AuthError, BacalhauError
from airflow_provider_bacalhau.sensors.nodes import BacalhauNodeSensor
from airflow_provider_bacalhau.version_compat import AirflowFailException


def node(name):
    """A usable node as the server lists it."""
    compute = {"ExecutionEngines": ["docker"], "Publishers": ["s3"]}
    info = {"NodeID": name, "NodeType": "Compute", "ComputeNodeInfo": compute}
    return {"Info": info, "Membership": "APPROVED", "Connection": "CONNECTED"}


def sensor(**arguments):
    """A sensor that never sleeps."""
    return BacalhauNodeSensor(task_id="wait", poke_interval=0, **arguments)


def test_it_returns_the_nodes_that_are_there(orchestrator, context):
    """A DAG would start on a cluster that is too small."""
    one = sensor(min_nodes=2, engine="docker", publisher="s3", selector=["region=eu"])
    orchestrator.nodes = [node("a")]
    assert not one.poke(context(one)).is_done
    orchestrator.nodes = [node("a"), node("b")]
    assert one.execute(context(one)) == ["a", "b"]


def test_a_server_that_is_away_is_looked_at_again(orchestrator, context):
    """A restart of the orchestrator would fail the DAG."""
    one = sensor()
    orchestrator.answer = lambda *_: (500, {"Message": "Internal server error"})
    assert not one.poke(context(one)).is_done


def test_a_refusal_fails_for_good(orchestrator, context):
    """It would wait until its timeout for what can never come."""
    orchestrator.answer = lambda *_: (401, {"Message": "missing authorization header", "Code": "Unauthorized"})
    with pytest.raises(AuthError) as caught:
        (one := sensor()).poke(context(one))
    assert isinstance(caught.value, AirflowFailException)


def test_deferrable_waits_in_the_triggerer(orchestrator, context):
    """A worker slot would be held until the cluster has grown."""
    one = sensor(deferrable=True, min_nodes=2, timeout=100)
    with pytest.raises(BaseException) as caught:
        one.execute(context(one))
    assert caught.value.trigger.min_nodes == 2
    assert caught.value.timeout.total_seconds() == 100
    assert one.execute_complete(context(one), event={"nodes": ["a", "b"]}) == ["a", "b"]


def test_an_error_of_the_trigger_fails(context):
    """The task would succeed without nodes."""
    with pytest.raises(BacalhauError, match="not allowed"):
        (one := sensor()).execute_complete(context(one), event={"error": "not allowed"})
