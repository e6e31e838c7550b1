"""How a look at a job goes: the world as it is now, what the scheduler makes of it, what is written and ordered."""

from __future__ import annotations

from functools import partial

from orchestrator_stub.clock import Clock
from orchestrator_stub.domain.events import Evaluation
from orchestrator_stub.domain.plan import Observation
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.selector import SelectorError
from orchestrator_stub.engine.broker import Broker
from orchestrator_stub.engine.cluster import Cluster
from orchestrator_stub.engine.compute import Compute
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.planner import Orders, Planner
from orchestrator_stub.engine.post import Post
from orchestrator_stub.scheduler.decide import decide
from orchestrator_stub.scheduler.snapshot import Look, Snapshot
from orchestrator_stub.store.memory import MemoryStore

OBSERVED = "exec-update"
QUEUED = "job-queue"
_RANDOMNESS = 5
"""Nodes that suit equally well differ by a number below this."""


class Evaluations:
    """Looks at jobs, one at a time, and passes messages between the planner and the nodes."""

    def __init__(
        self,
        store: MemoryStore,
        planner: Planner,
        post: Post,
        *,
        clock: Clock,
        ids: Ids,
        release: Release,
        strict: bool = False,
    ) -> None:
        """`strict`: nodes that said they are full refuse work also where the release lets work wait on them (1.6+).

        Which job such a server refuses hangs on when its nodes last spoke: nothing that a test of something else
        should have to reckon with.
        """
        self._store = store
        self._planner = planner
        self._post = post
        self._clock = clock
        self._ids = ids
        self._release = release
        self._busy_nodes_refuse = strict or not release.queue_on_node
        self._broker = Broker(clock, self._process)
        self.is_wedged = False
        """True once nothing can be written any more: what nodes report and what looks at jobs decide is lost."""
        self._cluster: Cluster
        self._compute: Compute

    def connect(self, cluster: Cluster, compute: Compute) -> None:
        """The nodes, who report to `reported`; before the first look."""
        self._cluster, self._compute = cluster, compute

    @property
    def is_behind(self) -> bool:
        """True while something that is due is not done: in real time what takes long is done bit by bit."""
        return self._broker.is_behind

    async def done(self) -> None:
        """Until nothing is due."""
        await self._broker.done()

    def look_at(self, job_id: str, trigger: str, kind: str = "") -> str:
        """Look at a job, and do what is due before returning; returns the evaluation's id."""
        evaluation = Evaluation(self._ids.evaluation(), job_id, trigger, kind=kind)
        self._broker.enqueue(evaluation)
        return evaluation.id

    def forget_jobs(self) -> None:
        """No job is looked at any more; what wedged the store is gone with them."""
        self._broker.clear()
        self.is_wedged = False

    def reported(self, node_id: str, seen: Observation) -> None:
        """What a node observes reaches the orchestrator once the node is in touch."""
        self._post.send(node_id, partial(self._observe, seen))

    def _observe(self, seen: Observation) -> None:
        """A node reports: write it, and look at the job again."""
        if self.is_wedged or not self._planner.observe(seen):
            return
        record = self._store.by_execution(seen.execution_id)
        if record is not None:
            self.look_at(record.job.id, OBSERVED)

    def _process(self, evaluation: Evaluation) -> None:
        record = self._store.by_id(evaluation.job_id)
        if record is None or self.is_wedged:
            return
        workers = self._cluster.workers()
        number = len(workers.nodes)
        luck = self._ids.lucks(_RANDOMNESS, number if number > 1 else 0)
        world = Snapshot(
            record.job,
            tuple(record.executions),
            workers,
            self._release,
            self._clock.now(),
            luck if number > 1 else None,
            self._cluster.in_touch(),
            self._busy_nodes_refuse,
        )
        try:
            plan = decide(Look(world, evaluation))
        except SelectorError:
            return  # a job with such constraints stays as it is, as on released servers
        finally:
            luck.spend()
        if plan.is_empty:
            return
        orders = self._planner.apply(plan)
        if plan.look_again_at is not None:
            later = Evaluation(self._ids.evaluation(), evaluation.job_id, QUEUED, plan.look_again_at)
            self._broker.enqueue(later)
        self._give(orders)

    def _give(self, orders: Orders) -> None:
        compute = self._compute
        told = ((compute.cancel, orders.cancel), (compute.start, orders.start), (compute.bid, orders.bid))
        for order, executions in told:
            for execution in executions:
                self._broker.follow(partial(self._post.send, execution.node_id, partial(order, execution)))
