"""A node of the cluster."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from airflow_provider_bacalhau.models.base import WireModel, fold, part, text


class Capacity(WireModel):
    """CPU in cores, memory and disk in bytes, GPU in pieces."""

    cpu: float = 0.0
    memory: int = 0
    disk: int = 0
    gpu: int = 0

    @classmethod
    def read(cls, data: Any) -> Capacity:
        """Read a resources object; what it leaves out is 0."""
        wire = fold(data)
        return cls(**{name: wire.get(name, 0) for name in ("cpu", "memory", "disk", "gpu")})

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values in the spelling of 1.9.3."""
        return {"CPU": self.cpu, "Memory": self.memory, "Disk": self.disk, "GPU": self.gpu}


class Node(WireModel):
    """A node, from `/orchestrator/nodes` (any release or the user's document) or from `/agent/node`."""

    id: str
    name: str = ""
    type: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    engines: list[str] = Field(default_factory=list)
    publishers: list[str] = Field(default_factory=list)
    storage_sources: list[str] = Field(default_factory=list)
    max_capacity: Capacity = Capacity()
    available_capacity: Capacity = Capacity()
    running_executions: int = 0
    enqueued_executions: int = 0
    membership: str = ""
    connection: str = ""
    version: str = ""
    address: str = ""

    @classmethod
    def read(cls, data: Any) -> Node:
        """Read a node in each of its shapes: with `Info` (1.5.2+), flat `NodeID` (agent, 1.6+), `PeerInfo` (document).

        :raises ValueError: it is not a node (no object, no id, a field of a wrong type).
        """
        wire = fold(data)
        info = part(wire, "info") or wire
        peer, compute = part(info, "peerinfo"), part(info, "computenodeinfo")
        labels = info.get("labels", {})
        node_id = info.get("nodeid", peer.get("id"))
        return cls(
            id=node_id,
            name=labels.get("name") or node_id or "",
            type=info.get("nodetype", ""),
            labels=labels,
            engines=compute.get("executionengines", []),
            publishers=compute.get("publishers", []),
            storage_sources=compute.get("storagesources", []),
            max_capacity=Capacity.read(compute.get("maxcapacity", {})),
            available_capacity=Capacity.read(compute.get("availablecapacity", {})),
            running_executions=compute.get("runningexecutions", 0),
            enqueued_executions=compute.get("enqueuedexecutions", 0),
            membership=text(wire.get("membership")),
            connection=text(wire.get("connection") or part(wire, "connectionstate").get("status")),
            version=text(part(info, "bacalhauversion").get("gitversion")).removeprefix("v"),
            address=text(compute.get("address")) or _peer_address(peer.get("addrs", [])),
        )

    @property
    def is_usable(self) -> bool:
        """It can take jobs: approved, connected, with at least one engine. The user's document knows no such states."""
        return self.membership in ("", "APPROVED") and self.connection in ("", "CONNECTED") and bool(self.engines)

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values in the spelling of 1.9.3, whatever the server's release."""
        return {
            "Info": {
                "NodeID": self.id,
                "NodeType": self.type,
                "Labels": self.labels,
                "ComputeNodeInfo": {
                    "ExecutionEngines": self.engines,
                    "Publishers": self.publishers,
                    "StorageSources": self.storage_sources,
                    "MaxCapacity": self.max_capacity.to_plain(),
                    "AvailableCapacity": self.available_capacity.to_plain(),
                    "RunningExecutions": self.running_executions,
                    "EnqueuedExecutions": self.enqueued_executions,
                    "address": self.address,
                },
                "BacalhauVersion": {"GitVersion": f"v{self.version}" if self.version else ""},
            },
            "Membership": self.membership,
            "Connection": self.connection,
        }


def _peer_address(addresses: list[str]) -> str:
    """Host of the first multi-address "/ip4/34.34.247.247/tcp/1235" of the user's document."""
    parts = addresses[0].split("/") if addresses else []
    return parts[2] if len(parts) > 2 else ""
