"""The calls of `/orchestrator/nodes`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from airflow_provider_bacalhau.client.call import Call
from airflow_provider_bacalhau.client.calls.query import query_pairs
from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.models.base import fold
from airflow_provider_bacalhau.models.node import Node
from airflow_provider_bacalhau.models.responses import Page

NODES = "/api/v1/orchestrator/nodes"


def get(node_id: str) -> Call[Node]:
    """One node by id, or by a unique beginning of it."""
    if not node_id or node_id in (".", ".."):
        raise ConfigError(f"A node id is needed, not {node_id!r}.")
    path = f"{NODES}/{quote(node_id, safe='')}"
    return Call(f"read node {node_id}", "GET", path, lambda data, _: Node.read(fold(data).get("node")))


def list_nodes(
    *,
    labels: str | Sequence[str] | None = None,
    limit: int | None = None,
    next_token: str | None = None,
    order_by: str | None = None,
    reverse: bool = False,
) -> Call[Page[Node]]:
    """Nodes of the cluster.

    :param labels: selectors ("region=eu"), one or several that must all hold.
    :param order_by: id, type, available_cpu, available_memory, available_disk, available_gpu (the largest first);
        since 1.5 also approval and status.
    """
    query = query_pairs(labels=labels, limit=limit, next_token=next_token, order_by=order_by, reverse=reverse)
    return Call("list nodes", "GET", NODES, lambda data, _: Page.read(data, "nodes", Node.read), query=query)
