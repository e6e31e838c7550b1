"""The orchestrator's use-cases: everything the api and the control surface can ask for."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from orchestrator_stub.clock import Clock
from orchestrator_stub.domain.errors import HandlerHangError, OrchestratorError
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.engine.cluster import Cluster
from orchestrator_stub.engine.compute import Compute, Workbench
from orchestrator_stub.engine.evaluations import Evaluations
from orchestrator_stub.engine.housekeeping import Housekeeping
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.logservice import LogService
from orchestrator_stub.engine.logsource import Logs, LogSource
from orchestrator_stub.engine.overview import Overview
from orchestrator_stub.engine.pace import Pace
from orchestrator_stub.engine.planner import Planner
from orchestrator_stub.engine.post import Post
from orchestrator_stub.engine.powers import Powers
from orchestrator_stub.engine.reads import Reads
from orchestrator_stub.engine.reevaluation import Reevaluation
from orchestrator_stub.engine.submission import (
    Prepared,
    Reception,
    Rerun,
    Submitted,
    is_repetition,
    refuse,
    unknown_name,
)
from orchestrator_stub.engine.turns import Turns
from orchestrator_stub.engine.underway import UnderWay
from orchestrator_stub.scheduler.batch import SUBMITTED
from orchestrator_stub.store import reading
from orchestrator_stub.store.memory import MemoryStore, Record
from orchestrator_stub.store.queries import ExecutionQuery, HistoryQuery, JobQuery, NodeQuery, Page

if TYPE_CHECKING:
    from orchestrator_stub.engine.fleet import Fleet
    from orchestrator_stub.engine.keeper import Keeper
    from orchestrator_stub.engine.replica import Replica

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
LONGEST_WORK_S = 25
"""Real seconds that an answer waits for what is due on a virtual clock: a run may fetch its input from this stub."""
_NO_META: Mapping[str, str] = {}


class Orchestrator(Reads):
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
        keeper: Keeper | None = None,
    ) -> None:
        """`node_id`: the orchestrator's own; default the first of `nodes`, else a new one. `strict`: also the
        faults of released servers that help nobody. `manual_approval`: nodes that register anew wait for somebody
        who approves them. `keeper`: of a stub whose state outlives it."""
        self.release = release
        self.clock = clock
        self.node_id = node_id or (nodes[0].id if nodes else ids.node())
        self.powers = powers or Powers()
        self.ids = ids
        self._strict = strict
        self._workbench = workbench
        self._keeper = keeper
        self._store = keeper.store if keeper is not None else MemoryStore(names=release.unique_names)
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
        turns = Turns(clock)
        under_way = self._under_way = UnderWay(clock, turns)
        self._compute = Compute(
            workbench,
            release,
            clock,
            self._evaluations.reported,
            self._cluster.figures_changed,
            under_way=under_way,
            scripts=self.powers.scripts,
            kept=keeper.kept_logs(clock) if keeper is not None else None,
            strict=strict,
        )
        self.powers.scripts.connect(self._store, self._lose_node)
        self.pace = Pace(clock, turns, under_way)
        self._holds_answers = self.pace.is_virtual or keeper is not None
        self._evaluations.connect(self._cluster, self._compute)
        self._housekeeping = Housekeeping(clock, self._store, look_at, self._compute.drop_old_logs)
        self.overview = Overview(self._store, self._compute.log, self._compute.runner_of)
        self._logs = Logs(self._store, release)
        self.logs = LogService(self._compute, release, clock, strict=strict)
        self._reception = Reception(release, ids, self.node_id, workbench.hint, self._fate)
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
        self._housekeeping.watch(record)
        evaluation = self._evaluations.look_at(record.job.id, SUBMITTED)
        return Submitted(record.job.id, evaluation, record.job, prepared.warnings)

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
        self._housekeeping.watch(record)
        evaluation = self._evaluations.look_at(record.job.id, UPDATED, job.type)
        return Submitted(record.job.id, evaluation, record.job, prepared.warnings)

    def _fate(self, job: Job) -> str:
        """What scripts have to say to whoever submits the job; real servers' warnings are the only ones under strict
        and on the document's page."""
        if self._strict or self.release.page_shapes:
            return ""
        return self.powers.scripts.hint(job, self._workbench.runner)

    def diff(self, job: Job) -> tuple[Job, Prepared]:
        """The job of a submission's name, and what a submission would make of it (1.8+). Changes nothing.

        Raises OrchestratorError: 400 invalid, 404 no job of that name.
        """
        prepared = self._reception.prepare(job, frozenset(), _NO_META)
        known = self._store.by_name(prepared.job.name, prepared.job.namespace)
        if known is None:
            raise unknown_name(prepared.job)
        return known.job, prepared

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
        self._housekeeping.watch(record)
        new_version = record.job.version
        return Rerun(record.job.id, self._evaluations.look_at(record.job.id, RERUN), new_version)

    @property
    def is_wedged(self) -> bool:
        """True when nothing can be written until a restart: a rerun of something unknown never gave the store back
        (FINDINGS 2 row 4.7). It helps nobody, so only under `--strict`. Reads work, and so do nodes' own states."""
        return self._evaluations.is_wedged

    def _begin_write(self) -> None:
        """Where a server takes its store for writing. Raises HandlerHangError when it never gets it, OrchestratorError
        503 when nothing can be kept."""
        if self.is_wedged:
            raise HandlerHangError
        if self._keeper is not None:
            self._keeper.refuse_when_full()

    # Nodes.

    def add_node(self, node: Node) -> None:
        """A node joins with its full capacity free."""
        self._cluster.join(node)
        if node.is_compute:
            self._compute.join(node)

    def list_nodes(self, query: NodeQuery) -> Page[Node]:
        """A page of nodes. Raises OrchestratorError 400 for an unknown order."""
        nodes = map(self._cluster.shown, self._store.nodes.values())
        return reading.list_nodes(nodes, query, self.release)

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

    @cached_property
    def fleet(self) -> Fleet:
        """The nodes, for who has them in hand."""
        from orchestrator_stub.engine.fleet import Fleet

        return Fleet(
            self._cluster,
            self._compute,
            self._workbench,
            release=self.release,
            clock=self.clock,
            ids=self.ids,
            known=self._store.nodes,
        )

    def _lose_node(self, node_id: str) -> None:
        """A script says so; only then is loaded what it takes. Raises OrchestratorError 409 for a silent node."""
        self.fleet.drop(node_id)

    # The stub itself.

    def known_to(self, replica: Replica) -> Orchestrator:
        """The orchestrator as a replica that lags knows it; for reads of jobs and nodes only, and at once."""
        view = copy.copy(self)
        view._store = replica.known()  # noqa: SLF001 - of our own copy
        return view

    async def reset(self) -> None:
        """As at the start, but for the nodes and what was published: no job, journal, fault or script, the first mode
        of the clock. Runs are ended unheard, requests that faults hold never happen; all of them are over then."""
        self.powers.clear()
        self._evaluations.forget_jobs()
        self._cluster.forget_jobs()
        ends = self._compute.forget_jobs()
        self._planner.forget_jobs()
        self.pace.change_mode(self.pace.first_mode)
        await ends

    @property
    def holds_answers(self) -> bool:
        """True where something has to be waited for before an answer leaves."""
        return self._holds_answers or self._evaluations.is_behind

    async def before_answer(self, *, wrote: bool) -> None:
        """Wait for what has to be true when an answer leaves. `wrote`: the request may have changed something.

        Raises OrchestratorError 503 when it cannot become true.
        """
        if wrote:
            await self._evaluations.done()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WORK_S):
                await self.pace.settle()
        if wrote and self._keeper is not None:
            await self._keeper.saved()

    async def resume(self) -> None:
        """Go on with the live work of the stub that was here before; all of it is under way when a virtual clock may
        move, else it goes on beside what clients ask."""
        from orchestrator_stub.engine.restart import take_up

        if self._keeper is not None:
            self._keeper.remember(self.ids)
        self._housekeeping.start(jobs=())
        work = partial(take_up, self._store, self._compute, self._evaluations, self._housekeeping.watch)
        if self.pace.is_virtual:
            await work()
        else:
            self._under_way.begin(lambda _: work(), on_clock=False)

    async def close(self) -> None:
        """Stop all runs; nothing is reported any more."""
        await self.logs.close()
        await self._compute.close()
