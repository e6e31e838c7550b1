"""The nodes as the orchestrator knows them: who is there, who may work, what they last said (fact sheet 1.13)."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace

from orchestrator_stub.clock import SECOND, Clock
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import Connection, Membership
from orchestrator_stub.engine.capacity import Share
from orchestrator_stub.engine.member import HEARTBEAT, Member
from orchestrator_stub.engine.planner import Planner
from orchestrator_stub.engine.post import Post
from orchestrator_stub.engine.reevaluation import Reevaluation
from orchestrator_stub.engine.reports import Told
from orchestrator_stub.scheduler.snapshot import takes_work
from orchestrator_stub.scheduler.workers import Workers
from orchestrator_stub.store.memory import MemoryStore
from orchestrator_stub.store.reading import find_node

SILENCE = 60 * SECOND
"""A node that has not been heard of for longer than this is out of touch..."""
HEALTH_CHECK = 20 * SECOND
"""...which is found out this often."""
UPKEEP = 10 * SECOND
"""How often a node looks whether it is still in touch: at one look it sees that it is not, at the next it tries."""
LONGEST_WAIT = 120 * SECOND
"""A node that is turned away waits 20 s, then twice as long each time, but never longer than this."""
_WORDS = {"approve": Membership.APPROVED, "reject": Membership.REJECTED}


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
        self.newcomers = Membership.PENDING if manual_approval else Membership.APPROVED
        """What a node is that registers anew."""
        self._members: dict[str, Member] = {}
        self._started = clock.now()
        self._workers: Workers | None = None
        self._in_touch: frozenset[str] | None = None
        self._news: list[tuple[int, str]] = []
        """Who will say something new of its load, and when; the next first."""

    # What the orchestrator knows.

    def workers(self) -> Workers:
        """Nodes that the scheduler may use, with the load that they last spoke of. Heartbeats without news are not
        followed: the scheduler does not ask for their time."""
        spoken = self._spoken()
        if self._workers is None:
            self._workers = Workers(self.shown(node) for node in self._store.nodes.values() if takes_work(node))
        else:
            known = [node_id for node_id in spoken if self._workers.place_of(node_id) is not None]
            if known:
                self._workers = self._workers.with_loads(self.shown(self._store.nodes[key]) for key in known)
        return self._workers

    def _spoken(self) -> list[str]:
        """Nodes whose word of new load has come since this was last asked."""
        if not self._news:
            return []
        now = self._clock.peek()
        spoken = []
        while self._news and self._news[0][0] <= now:
            node_id = heapq.heappop(self._news)[1]
            self._members[node_id].news_at = 0
            self._expect_news(node_id, now)
            spoken.append(node_id)
        return spoken

    def _expect_news(self, node_id: str, now: int) -> None:
        member = self._members[node_id]
        due = member.says_news_at(now)
        if due and not 0 < member.news_at <= due:
            member.news_at = due
            heapq.heappush(self._news, (due, node_id))

    def _put(self, node: Node) -> None:
        self._planner.put_node(node)
        self._workers = self._in_touch = None

    def _remove(self, node_id: str) -> None:
        self._planner.remove_node(node_id)
        self._workers = self._in_touch = None

    def in_touch(self) -> frozenset[str]:
        """Nodes whose executions are not lost: the known, where the release watches them the connected."""
        if self._in_touch is None:
            watched = self._release.nodes_watched
            known = self._store.nodes.values()
            self._in_touch = frozenset(n.id for n in known if n.connection is Connection.CONNECTED or not watched)
        return self._in_touch

    def shown(self, node: Node) -> Node:
        """The node with its latest heartbeat and its latest words about its load."""
        member = self._members.get(node.id)
        if member is None or not node.is_compute or node.connection is not Connection.CONNECTED:
            return node
        return member.shown_as(node, member.silent_since or self._clock.peek())

    def own(self, node_id: str) -> Node:
        """What the orchestrator's own node says of itself: its figures of this moment, whatever others did to it in the
        list.

        Raises OrchestratorError 404 when there is no such node.
        """
        member = self._members.get(node_id)
        if member is None:
            return find_node(self._store, node_id, self._release)
        return member.as_it_is(self._clock.peek()) if member.told.is_compute else member.told

    def forget_jobs(self) -> None:
        """What was to be said and done about jobs is not; the nodes stay as they are."""
        self._post.clear()
        self._watch.clear()

    # What nodes do.

    def join(self, node: Node) -> None:
        """A node that is new here connects, with the membership that it brings along."""
        now = node.connected_since or self._clock.now()
        node = replace(node, available=node.capacity if node.is_compute else Capacity(), connected_since=now)
        self._members[node.id] = Member(
            node,
            now,
            Told((node.capacity, Capacity()), now, self._release.load_reported_every * SECOND),
            Told((0, 0), now, self._release.counts_reported_every * SECOND),
        )
        self._put(replace(node, last_heartbeat=now))
        if node.is_compute and self._release.nodes_watched:
            self._watch.joined(node.id)

    def figures_changed(self, node_id: str, share: Share[str]) -> None:
        """A node's free capacity and queue as they are from now on; it will say so in its time."""
        member = self._members[node_id]
        now = self._clock.now()
        member.load.change((share.free, share.queue_used), now)
        member.counts.change((share.running, share.enqueued), now)
        self._expect_news(node_id, now)

    def fall_silent(self, node_id: str) -> None:
        """No word comes from the node any more; it counts as out of touch once it has not been heard of for 60 s.

        Raises OrchestratorError 409 when it is silent already.
        """
        member = self._members[node_id]
        if member.silent_since and not member.frozen:
            raise OrchestratorError(409, f"node {node_id} is silent already")
        if member.frozen:  # what falls silent now has not been heard of for some time
            member.frozen = False
            return
        now = member.silent_since = self._clock.now()
        self._post.cut(node_id)
        if member.retry is not None:
            member.retry.cancel()
            member.retry = None
        checks = (member.last_beat(now) + SILENCE - self._started) // HEALTH_CHECK + 1
        self._clock.call_at(self._started + checks * HEALTH_CHECK, lambda: self._miss(node_id, now))

    def _miss(self, node_id: str, silent_since: int) -> None:
        node = self._store.nodes.get(node_id)
        if node is not None and self._members[node_id].silent_since == silent_since:
            self._lose(node, "heartbeat timeout")

    def refuse_unless_silent(self, node_id: str, *, frozen: bool = False) -> None:
        """Raises OrchestratorError 409 for a node that is alive. `frozen`: whether it has to be silent because it was
        frozen, or because it went down."""
        member = self._members[node_id]
        if not member.silent_since or (frozen and not member.frozen):
            raise OrchestratorError(409, f"node {node_id} is not {'frozen' if frozen else 'silent'}")
        if member.frozen and not frozen:
            raise OrchestratorError(409, f"node {node_id} is frozen, it did not go down: thaw it")

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
            self._put(member.in_its_words(replace(node, connection=Connection.CONNECTED)))
        self._post.restore(node_id)

    def freeze(self, node_id: str) -> None:
        """No word goes to or from the node; it does not notice. Raises OrchestratorError 409 for a silent one."""
        if self._members[node_id].frozen:
            raise OrchestratorError(409, f"node {node_id} is frozen already")
        self.fall_silent(node_id)
        self._members[node_id].frozen = True

    def thaw(self, node_id: str) -> None:
        """A frozen node is heard again: at once, as if nothing had been, where nobody had missed it yet.

        Raises OrchestratorError 409 for one that is not frozen.
        """
        self.refuse_unless_silent(node_id, frozen=True)
        member = self._members[node_id]
        member.frozen = False
        node = self._store.nodes.get(node_id)
        if node is None or node.connection is not Connection.CONNECTED:
            self.speak_again(node_id)
            return
        member.silent_since = 0
        now = member.since = self._clock.now()
        member.load.start_again(now, saying=True)
        member.counts.start_again(now, saying=self._release.counts_reported_every > 0)
        self._hear(member, node)
        self._post.restore(node_id)

    def describe_anew(self, node_id: str, told: Node) -> None:
        """From now on the node says this about itself: at once, or when it is in touch again."""
        member = self._members[node_id]
        member.told = told
        node = self._store.nodes.get(node_id)
        if member.silent_since or node is None or node.connection is not Connection.CONNECTED:
            return
        member.load.tell()
        self._hear(member, node)
        if self._release.nodes_watched:  # it looks like a machine that came with other words about itself
            self._watch.joined(node_id)

    def _hear(self, member: Member, node: Node) -> None:
        """What a connected node says of itself is noted, unless nobody listens to it (1.5.2)."""
        self._put(node if node.membership is Membership.REJECTED else member.in_its_words(node))

    def member(self, node_id: str) -> Member:
        """A node that exists, by its full id."""
        return self._members[node_id]

    def members(self) -> Iterable[Member]:
        """All nodes that exist, known to the orchestrator or not."""
        return self._members.values()

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
            self._remove(node.id)
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
            self._put(node)

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
        self._put(node)
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
        looks = (member.last_beat(self._clock.now()) + HEARTBEAT - member.since - 1) // UPKEEP + 2
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
        membership = self.newcomers if known is None else known.membership
        self._put(replace(member.told, membership=membership, connected_since=now, last_heartbeat=now))
        self._post.restore(node_id)
        if self._release.nodes_watched:
            self._watch.joined(node_id)
