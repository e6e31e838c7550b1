"""The calls of nodes."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.client.calls import nodes
from airflow_provider_bacalhau.client.protocol import read_answer
from airflow_provider_bacalhau.errors import ConfigError, NotFound
from airflow_provider_bacalhau.models.capabilities import UNKNOWN


def test_list_sends_every_parameter_of_the_document():
    """A parameter would be dropped on the way."""
    call = nodes.list_nodes(
        labels="Operating-System=linux", limit=2, next_token="t", order_by="available_memory", reverse=True
    )
    assert (call.method, call.path) == ("GET", "/api/v1/orchestrator/nodes")
    assert call.query == (
        ("labels", "Operating-System=linux"),
        ("limit", "2"),
        ("next_token", "t"),
        ("order_by", "available_memory"),
        ("reverse", "true"),
    )


@pytest.mark.parametrize("release", ["1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"])
def test_recorded_nodes_are_read(recorded, release):
    """Nodes of a release would not be found: their list is never called Items."""
    page = read_answer(nodes.list_nodes(), recorded(release, "30", "list"), UNKNOWN)
    assert [node.is_usable for node in page.items] == [True]
    one = read_answer(nodes.get("n-1"), recorded(release, "30", "get-short"), UNKNOWN)
    assert one.id == page.items[0].id


@pytest.mark.parametrize("release", ["1.6.5", "1.9.3"])
def test_an_unknown_node_is_not_found(recorded, release):
    """A typing error in a node id would look like a broken server."""
    with pytest.raises(NotFound, match="node not found"):
        read_answer(nodes.get("n-nope"), recorded(release, "30", "get-unknown"), UNKNOWN)


def test_a_node_id_is_quoted_and_needed():
    """An empty id would list all nodes."""
    assert nodes.get("a/b").path.endswith("/a%2Fb")
    with pytest.raises(ConfigError, match="node id is needed"):
        nodes.get("")
