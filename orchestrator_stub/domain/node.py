"""A machine that takes part in the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator_stub.domain.states import Connection, Membership

MOST_NODES = 1000
"""Of one cluster."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """An amount of resources: cores, bytes, bytes, devices."""

    cpu: float = 0.0
    memory: int = 0
    disk: int = 0
    gpu: int = 0

    def __add__(self, other: Capacity) -> Capacity:
        return Capacity(self.cpu + other.cpu, self.memory + other.memory, self.disk + other.disk, self.gpu + other.gpu)

    def __sub__(self, other: Capacity) -> Capacity:
        return Capacity(
            round(self.cpu - other.cpu, 6), self.memory - other.memory, self.disk - other.disk, self.gpu - other.gpu
        )

    def fits_in(self, other: Capacity) -> bool:
        """True when `other` has at least this much of everything."""
        return (
            self.cpu <= other.cpu + 1e-9
            and self.memory <= other.memory
            and self.disk <= other.disk
            and self.gpu <= other.gpu
        )

    def fits_beside(self, load: Capacity, limit: Capacity) -> bool:
        """The same as `(load + self).fits_in(limit)`, for who asks it of every node."""
        return (
            load.cpu + self.cpu <= limit.cpu + 1e-9
            and load.memory + self.memory <= limit.memory
            and load.disk + self.disk <= limit.disk
            and load.gpu + self.gpu <= limit.gpu
        )


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the orchestrator knows it; times are unix nanoseconds, 0 = never."""

    id: str
    is_compute: bool = True
    """False: an orchestrator without a compute side."""
    labels: Mapping[str, str] = field(default_factory=dict)
    engines: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    storage_sources: tuple[str, ...] = ()
    capacity: Capacity = Capacity()
    available: Capacity = Capacity()
    """This and the next three: as the node last said, which may be a while ago."""
    running: int = 0
    enqueued: int = 0
    queue_used: Capacity = Capacity()
    """What waits on the node for free capacity."""
    membership: Membership = Membership.APPROVED
    connection: Connection = Connection.CONNECTED
    last_heartbeat: int = 0
    connected_since: int = 0
    disconnected_since: int = 0
    address: str = ""
    last_error: str = ""
    """Why the node is not connected ("node rejected"); shown from 1.6 on."""
