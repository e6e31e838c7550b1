"""The nodes as the orchestrator knows them: who is there, who may work, what they last said (fact sheet 1.13)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from orchestrator_stub.clock import SECOND, Clock, Timer
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import Connection, Membership
from orchestrator_stub.engine.capacity import Share
from orchestrator_stub.engine.planner import Planner
from orchestrator_stub.engine.post import Post
from orchestrator_stub.engine.reevaluation import Reevaluation
from orchestrator_stub.engine.reports import Told
from orchestrator_stub.scheduler.snapshot import takes_work
from orchestrator_stub.store.memory import MemoryStore
from orchestrator_stub.store.reading import find_node

HEARTBEAT = 15 * SECOND
SILENCE = 60 * SECOND
"""A node that has not been heard of for longer than this is out of touch..."""
HEALTH_CHECK = 20 * SECOND
"""...which is found out this often."""
UPKEEP = 10 * SECOND
"""How often a node looks whether it is still in touch: at one look it sees that it is not, at the next it tries."""
LONGEST_WAIT = 120 * SECOND
"""A node that is turned away waits 20 s, then twice as long each time, but never longer than this."""
_WORDS = {"approve": Membership.APPROVED, "reject": Membership.REJECTED}


@dataclass(slots=True)
class _Member:
    """A node that exists, whether the orchestrator knows of it or not."""

    told: Node
    """What it says about itself when it connects."""
    since: int
    """Its heartbeats are counted from here, unix nanoseconds."""
    load: Told[tuple[Capacity, Capacity]]
    """Free capacity and what waits."""
    counts: Told[tuple[int, int]]
    """How many run and wait."""
    silent_since: int = 0
    """Unix nanoseconds; 0 = it is alive."""
    retry: Timer | None = None
    """Its next try to get in touch."""
    shown: Node = field(default_factory=lambda: Node(""))
    """Kept from heartbeat to heartbeat: it is asked for at every look at a job, and no node speaks in between."""
    shown_at: int = 0
    shown_from: Node | None = None


class Cluster:
    """Who is there and who may work."""

    def __init__(
        self,
        store: MemoryStore,
        planner: Planner,
        clock: Clock,
        release: Release,
        *,
        post: Post,
        watch: Reevaluation,
        manual_approval: bool = False,
    ) -> None:
        """`post` is cut and restored as nodes come and go, `watch` told where the release watches its nodes.

        `manual_approval`: a node that registers anew is PENDING until somebody approves it.
        """
        self._store = store
        self._planner = planner
        self._clock = clock
        self._release = release
        self._post = post
        self._watch = watch
        self._newcomers = Membership.PENDING if manual_approval else Membership.APPROVED
        self._members: dict[str, _Member] = {}
        self._started = clock.now()

    # What the orchestrator knows.

    def workers(self) -> tuple[Node, ...]:
        """Nodes that the scheduler may use, with the load that they last spoke of."""
        return tuple(self.shown(node) for node in self._store.nodes.values() if takes_work(node))

    def in_touch(self, node_ids: Iterable[str]) -> frozenset[str]:
        """Those of the nodes whose executions are not lost: the known, where the release watches them the connected."""
        watched = self._release.nodes_watched
        known = (self._store.nodes.get(node_id) for node_id in node_ids)
        return frozenset(n.id for n in known if n and (n.connection is Connection.CONNECTED or not watched))

    def shown(self, node: Node) -> Node:
        """The node with its latest heartbeat and its latest words about its load."""
        member = self._members.get(node.id)
        if member is None or not node.is_compute or node.connection is not Connection.CONNECTED:
            return node
        now = member.silent_since or self._clock.now()
        beat = _last_beat(member, now)
        if node.membership is Membership.REJECTED:  # such a node is not listened to (1.5.2)
            return replace(node, last_heartbeat=beat)
        if member.shown_at != beat or member.shown_from is not node:
            (available, queue_used), (running, enqueued) = member.load.known(now), member.counts.known(now)
            member.shown_at, member.shown_from = beat, node
            member.shown = replace(
                node,
                last_heartbeat=beat,
                available=available,
                queue_used=queue_used,
                running=running,
                enqueued=enqueued,
            )
        return member.shown

    def all_shown(self) -> Iterable[Node]:
        """All known nodes."""
        return (self.shown(node) for node in self._store.nodes.values())

    def own(self, node_id: str) -> Node:
        """What the orchestrator's own node says of itself: its figures of this moment, whatever others did to it in the
        list.

        Raises OrchestratorError 404 when there is no such node.
        """
        member = self._members.get(node_id)
        if member is None:
            return find_node(self._store, node_id, self._release)
        if not member.told.is_compute:
            return member.told
        (available, queue_used), (running, enqueued) = member.load.value, member.counts.value
        return replace(
            member.told,
            last_heartbeat=_last_beat(member, self._clock.now()),
            available=available,
            queue_used=queue_used,
            running=running,
            enqueued=enqueued,
        )

    def exists(self, ref: str) -> str:
        """Full id of a node that exists, known to the orchestrator or not. Raises OrchestratorError."""
        return ref if ref in self._members else find_node(self._store, ref, self._release).id

    # What nodes do.

    def join(self, node: Node) -> None:
        """A node that is new here connects, with the membership that it brings along."""
        now = node.connected_since or self._clock.now()
        node = replace(node, available=node.capacity if node.is_compute else Capacity(), connected_since=now)
        self._members[node.id] = _Member(
            node,
            now,
            Told((node.capacity, Capacity()), now, self._release.load_reported_every * SECOND),
            Told((0, 0), now, self._release.counts_reported_every * SECOND),
        )
        self._planner.put_node(replace(node, last_heartbeat=now))
        if node.is_compute and self._release.nodes_watched:
            self._watch.joined(node.id)

    def figures_changed(self, node_id: str, share: Share[str]) -> None:
        """A node's free capacity and queue as they are from now on; it will say so in its time."""
        member = self._members[node_id]
        now = self._clock.now()
        member.load.change((share.available, share.queue_used), now)
        member.counts.change((share.running, share.enqueued), now)

    def fall_silent(self, node_id: str) -> None:
        """No word comes from the node any more; it counts as out of touch once it has not been heard of for 60 s.

        Raises OrchestratorError 409 when it is silent already.
        """
        member = self._members[node_id]
        if member.silent_since:
            raise OrchestratorError(409, f"node {node_id} is silent already")
        now = member.silent_since = self._clock.now()
        self._post.cut(node_id)
        if member.retry is not None:
            member.retry.cancel()
            member.retry = None
        checks = (_last_beat(member, now) + SILENCE - self._started) // HEALTH_CHECK + 1
        self._clock.call_at(self._started + checks * HEALTH_CHECK, lambda: self._miss(node_id, now))

    def _miss(self, node_id: str, silent_since: int) -> None:
        node = self._store.nodes.get(node_id)
        if node is not None and self._members[node_id].silent_since == silent_since:
            self._lose(node, "heartbeat timeout")

    def refuse_unless_silent(self, node_id: str) -> None:
        """Raises OrchestratorError 409 for a node that is alive."""
        if not self._members[node_id].silent_since:
            raise OrchestratorError(409, f"node {node_id} is not silent")

    def speak_again(self, node_id: str) -> None:
        """A silent node has started again and gets in touch."""
        member = self._members[node_id]
        member.silent_since = 0
        if self._release.nodes_shake_hands:
            self._try_to_connect(node_id, 0)
            return
        now = member.since = self._clock.now()
        member.load.start_again(now, saying=False)
        member.counts.start_again(now, saying=False)
        node = self._store.nodes.get(node_id)
        if node is not None:
            self._planner.put_node(replace(node, connection=Connection.CONNECTED))
        self._post.restore(node_id)

    # What clients order.

    def update(self, ref: str, action: str) -> None:
        """Approve, reject or delete a node.

        Raises OrchestratorError in the release's words; up to 1.5.2 the api turns it into `Success: false`.
        """
        if action not in (*_WORDS, "delete"):
            if self._release.node_update_reports:
                raise OrchestratorError(500, "unsupported action")
            raise OrchestratorError(500, "Internal server error", component="Unknown")
        node = self._known(ref)
        if action == "delete":
            self._planner.remove_node(node.id)
            self._turn_out(node)
            return
        wanted = _WORDS[action]
        if node.membership is wanted:
            self._refuse(ref, wanted)
        node = replace(self.shown(node), membership=wanted)
        if wanted is Membership.REJECTED and self._release.nodes_shake_hands:
            self._lose(node, "node rejected")
            self._turn_out(node)
        else:
            self._planner.put_node(node)

    def _known(self, ref: str) -> Node:
        """A node by id or prefix. Raises OrchestratorError; 1.5.2 names here what it masks elsewhere."""
        if not self._release.node_update_reports:
            return find_node(self._store, ref, self._release)
        hits = [node for node in self._store.nodes.values() if node.id.startswith(ref)]
        if len(hits) == 1:
            return hits[0]
        if not hits:
            raise OrchestratorError(500, f"nodeInfo not found for nodeID: {ref}")
        ids = [node.id for node in hits[:3]] + (["..."] if len(hits) > 3 else [])
        text = f"multiple nodes found for nodeID prefix: {ref}, matching nodeIDs: [{' '.join(ids)}]"
        raise OrchestratorError(500, text)

    def _refuse(self, ref: str, state: Membership) -> None:
        """The node is in this state; the text names it as the client did."""
        if self._release.node_update_reports:
            raise OrchestratorError(500, f"node already {state.lower()}")
        text = f"node {ref} already {state.lower()}"
        raise OrchestratorError(409, text, code="ConflictNodeState", component="NodesManager")

    # Being in touch.

    def _lose(self, node: Node, why: str) -> None:
        """A node is out of touch; since 1.6 nobody guesses then what may be free on it."""
        was_connected = node.connection is Connection.CONNECTED
        node = replace(self.shown(node), connection=Connection.DISCONNECTED)
        if self._release.nodes_shake_hands:
            node = replace(
                node,
                available=Capacity(),
                queue_used=Capacity(),
                disconnected_since=self._clock.now(),
                last_error=why,
            )
        self._planner.put_node(node)
        if was_connected:
            self._left(node)

    def _turn_out(self, node: Node) -> None:
        """A node was rejected or deleted: it hears of it at its next heartbeat, and tries to get in again."""
        if not node.is_compute or not self._release.nodes_shake_hands:
            return
        if node.id not in self._store.nodes and node.connection is Connection.CONNECTED:
            self._left(node)
        self._post.cut(node.id)
        member = self._members[node.id]
        if member.silent_since or member.retry is not None:
            return
        looks = (_last_beat(member, self._clock.now()) + HEARTBEAT - member.since - 1) // UPKEEP + 2
        self._retry_at(node.id, member.since + looks * UPKEEP, 1)

    def _left(self, node: Node) -> None:
        if node.is_compute and self._release.nodes_watched:
            self._watch.left(node.id)

    def _retry_at(self, node_id: str, due: int, failures: int) -> None:
        self._members[node_id].retry = self._clock.call_at(
            due, lambda: self._try_to_connect(node_id, failures), holds=False
        )

    def _try_to_connect(self, node_id: str, failures: int) -> None:
        """A handshake: known nodes keep their membership, rejected ones are turned away and try again."""
        member = self._members[node_id]
        member.retry = None
        known = self._store.nodes.get(node_id)
        now = self._clock.now()
        if known is not None and known.membership is Membership.REJECTED:
            self._retry_at(node_id, now + min(UPKEEP * 2**failures, LONGEST_WAIT), failures + 1)
            return
        member.since = now
        member.load.start_again(now, saying=True)
        member.counts.start_again(now, saying=True)
        membership = self._newcomers if known is None else known.membership
        self._planner.put_node(replace(member.told, membership=membership, connected_since=now, last_heartbeat=now))
        self._post.restore(node_id)
        if self._release.nodes_watched:
            self._watch.joined(node_id)


def _last_beat(member: _Member, now: int) -> int:
    return member.since + (now - member.since) // HEARTBEAT * HEARTBEAT
