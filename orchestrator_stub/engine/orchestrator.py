"""The orchestrator's use-cases: everything the api and the control surface can ask for."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator_stub.clock import Clock
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.events import Evaluation, HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.plan import Observation
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.selector import SelectorError
from orchestrator_stub.domain.states import ComputeState, JobState, JobType, Membership
from orchestrator_stub.engine.broker import Broker
from orchestrator_stub.engine.cluster import Cluster
from orchestrator_stub.engine.compute import Compute, Workbench
from orchestrator_stub.engine.housekeeping import Housekeeping
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.journal import Journal
from orchestrator_stub.engine.logsource import Logs, LogSource
from orchestrator_stub.engine.planner import Orders, Planner
from orchestrator_stub.engine.submission import Prepared, Reception, refuse, same_spec
from orchestrator_stub.scheduler.batch import SUBMITTED
from orchestrator_stub.scheduler.decide import decide
from orchestrator_stub.scheduler.snapshot import Look, Snapshot
from orchestrator_stub.store import reading
from orchestrator_stub.store.memory import MemoryStore, Record, is_full_id
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery, NodeQuery, Page

__all__ = [
    "ExecutionQuery",
    "HistoryQuery",
    "JobQuery",
    "LogSource",
    "NodeQuery",
    "Orchestrator",
    "Page",
    "Rerun",
    "Submitted",
    "Workbench",
]

UPDATED = "job-update"
STOPPED = "job-cancel"
RERUN = "job-rerun"
OBSERVED = "exec-update"
QUEUED = "job-queue"
NODE_JOINED = "node-join"
_RANDOMNESS = 5
"""Nodes that suit equally well differ by a number below this."""
_NO_META: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Submitted:
    """Answer to an accepted job."""

    job_id: str
    eval_id: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rerun:
    """Answer to an accepted rerun (1.8+)."""

    job_id: str
    eval_id: str
    job_version: int


class Orchestrator:
    """One orchestrator with its compute nodes. All methods are called on the event loop."""

    def __init__(
        self,
        *,
        release: Release,
        clock: Clock,
        ids: Ids,
        nodes: Sequence[Node],
        workbench: Workbench,
        node_id: str = "",
        strict: bool = False,
    ) -> None:
        """`node_id`: the orchestrator's own; default the first of `nodes`, else a new one. `strict`: also the
        faults of released servers that help nobody."""
        self.release = release
        self.clock = clock
        self.node_id = node_id or (nodes[0].id if nodes else ids.node())
        self.journal = Journal()
        self._ids = ids
        self._strict = strict
        self._workbench = workbench
        self._store = MemoryStore(names=release.unique_names)
        self._planner = Planner(self._store, release, clock, ids)
        self._cluster = Cluster(self._store, self._planner, clock, release)
        self._compute = Compute(workbench, release, clock, self._observe, self._cluster.figures_changed)
        self._broker = Broker(clock, self._process)
        self._housekeeping = Housekeeping(clock, self._store, self._look_at, self._compute.drop_old_logs)
        self._logs = Logs(self._store, self._compute, release, strict=strict)
        self._reception = Reception(release, ids, self.node_id, workbench.hints)
        for node in nodes:
            self.add_node(node)

    # Jobs.

    def submit(
        self,
        job: Job,
        *,
        force: bool = False,
        given: frozenset[str] = frozenset(),
        client_meta: Mapping[str, str] = _NO_META,
    ) -> Submitted:
        """Take a parsed job in, and do all that is due before returning.

        `given`: see `domain.normalise.sanitise`. `client_meta`: full keys `bacalhau.org/client...` from headers.
        Raises OrchestratorError: 400 invalid, 409 id taken, 500 no changes (1.8+).
        """
        self._housekeeping.start()
        prepared = self._reception.prepare(job, given, client_meta)
        known = self._store.by_name(prepared.job.name, prepared.job.namespace)
        if known is not None:
            return self._update(known, prepared, force)
        refuse(prepared.job)
        record = self._planner.create(prepared.job)
        evaluation = self._look_at(record.job.id, SUBMITTED)
        return Submitted(record.job.id, evaluation, prepared.warnings)

    def _update(self, record: Record, prepared: Prepared, force: bool) -> Submitted:
        job = prepared.job
        if not force and same_spec(record.job, job):
            raise OrchestratorError(
                500,
                f"no changes detected for new job spec. Job Name: '{job.name}', Job Id: '{record.job.id}'",
                code="",
                component="Bacalhau",
                hint="Use the --force flag to override this warning",
            )
        refuse(job)
        if self._strict and not self._store.label_keys.issuperset(job.labels):
            raise OrchestratorError(500, "Internal server error", component="Unknown")
        self._planner.update(record, job)
        evaluation = self._look_at(record.job.id, UPDATED, job.type)
        return Submitted(record.job.id, evaluation, prepared.warnings)

    def get_job(self, ref: str, namespace: str = "", version: int | None = None) -> Job:
        """A job by full id, prefix or (1.8+) name. Raises OrchestratorError 404, 500 for an ambiguous prefix."""
        record = self._store.find(ref, namespace)
        if not version or not self.release.unique_names:
            return record.job
        return self._version(record, version)

    def _version(self, record: Record, version: int) -> Job:
        job = record.version(version)
        if job is None:
            text = f"job version {version} not found for job {record.job.id}"
            raise OrchestratorError(404, text, code="NotFound", component="JobStore")
        return job

    def list_jobs(self, query: JobQuery) -> Page[Job]:
        """A page of jobs. Raises OrchestratorError 400 for a bad token, 500 for an unknown order."""
        return reading.list_jobs(self._store, query, self.release)

    def stop_job(self, ref: str, reason: str = "", namespace: str = "") -> str:
        """Stop a job; returns the evaluation's id, "" when it was stopped already (fact sheet 5.6).

        Raises OrchestratorError 404, 500 for a job that is over otherwise.
        """
        record = self._store.find(ref, namespace)
        job = record.job
        if job.state is JobState.STOPPED:
            return ""
        if job.state is JobState.COMPLETED:
            raise OrchestratorError(500, "cannot stop job in state Completed", code="", component="Bacalhau")
        if job.state.is_terminal:
            text = f"job {job.id} is in terminal state {job.state} and cannot transition to Stopped"
            raise OrchestratorError(500, text, code="ConflictJobState", component="JobStore")
        self._planner.stop(record, reason)
        return self._look_at(job.id, STOPPED)

    def history(self, ref: str, query: HistoryQuery) -> Page[HistoryItem]:
        """A page of a job's history. Raises OrchestratorError 404, 400 for a bad token."""
        try:
            record = self._store.find(ref, query.namespace)
        except OrchestratorError:
            if self.release.full_id_lenient and is_full_id(ref):
                return Page(())
            raise
        return reading.history(record, query, self.release)

    def executions(self, ref: str, query: ExecutionQuery) -> Page[Execution]:
        """Executions of a job. Raises OrchestratorError 404, up to 1.7 500 for an unknown order."""
        try:
            record = self._store.find(ref, query.namespace)
        except OrchestratorError:
            if self.release.full_id_lenient and is_full_id(ref):
                raise OrchestratorError(
                    404, "bucket not found", code="BoltDBBucketNotFound", component="BoltDB"
                ) from None
            raise
        return reading.executions(record, query, self.release)

    def results(self, ref: str, namespace: str = "") -> list[SpecConfig]:
        """What completed executions published, as clients may fetch it now.

        Raises OrchestratorError 404, 500 (masked) for services and daemons.
        """
        record = self._store.find(ref, namespace)
        job = record.job
        if JobType(job.type).is_long_running:
            raise OrchestratorError(500, "Internal server error", component="Unknown")
        now = self.clock.now()
        return [
            self._result(e.job.task.publisher.type, e.published, now)
            for e in record.executions
            if e.compute is ComputeState.COMPLETED and e.job_version == job.version and e.published.type
        ]

    def _result(self, kind: str, published: SpecConfig, now: int) -> SpecConfig:
        publisher = self._workbench.publishers.get(kind.lower())
        return published if publisher is None else publisher.result(published, now)

    def versions(self, ref: str, namespace: str = "") -> list[Job]:
        """All versions of a job, ascending (1.8+). Raises OrchestratorError 404."""
        record = self._store.find(ref, namespace)
        return [*record.earlier, record.job]

    def rerun(self, ref: str, version: int = 0, namespace: str = "") -> Rerun:
        """Run a job, or one of its versions (0 = latest), again as a new version (1.8+).

        Raises OrchestratorError 400 in the store's words for what is unknown, 500 for a job that waits to run.
        """
        try:
            record = self._store.find(ref, namespace)
            job = self._version(record, version) if version else record.job
        except OrchestratorError as error:
            raise OrchestratorError(400, error.message, code="BadRequest", component="JobStore") from None
        if job.state not in (JobState.RUNNING, JobState.COMPLETED, JobState.FAILED, JobState.STOPPED):
            raise OrchestratorError(
                500,
                f"cannot rerun job in state {job.state}",
                code="",
                component="Bacalhau",
                hint="try to use the job run command instead of the job rerun command",
            )
        self._planner.rerun(record, job)
        new_version = record.job.version
        return Rerun(record.job.id, self._look_at(record.job.id, RERUN), new_version)

    def log_source(self, ref: str, execution_id: str = "", namespace: str = "", version: int = 0) -> LogSource:
        """Where the log of a job comes from; never raises: refusals are error frames."""
        return self._logs.source(ref, execution_id, namespace, version)

    # Nodes.

    def add_node(self, node: Node) -> None:
        """A node joins with its full capacity free."""
        self._cluster.join(node)
        if node.is_compute:
            self._compute.join(node)
        self._reconsider(JobType.DAEMON)

    def list_nodes(self, query: NodeQuery) -> Page[Node]:
        """A page of nodes. Raises OrchestratorError 400 for an unknown order."""
        page = reading.list_nodes(self._store, query, self.release)
        return replace(page, items=tuple(self._cluster.shown(node) for node in page.items))

    def get_node(self, ref: str) -> Node:
        """A node by id or prefix. Raises OrchestratorError."""
        return self._cluster.shown(reading.find_node(self._store, ref, self.release))

    def update_node(self, ref: str, action: str, message: str = "") -> None:  # noqa: ARG002 - servers keep no message
        """Approve, reject or delete a node. Raises OrchestratorError in the release's words."""
        before = self._cluster.update(ref, action)
        after = self._store.nodes.get(before.id)
        if after is not None and after.membership is Membership.APPROVED:
            self._reconsider(JobType.DAEMON)
        else:
            self._reconsider()

    def _reconsider(self, kind: JobType | None = None) -> None:
        """Look at all live jobs, or those of one type: the nodes have changed."""
        for record in self._store.live():
            if kind is None or record.job.type == kind:
                self._look_at(record.job.id, NODE_JOINED)

    # How a look at a job goes.

    def _look_at(self, job_id: str, trigger: str, kind: str = "") -> str:
        evaluation = Evaluation(self._ids.evaluation(), job_id, trigger, kind=kind)
        self._broker.enqueue(evaluation)
        return evaluation.id

    def _process(self, evaluation: Evaluation) -> None:
        record = self._store.by_id(evaluation.job_id)
        if record is None:
            return
        nodes = self._cluster.workers()
        luck = tuple(self._ids.luck(_RANDOMNESS) for _ in nodes) if len(nodes) > 1 else ()
        world = Snapshot(record.job, tuple(record.executions), nodes, self.release, self.clock.now(), luck)
        try:
            plan = decide(Look(world, evaluation))
        except SelectorError:
            return  # a job with such constraints stays as it is, as on released servers
        if plan.is_empty:
            return
        orders = self._planner.apply(plan)
        if plan.look_again_at is not None:
            later = Evaluation(self._ids.evaluation(), evaluation.job_id, QUEUED, plan.look_again_at)
            self._broker.enqueue(later)
        self._give(orders)

    def _give(self, orders: Orders) -> None:
        for execution in orders.cancel:
            self._compute.cancel(execution)
        for execution in orders.start:
            self._compute.start(execution)
        for execution in orders.bid:
            self._compute.bid(execution)

    def _observe(self, seen: Observation) -> None:
        """A node reports: write it, and look at the job again."""
        if not self._planner.observe(seen):
            return
        record = self._store.by_execution(seen.execution_id)
        if record is not None:
            self._look_at(record.job.id, OBSERVED)

    # The stub itself.

    @property
    def is_busy(self) -> bool:
        """True while something runs in real time (such work holds a virtual clock)."""
        return self._compute.real_work > 0

    def newest(self, most: int) -> list[tuple[Job, tuple[Execution, ...], tuple[HistoryItem, ...]]]:
        """The newest jobs, newest first, with all that is known of them."""
        records = itertools.islice(self._store.in_order("", reverse=True), most)
        return [(record.job, tuple(record.executions), tuple(record.history)) for record in records]

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in which state."""
        return self._store.counts()

    async def close(self) -> None:
        """Stop all runs; nothing is reported any more."""
        await self._compute.close()
