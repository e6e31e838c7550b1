"""The nodes as the orchestrator manages them: joining, approval, figures (fact sheet 1.13)."""

from __future__ import annotations

from dataclasses import replace

from orchestrator_stub.clock import SECOND, Clock
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import Connection, Membership
from orchestrator_stub.engine.capacity import Share
from orchestrator_stub.engine.planner import Planner
from orchestrator_stub.scheduler.snapshot import takes_work
from orchestrator_stub.store.memory import MemoryStore
from orchestrator_stub.store.reading import find_node

HEARTBEAT = 15 * SECOND


class Cluster:
    """Who is there and who may work."""

    def __init__(self, store: MemoryStore, planner: Planner, clock: Clock, release: Release) -> None:
        self._store = store
        self._planner = planner
        self._clock = clock
        self._release = release

    def join(self, node: Node) -> None:
        """A node connects."""
        now = self._clock.now()
        since = node.connected_since or now
        node = replace(node, available=node.capacity, connected_since=since, last_heartbeat=since)
        self._planner.put_node(node)

    def figures_changed(self, node_id: str, share: Share[str]) -> None:
        """A node's free capacity and queue as they are now."""
        node = self._store.nodes.get(node_id)
        if node is not None:
            self._planner.put_node(share.shown_on(node))

    def workers(self) -> tuple[Node, ...]:
        """Nodes that the scheduler may use."""
        return tuple(node for node in self._store.nodes.values() if takes_work(node))

    def shown(self, node: Node) -> Node:
        """The node with its latest heartbeat: connected nodes send one every 15 s."""
        if node.connection is not Connection.CONNECTED:
            return node
        beats = (self._clock.now() - node.connected_since) // HEARTBEAT
        return replace(node, last_heartbeat=node.connected_since + beats * HEARTBEAT)

    def update(self, ref: str, action: str) -> Node:
        """Approve, reject or delete a node; returns the node as it was.

        Raises OrchestratorError in the release's words; up to 1.5.2 the api turns it into `Success: false`.
        """
        if action not in ("approve", "reject", "delete"):
            if self._release.node_update_reports:
                raise OrchestratorError(500, "unsupported action")
            raise OrchestratorError(500, "Internal server error", component="Unknown")
        node = self._store.nodes.get(ref)
        if node is None and self._release.node_update_reports:
            raise OrchestratorError(500, f"nodeInfo not found for nodeID: {ref}")
        node = node or find_node(self._store, ref, self._release)
        if action == "delete":
            self._planner.remove_node(node.id)
            return node
        wanted = Membership.APPROVED if action == "approve" else Membership.REJECTED
        if node.membership is wanted:
            word = wanted.lower()
            if self._release.node_update_reports:
                raise OrchestratorError(500, f"node already {word}")
            text = f"node {node.id} already {word}"
            raise OrchestratorError(409, text, code="ConflictNodeState", component="NodesManager")
        self._planner.put_node(self._after(replace(node, membership=wanted)))
        return node

    def _after(self, node: Node) -> Node:
        """A rejected node loses its connection (1.6+, scenario 31); an approved one comes back."""
        if not self._release.connection_state:
            return node
        if node.membership is Membership.APPROVED:
            return replace(node, connection=Connection.CONNECTED, disconnected_since=0, last_error="")
        return replace(
            node,
            connection=Connection.DISCONNECTED,
            disconnected_since=self._clock.now(),
            last_error="node rejected",
        )

