"""The orchestrator's use-cases: everything the api and the control surface can ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator_stub.clock import Clock
from orchestrator_stub.domain.errors import HandlerHangError, OrchestratorError
from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import ComputeState, JobState, JobType
from orchestrator_stub.engine.cluster import Cluster
from orchestrator_stub.engine.compute import Compute, Workbench
from orchestrator_stub.engine.evaluations import Evaluations
from orchestrator_stub.engine.housekeeping import Housekeeping
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.logservice import LogService
from orchestrator_stub.engine.logsource import Logs, LogSource
from orchestrator_stub.engine.overview import Overview
from orchestrator_stub.engine.planner import Planner
from orchestrator_stub.engine.post import Post
from orchestrator_stub.engine.powers import Powers
from orchestrator_stub.engine.reevaluation import Reevaluation
from orchestrator_stub.engine.submission import Prepared, Reception, is_repetition, refuse, unknown_name
from orchestrator_stub.engine.turns import Turns
from orchestrator_stub.engine.underway import UnderWay
from orchestrator_stub.scheduler.batch import SUBMITTED
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
        manual_approval: bool = False,
        powers: Powers | None = None,
    ) -> None:
        """`node_id`: the orchestrator's own; default the first of `nodes`, else a new one. `strict`: also the
        faults of released servers that help nobody. `manual_approval`: nodes that register anew wait for somebody
        who approves them."""
        self.release = release
        self.clock = clock
        self.node_id = node_id or (nodes[0].id if nodes else ids.node())
        self.powers = powers or Powers()
        self._ids = ids
        self._strict = strict
        self._workbench = workbench
        self._store = MemoryStore(names=release.unique_names)
        self._planner = Planner(self._store, release, clock, ids)
        post = Post()
        self._evaluations = Evaluations(
            self._store, self._planner, post, clock=clock, ids=ids, release=release, strict=strict
        )
        look_at = self._evaluations.look_at
        watch = Reevaluation(clock, self._store, look_at)
        self._cluster = Cluster(
            self._store, self._planner, clock, release, post=post, watch=watch, manual_approval=manual_approval
        )
        told = self._cluster.figures_changed
        turns = Turns(clock)
        under_way = UnderWay(clock, turns)
        self._compute = Compute(
            workbench, release, clock, self._evaluations.reported, told, under_way, strict=strict
        )
        self._evaluations.connect(self._cluster, self._compute)
        self._housekeeping = Housekeeping(clock, self._store, look_at, self._compute.drop_old_logs)
        self.overview = Overview(self._store, self._compute.log)
        self._logs = Logs(self._store, release)
        self.logs = LogService(self._compute, release, clock, strict=strict)
        self._reception = Reception(release, ids, self.node_id, workbench.hint)
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
        Raises OrchestratorError: 400 invalid, 409 id taken, 500 no changes (1.8+); HandlerHangError when wedged.
        """
        self._housekeeping.start()
        prepared = self._reception.prepare(job, given, client_meta)
        known = self._store.by_name(prepared.job.name, prepared.job.namespace)
        if known is not None:
            return self._update(known, prepared, force)
        self._begin_write()
        refuse(prepared.job)
        record = self._planner.create(prepared.job)
        evaluation = self._evaluations.look_at(record.job.id, SUBMITTED)
        return Submitted(record.job.id, evaluation, prepared.warnings)

    def _update(self, record: Record, prepared: Prepared, force: bool) -> Submitted:
        job = prepared.job
        if not force and is_repetition(record.job, prepared):
            raise OrchestratorError(
                500,
                f"no changes detected for new job spec. Job Name: '{job.name}', Job Id: '{record.job.id}'",
                code="",
                component="Bacalhau",
                hint="Use the --force flag to override this warning",
            )
        self._begin_write()
        refuse(job)
        if self._strict and not self._store.label_keys.issuperset(job.labels):
            raise OrchestratorError(500, "Internal server error", component="Unknown")
        self._planner.update(record, job)
        evaluation = self._evaluations.look_at(record.job.id, UPDATED, job.type)
        return Submitted(record.job.id, evaluation, prepared.warnings)

    def diff(self, job: Job) -> tuple[Job, Prepared]:
        """The job of a submission's name, and what a submission would make of it (1.8+). Changes nothing.

        Raises OrchestratorError: 400 invalid, 404 no job of that name.
        """
        prepared = self._reception.prepare(job, frozenset(), _NO_META)
        known = self._store.by_name(prepared.job.name, prepared.job.namespace)
        if known is None:
            raise unknown_name(prepared.job)
        return known.job, prepared

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

        Raises OrchestratorError 404, 500 for a job that is over otherwise; HandlerHangError when wedged.
        """
        self._begin_write()
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
        return self._evaluations.look_at(job.id, STOPPED)

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

        Raises OrchestratorError 400 in the store's words for what is unknown, 500 for a job that waits to run;
        HandlerHangError when wedged.
        """
        self._begin_write()
        try:
            record = self._store.find(ref, namespace)
            job = self._version(record, version) if version else record.job
        except OrchestratorError as error:
            self._evaluations.is_wedged = self._strict
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
        return Rerun(record.job.id, self._evaluations.look_at(record.job.id, RERUN), new_version)

    @property
    def is_wedged(self) -> bool:
        """True when nothing can be written until a restart: a rerun of something unknown never gave the store back
        (FINDINGS 2 row 4.7). It helps nobody, so only under `--strict`. Reads work, and so do nodes' own states."""
        return self._evaluations.is_wedged

    def _begin_write(self) -> None:
        """Where a server takes its store for writing. Raises HandlerHangError when it never gets it."""
        if self.is_wedged:
            raise HandlerHangError

    def log_source(self, ref: str, execution_id: str = "", namespace: str = "", version: int = 0) -> LogSource:
        """Where the log of a job comes from; never raises: refusals are error frames."""
        return self._logs.source(ref, execution_id, namespace, version)

    # Nodes.

    def add_node(self, node: Node) -> None:
        """A node joins with its full capacity free."""
        self._cluster.join(node)
        if node.is_compute:
            self._compute.join(node)

    def list_nodes(self, query: NodeQuery) -> Page[Node]:
        """A page of nodes. Raises OrchestratorError 400 for an unknown order."""
        return reading.list_nodes(self._cluster.all_shown(), query, self.release)

    def get_node(self, ref: str) -> Node:
        """A node by id or prefix. Raises OrchestratorError."""
        return self._cluster.shown(reading.find_node(self._store, ref, self.release))

    def own_node(self) -> Node:
        """The orchestrator's own node, whatever became of it in the list. Raises OrchestratorError 404: has none."""
        return self._cluster.own(self.node_id)

    def active(self) -> list[tuple[Execution, Capacity]]:
        """What runs on the orchestrator's own node and what it was given, wanted or not."""
        return self._compute.active(self.node_id)

    def update_node(self, ref: str, action: str, message: str = "") -> None:  # noqa: ARG002 - servers keep no message
        """Approve, reject or delete a node. Raises OrchestratorError in the release's words."""
        self._cluster.update(ref, action)

    def drop_node(self, ref: str) -> None:
        """A node falls silent and all that runs there ends, as if its machine had lost power.

        `ref`: id or prefix. Raises OrchestratorError 404, 409 for a prefix of several nodes or a node that is silent.
        """
        node_id = self._cluster.exists(ref)
        self._cluster.fall_silent(node_id)
        self._compute.go_down(node_id)

    def rejoin_node(self, ref: str) -> None:
        """A node that fell silent starts again. Raises OrchestratorError as `drop_node`, 409 for one that is not."""
        node_id = self._cluster.exists(ref)
        self._cluster.refuse_unless_silent(node_id)
        self._compute.come_up(node_id)
        self._cluster.speak_again(node_id)

    # The stub itself.

    holds_answers = False
    """True where something has to be waited for before an answer leaves."""

    async def before_answer(self, *, wrote: bool) -> None:
        """Wait for what has to be true when an answer leaves. `wrote`: the request may have changed something.

        Raises OrchestratorError 503 when it cannot become true.
        """

    @property
    def is_busy(self) -> bool:
        """True while something runs in real time (such work holds a virtual clock)."""
        return self._compute.real_work > 0

    async def close(self) -> None:
        """Stop all runs; nothing is reported any more."""
        await self.logs.close()
        await self._compute.close()
