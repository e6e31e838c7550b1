"""Counting nodes that could take a job."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_bacalhau.models.node import Node


def usable(nodes: Iterable[Node], *, engine: str | None, publisher: str | None) -> list[str]:
    """Ids of the approved and connected nodes that have the engine and the publisher, where one is asked for."""
    return [
        node.id
        for node in nodes
        if node.is_usable
        and (engine is None or engine in node.engines)
        and (publisher is None or publisher in node.publishers)
    ]


def wanted(selector: Iterable[str], engine: str | None, publisher: str | None) -> str:
    """The condition in words, for the log."""
    parts = [*selector, *(f"{name} {word}" for name, word in (("engine", engine), ("publisher", publisher)) if word)]
    return ", ".join(parts) or "any"
