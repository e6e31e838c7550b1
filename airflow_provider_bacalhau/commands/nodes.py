"""`nodes`: which nodes a cluster has, as a table, or as a cluster file that the stub plays (`--nodes FILE`)."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_bacalhau.models.node import Node

_UNITS = (("GB", 10**9), ("Gi", 2**30), ("MB", 10**6), ("Mi", 2**20))
"""The first that leaves nothing over is written."""
_COLUMNS = ("NAME", "STATE", "CPU", "MEMORY", "GPU", "ENGINES", "PUBLISHERS", "LABELS")


def add(commands: Any) -> None:
    """Add the command to those of the parser (what `add_subparsers` gives)."""
    parser: argparse.ArgumentParser = commands.add_parser("nodes", help="the nodes of a cluster", allow_abbrev=False)
    parser.add_argument("--conn-id", required=True, help="connection to ask")
    parser.add_argument(
        "--format", choices=("table", "stub"), default="table", help="a table, or a cluster file for the stub's --nodes"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> str:
    """The text to print.

    :param given: `conn_id` and `format` ("table" or "stub")
    :raises BacalhauError: the connection is wrong, or the cluster cannot be asked
    :raises AirflowNotFoundException: there is no such connection
    """
    from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
    from airflow_provider_bacalhau.models.node import Node

    hook = BacalhauHook(given.conn_id)
    try:
        found = [Node.read(each) for each in hook.list_nodes(order_by="id")["Nodes"]]
    finally:
        hook.close()
    nodes = [node for node in found if node.engines or node.type.lower() != "requester"]
    return cluster_file(nodes, given.conn_id) if given.format == "stub" else table(nodes)


def cluster_file(nodes: Sequence[Node], conn_id: str) -> str:
    """A cluster file that describes the nodes; `conn_id` is named in it."""
    import yaml

    head = [f"{len(nodes)} nodes of connection {conn_id}, for `bacalhau-stub serve --nodes FILE`."]
    away = [node.id for node in nodes if not node.is_usable]
    if away:
        head.append(f"Not taking work when this was written: {', '.join(away)}.")
    described = {"nodes": [_described(node) for node in nodes]}
    body = yaml.safe_dump(described, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)
    return "".join(f"# {line}\n" for line in head) + body


def _described(node: Node) -> dict[str, Any]:
    full = node.max_capacity
    return {
        "name": node.id,
        "cpu": int(full.cpu) if full.cpu.is_integer() else full.cpu,
        "memory": _amount(full.memory),
        "disk": _amount(full.disk),
        "gpu": full.gpu,
        "engines": list(node.engines),
        "publishers": list(node.publishers),
        "labels": dict(sorted(node.labels.items())),
    }


def _amount(size: int) -> str | int:
    return next((f"{size // unit}{name}" for name, unit in _UNITS if size and size % unit == 0), size)


def table(nodes: Iterable[Node]) -> str:
    """The nodes in columns; CPU, memory and GPU as free/all."""
    rows = [_COLUMNS, *(_row(node) for node in nodes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def _row(node: Node) -> tuple[str, ...]:
    free, full = node.available_capacity, node.max_capacity
    state = " ".join(word.lower() for word in (node.membership, node.connection) if word)
    return (
        node.id,
        state or "-",
        f"{free.cpu:g}/{full.cpu:g}",
        f"{free.memory / 1e9:.0f}/{full.memory / 1e9:.0f} GB",
        f"{free.gpu}/{full.gpu}",
        ",".join(node.engines) or "-",
        ",".join(node.publishers) or "-",
        ",".join(f"{key}={value}" for key, value in sorted(node.labels.items())) or "-",
    )
