"""What somebody does to nodes while they run: lose them, freeze them, change what they are. Loaded when first used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from orchestrator_stub.clock import Clock
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.shape import Behaviour, NodeShape
from orchestrator_stub.engine.behaviour import Behaviours
from orchestrator_stub.engine.cluster import Cluster
from orchestrator_stub.engine.compute import Compute
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.machines import ADVERTISED, described_nodes
from orchestrator_stub.engine.member import Member
from orchestrator_stub.engine.run import Workbench

_SHOWN = 5
"""So many names stand in an error."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A node as it is, whatever it has said and whoever knows of it."""

    node: Node
    """With its free capacity, its queue and its counts of this moment."""
    known: Node | None
    """As the orchestrator keeps it; None when it does not."""
    state: str
    """alive, frozen (silent, but its programs run on) or dropped."""
    behaviour: Behaviour

    @property
    def name(self) -> str:
        """What people call it."""
        return self.node.labels.get("name", self.node.id)


class Fleet:
    """All nodes of a stub, for who has them in hand."""

    def __init__(
        self,
        cluster: Cluster,
        compute: Compute,
        bench: Workbench,
        *,
        release: Release,
        clock: Clock,
        ids: Ids,
        known: Mapping[str, Node],
    ) -> None:
        """`known`: the nodes as the orchestrator keeps them, by id."""
        self._cluster = cluster
        self._compute = compute
        self._bench = bench
        self._release = release
        self._clock = clock
        self._ids = ids
        self._known = known
        self._behaviours: Behaviours | None = None

    # Looking.

    def machines(self) -> list[Machine]:
        """All compute nodes, in the order in which they came."""
        return [self._machine(member) for member in self._cluster.members() if member.told.is_compute]

    def machine(self, node_id: str) -> Machine:
        """The node with this id."""
        return self._machine(self._cluster.member(node_id))

    def find(self, ref: str) -> str:
        """Id of the one compute node that is called `ref`, by its id, its name, or the beginning of its id.

        Raises OrchestratorError 404 for none, 409 for several.
        """
        nodes = [member.told for member in self._cluster.members() if member.told.is_compute]
        for found in (
            [node.id for node in nodes if node.id == ref],
            [node.id for node in nodes if node.labels.get("name") == ref],
            [node.id for node in nodes if node.id.startswith(ref)],
        ):
            if len(found) == 1:
                return found[0]
            if found:
                raise OrchestratorError(409, f"{ref} may be each of {len(found)} nodes: {_some(found)}; give a full id")
        raise OrchestratorError(404, f"there is no node {ref}; there are {_some(node.id for node in nodes)}")

    # Nodes that come.

    def add(self, shapes: Iterable[NodeShape]) -> list[Machine]:
        """Nodes that join now. Raises OrchestratorError 409 when there is one of that name; then none joins."""
        shapes = list(shapes)
        existing = {member.told.id for member in self._cluster.members()}
        for shape in shapes:
            if shape.name in existing:
                raise OrchestratorError(409, f"there is a node {shape.name} already; give another name")
        nodes = described_nodes(shapes, ADVERTISED, self._bench, self._release, name=self._ids.node)
        for node in nodes:
            self._cluster.join(replace(node, membership=self._cluster.newcomers))
            self._compute.join(node)
        self.behave((node.id, shape.behaviour) for node, shape in zip(nodes, shapes, strict=True))
        return [self.machine(node.id) for node in nodes]

    def behave(self, behaviours: Iterable[tuple[str, Behaviour]]) -> None:
        """How nodes, by their ids, behave from now on."""
        for node_id, behaviour in behaviours:
            if self._behaviours is None and behaviour != Behaviour():
                source = self._ids.source("behaviour of nodes")
                self._behaviours = Behaviours(self._release, self._clock, source)
                self._compute.behave(self._behaviours)
            if self._behaviours is not None:
                self._behaviours.put(node_id, behaviour)

    # What is done to them; all take a full id.

    def drop(self, node_id: str) -> None:
        """A node falls silent and all that runs there ends, as if its machine had lost power.

        Raises OrchestratorError 409 when it has done so already.
        """
        self._cluster.fall_silent(node_id)
        self._compute.go_down(node_id)

    def rejoin(self, node_id: str) -> None:
        """A dropped node starts again. Raises OrchestratorError 409 for any other."""
        self._cluster.refuse_unless_silent(node_id)
        self._compute.come_up(node_id)
        self._cluster.speak_again(node_id)

    def freeze(self, node_id: str) -> None:
        """No word goes to or from a node, while its programs run on. Raises OrchestratorError 409 for a silent one."""
        self._cluster.freeze(node_id)

    def thaw(self, node_id: str) -> None:
        """What waited at a frozen node is heard. Raises OrchestratorError 409 for any other."""
        self._cluster.thaw(node_id)

    def slow(self, node_id: str, seconds: float) -> None:
        """Each step of a node takes so many seconds longer, 0 = as others do."""
        self.behave([(node_id, replace(self._behaviour(node_id), slow=seconds))])

    def resize(self, node_id: str, capacity: Capacity) -> None:
        """A node offers another capacity, and says so. What it has begun goes on."""
        self._compute.resize(node_id, capacity)
        told = self._cluster.member(node_id).told
        self._cluster.describe_anew(node_id, replace(told, capacity=capacity))

    def relabel(self, node_id: str, labels: Mapping[str, str]) -> None:
        """A node has these labels, and says so."""
        told = self._cluster.member(node_id).told
        self._cluster.describe_anew(node_id, replace(told, labels=dict(labels)))

    def _behaviour(self, node_id: str) -> Behaviour:
        return Behaviour() if self._behaviours is None else self._behaviours.of(node_id)

    def _machine(self, member: Member) -> Machine:
        node_id = member.told.id
        state = "frozen" if member.frozen else "dropped" if member.silent_since else "alive"
        return Machine(
            member.as_it_is(self._clock.peek()), self._known.get(node_id), state, self._behaviour(node_id)
        )


def _some(ids: Iterable[str]) -> str:
    names = list(ids)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "none") + more
