"""Waiting for nodes without a worker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_bacalhau.errors import ApiError, BacalhauError, Rejected

if TYPE_CHECKING:
    from airflow_provider_bacalhau.models.node import Node


class BacalhauNodesTrigger(BaseTrigger):
    """Fire once there are enough usable nodes.

    :param selector: label selectors that all of them match.
    :param min_nodes: how many are enough.
    :param engine: an execution engine that they have, None for any.
    :param publisher: a publisher that they have, None for any.
    :param poll_interval: seconds between two looks.
    :param _: arguments that a newer provider has stored.
    """

    def __init__(
        self,
        *,
        bacalhau_conn_id: str,
        selector: Sequence[str] = (),
        min_nodes: int = 1,
        engine: str | None = None,
        publisher: str | None = None,
        poll_interval: float = 60.0,
        **_: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # BaseTrigger has no annotations
        self.bacalhau_conn_id = bacalhau_conn_id
        self.selector = tuple(selector)
        self.min_nodes = min_nodes
        self.engine = engine
        self.publisher = publisher
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, all of them plain values."""
        return (
            "airflow_provider_bacalhau.triggers.nodes.BacalhauNodesTrigger",
            {
                "bacalhau_conn_id": self.bacalhau_conn_id,
                "selector": list(self.selector),
                "min_nodes": self.min_nodes,
                "engine": self.engine,
                "publisher": self.publisher,
                "poll_interval": self.poll_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire `{"nodes": [ids]}`, or `{"error"}` when the server refuses to tell."""
        try:
            payload: dict[str, Any] = {"nodes": await self._wait()}
        except BacalhauError as error:
            payload = {"error": str(error)}
        yield TriggerEvent(payload)

    async def _wait(self) -> list[str]:
        from airflow_provider_bacalhau.hooks.bacalhau import BacalhauHook
        from airflow_provider_bacalhau.hooks.connection import EVERY_NODE

        async with BacalhauHook(self.bacalhau_conn_id).aconn() as client:
            while True:
                try:
                    page = await client.list_nodes(labels=list(self.selector) or None, limit=EVERY_NODE)
                    found = usable(page.items, engine=self.engine, publisher=self.publisher)
                    if len(found) >= self.min_nodes:
                        return found
                    self.log.info("%d of %d nodes are there.", len(found), self.min_nodes)
                except Rejected:
                    raise
                except ApiError as error:
                    self.log.warning("The nodes cannot be read now: %s", error)
                await asyncio.sleep(self.poll_interval * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load only


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
