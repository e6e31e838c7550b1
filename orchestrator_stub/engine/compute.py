"""The compute nodes: they bid, run, publish and report, all in the orchestrator's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from orchestrator_stub.clock import SECOND, Clock, Sleeper
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.plan import Observation
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import DesiredState, JobType
from orchestrator_stub.domain.topics import EXEC_SCANNING, IS_ERROR, NODE_RESTARTED, RUNNING_EXECUTION
from orchestrator_stub.domain.transitions import ExecutionEvent
from orchestrator_stub.engine.capacity import Share
from orchestrator_stub.engine.held import RESERVED, Held, run_limit, run_now
from orchestrator_stub.engine.keptlogs import KeptLogs
from orchestrator_stub.engine.looking import Ask, Ordinary, look_into, waits_for_io
from orchestrator_stub.engine.run import Attempt, Workbench, conclude, is_on_clock
from orchestrator_stub.engine.scripts import Scripts
from orchestrator_stub.engine.underway import UnderWay
from orchestrator_stub.logs.bell import Bell
from orchestrator_stub.logs.buffer import LogBuffer
from orchestrator_stub.runners.base import Runner
from orchestrator_stub.scheduler.ranking import requested

__all__ = ["Compute", "Workbench"]


class Compute:
    """All nodes of the stub."""

    def __init__(
        self,
        workbench: Workbench,
        release: Release,
        clock: Clock,
        report: Callable[[str, Observation], None],
        node_changed: Callable[[str, Share[str]], None],
        *,
        under_way: UnderWay,
        scripts: Scripts,
        kept: KeptLogs | None = None,
        strict: bool = False,
    ) -> None:
        """`report` takes what a node (by its id) observes; `node_changed` learns of a node's new figures.

        `under_way` carries out checks and runs, `scripts` may replace what runs. `kept`: logs that outlive this start.
        `strict`: stops fail to give back what they should, as on released servers.
        """
        self._bench = workbench
        self._scripts = scripts
        self._release = release
        self._clock = clock
        self._report = report
        self._node_changed = node_changed
        self._strict = strict
        self._shares: dict[str, Share[str]] = {}
        self._held: dict[str, Held] = {}
        self._running: dict[str, Held] = {}
        """Executions that hold capacity to run with."""
        self._asleep: dict[str, list[Execution]] = {}
        """What ran or waited on nodes that are down."""
        self._under_way = under_way
        self._ways = Ordinary(release)
        self._kept = kept or KeptLogs(clock)
        self.begun = Bell()
        """Rung when a run begins, and with it its log."""

    # Nodes.

    def join(self, node: Node) -> None:
        """A node offers its capacity."""
        self._shares[node.id] = Share(node.capacity)

    def behave(self, ways: Ordinary) -> None:
        """From now on nodes may be worse than others."""
        self._ways = ways
        self._report = ways.heard(self._report)

    def resize(self, node_id: str, capacity: Capacity) -> None:
        """A node offers another capacity; what it has taken it keeps."""
        self._shares[node_id].resize(capacity)
        self._node_changed(node_id, self._shares[node_id])
        self._let_in(node_id)

    def go_down(self, node_id: str) -> None:
        """The node's process dies, its programs with it; nobody hears of it."""
        share = self._shares[node_id] = Share(self._shares[node_id].capacity)
        asleep = self._asleep.setdefault(node_id, [])
        for held in [h for h in self._held.values() if h.execution.node_id == node_id]:
            held.lost = True
            del self._held[held.execution.id]
            if held.taken and not held.unwanted:
                asleep.append(held.execution)
            held.end_pause()
            if held.task is not None and held.begun:
                held.task.cancel()
        self._running = {key: h for key, h in self._running.items() if h.execution.node_id != node_id}
        self._node_changed(node_id, share)

    def come_up(self, node_id: str) -> None:
        """The node's process starts again and sees what it had in hand: batch and ops are failed, since nobody knows
        how far they came, service and daemon are run again (since 1.6, FINDINGS 4)."""
        asleep = self._asleep.pop(node_id, [])
        if not self._release.restart_fails_runs:
            return
        for execution in asleep:
            if JobType(execution.job.type).is_long_running:
                self._take_up(Held(execution, requested(execution.job.task), self._shares[node_id], taken=True))
            else:
                self._report(node_id, Observation(execution.id, ExecutionEvent.FAILED, NODE_RESTARTED))

    def _take_up(self, held: Held) -> None:
        """Run it again, if what runs it is still there."""
        self._held[held.execution.id] = held
        try:
            held.runner = self._scripts.runner(held.execution, self._bench.runner)
        except StepError as error:
            self._scan_failed(held, error)
            return
        self._enter(held)

    def begin_with(self, execution: Execution) -> None:
        """The whole server has started again, and this is what a node had in hand, see `come_up`."""
        self._asleep.setdefault(execution.node_id, []).append(execution)
        self.come_up(execution.node_id)

    def active(self, node_id: str) -> list[tuple[Execution, Capacity]]:
        """What runs on a node and what it was given, whether the orchestrator still wants it or not."""
        running = self._running.values()
        return [(held.execution, held.wants) for held in running if held.execution.node_id == node_id]

    # What the orchestrator orders.

    def bid(self, execution: Execution) -> None:
        """Say whether the execution could run here; without input that needs IO the answer is there at once."""
        held = Held(execution, requested(execution.job.task), self._shares[execution.node_id])
        self._held[execution.id] = held
        if execution.desired is DesiredState.PENDING:
            self._tell(held, ExecutionEvent.ASKED)
        else:
            held.taken = True
        self._ways.step(held, self._consider)

    def start(self, execution: Execution) -> None:
        """The offer is taken: run as soon as there is room."""
        held = self._held.get(execution.id)
        if held is None:
            return
        held.execution = execution
        held.taken = True
        if held.task is None or held.task.done():
            self._enter(held)

    def cancel(self, execution: Execution) -> None:
        """The execution is not wanted any more: it ends wherever it stands, if its node hears of it."""
        held = self._held.get(execution.id)
        if held is None:
            return
        runs = execution.id in self._running
        if self._strict and held.goes_on(self._release, runs=runs):
            return
        held.unwanted = True
        if held.ticket is not None and held.ticket != RESERVED:
            held.share.leave(held.wants, held.ticket)
            self._node_changed(execution.node_id, held.share)
        if held.task is None or held.task.done():
            self._stopped(held)
        elif held.begun:
            held.task.cancel()

    # Bidding.

    def _consider(self, held: Held) -> None:
        execution, task = held.execution, held.execution.job.task
        refusal = self._ways.refusal(execution)
        if refusal:
            self._finish(held, ExecutionEvent.REJECTED, Event(EXEC_SCANNING, refusal))
            return
        try:
            held.runner = self._scripts.runner(execution, self._bench.runner)
            ask = held.runner.check(task)
        except StepError as error:
            self._scan_failed(held, error)
            return
        if waits_for_io(task, ask):
            begin = self._under_way.begin
            held.task = begin(lambda _: self._scan(held, ask), on_clock=is_on_clock(held.runner))
        else:
            run_now(self._scan(held))

    async def _scan(self, held: Held, ask: Ask | None = None) -> None:
        """Find out whether it can run here, then offer."""
        if not held.begin():
            self._stopped(held)
            return
        try:
            await look_into(held.execution, self._bench, ask)
        except StepError as error:
            self._scan_failed(held, error)
            return
        except asyncio.CancelledError:
            if not held.is_over:
                raise
            self._stopped(held)
            return
        held.task, held.begun = None, False
        self._offer(held)

    def _scan_failed(self, held: Held, error: StepError) -> None:
        topic = error.topic or EXEC_SCANNING
        self._finish(held, ExecutionEvent.FAILED, Event(topic, error.message, {**error.details, **IS_ERROR}))

    def _offer(self, held: Held) -> None:
        """Up to 1.5.2 a busy node answers only once it has room; an execution that is wanted already just starts."""
        if held.execution.desired is DesiredState.RUNNING:
            self._tell(held, ExecutionEvent.BID)
            self._enter(held)
            return
        share = held.share
        if not self._release.queue_on_node:
            if not share.take(held.wants):
                held.ticket = share.wait(held.wants, held.execution.job.priority, held.execution.id)
                self._node_changed(held.execution.node_id, share)
                return
            held.ticket = RESERVED
            self._node_changed(held.execution.node_id, share)
        self._tell(held, ExecutionEvent.BID)

    # Running.

    def _enter(self, held: Held) -> None:
        """Run, or wait in the node's queue."""
        share = held.share
        if held.ticket == RESERVED:
            held.ticket = None
            self._run(held)
        elif share.take(held.wants):
            self._run(held)
        else:
            held.ticket = share.wait(held.wants, held.execution.job.priority, held.execution.id)
        self._node_changed(held.execution.node_id, share)

    def _run(self, held: Held) -> None:
        held.running_since = self._clock.now()
        self._running[held.execution.id] = held
        self._tell(held, ExecutionEvent.STARTED)
        self._ways.step(held, self._begin)

    def _begin(self, held: Held) -> None:
        if held.is_late:
            self._give_back(held)
            self._finish(held, ExecutionEvent.FAILED, held.expiry)
            return
        runner = held.runner = held.runner or self._scripts.runner(held.execution, self._bench.runner)
        held.task = self._under_way.begin(
            lambda sleeper: self._carry_out(held, runner, sleeper),
            on_clock=is_on_clock(runner),
            ends=not JobType(held.execution.job.type).is_long_running,
        )

    async def _carry_out(self, held: Held, runner: Runner, sleeper: Sleeper) -> None:
        """One run from inputs to publication, and what became of it."""
        if not held.begin():
            self._give_back(held)
            self._stopped(held)
            return
        try:
            given = held.execution, runner, self._bench, self._release
            attempt = held.attempt = Attempt(*given, clock=self._clock, sleeper=sleeper)
        except OSError as error:  # a full disk must fail the job, not leave it running for ever
            self._give_back(held)
            text = f"the stub could not prepare the run: {error}"
            self._finish(held, ExecutionEvent.FAILED, Event(RUNNING_EXECUTION, text, IS_ERROR))
            return
        self.begun.ring()
        limit = run_limit(held.execution)
        try:
            seen = await conclude(attempt, limit, lambda: held.is_over, held.waited)
        finally:
            self._finish_run(held, attempt)
        self._done(held, seen)
        await attempt.clean_up()

    def _finish_run(self, held: Held, attempt: Attempt) -> None:
        """Free the node and let the next in before anybody hears of the end."""
        attempt.log.give_up(self._clock.now() if held.is_over or attempt.expired else 0)
        if self._release.logs_from_node and attempt.serves_log:
            self._kept.keep(held.execution.id, attempt.log)
        else:
            attempt.drop_log()
        self._give_back(held)

    def _give_back(self, held: Held) -> None:
        """What the execution took is free again, unless it holds on to it: then once its time is over, if ever."""
        if held.keeps_capacity:
            held.keeps_capacity = False
            limit = run_limit(held.execution)
            if limit:
                due = held.running_since + limit * SECOND
                self._clock.call_at(due, lambda: self._let_go(held), holds=False)
            return
        held.share.give_back(held.wants)
        node_id = held.execution.node_id
        if held.share is self._shares[node_id]:  # else the node has started again, perhaps with the same execution
            self._running.pop(held.execution.id, None)
            self._node_changed(node_id, held.share)

    def _let_go(self, held: Held) -> None:
        self._give_back(held)
        self._let_in(held.execution.node_id)

    def _let_in(self, node_id: str) -> None:
        """Those who wait take what is free now."""
        share = self._shares[node_id]
        while (execution_id := share.next_fitting()) is not None:
            held = self._held.get(execution_id)
            if held is None:
                continue
            held.ticket = None
            if held.execution.desired is DesiredState.RUNNING:
                self._run(held)
            else:
                held.ticket = RESERVED
                self._tell(held, ExecutionEvent.BID)
            self._node_changed(node_id, share)

    # Reporting.

    def _tell(self, held: Held, change: ExecutionEvent) -> None:
        self._report(held.execution.node_id, Observation(held.execution.id, change))

    def _finish(self, held: Held, change: ExecutionEvent, event: Event) -> None:
        """The end of an execution that never ran."""
        self._done(held, Observation(held.execution.id, change, event))

    def _done(self, held: Held, seen: Observation) -> None:
        if held.is_over:
            self._stopped(held)
            return
        self._held.pop(held.execution.id, None)
        self._report(held.execution.node_id, seen)
        self._let_in(held.execution.node_id)

    def _stopped(self, held: Held) -> None:
        """Called off: nobody has to be told unless the release's nodes report it."""
        if held.lost:
            return
        if held.ticket == RESERVED or (held.end_pause() and held.running_since):
            self._give_back(held)
        self._held.pop(held.execution.id, None)
        if self._release.node_reports_stop:
            self._tell(held, ExecutionEvent.STOPPED)
        self._let_in(held.execution.node_id)

    # Logs and ends.

    def log(self, execution_id: str) -> LogBuffer | None:
        """The node's log of an execution: running, or finished within the hour where the release keeps it."""
        held = self._held.get(execution_id)
        if held is not None and held.attempt is not None:
            return held.attempt.log
        return self._kept.get(execution_id)

    def runner_of(self, execution_id: str) -> str:
        """Name of what runs an execution that its node holds; "" for any other."""
        held = self._held.get(execution_id)
        return held.runner.name if held is not None and held.runner is not None else ""

    def is_known(self, execution_id: str) -> bool:
        """True while the node holds the execution (bidding, waiting or running)."""
        return execution_id in self._held

    def drop_old_logs(self) -> int | None:
        """Delete the logs whose hour is over; when the next one's will be (unix nanoseconds), None without any."""
        return self._kept.drop_old()

    def forget_jobs(self) -> Awaitable[object]:
        """End all that runs, unheard, and delete all logs: known at once, over when awaited."""
        running = [held for held in self._held.values() if held.task is not None]
        for node_id in self._shares:
            self.go_down(node_id)
        self._asleep.clear()
        self._kept.forget(held.execution.id for held in running)
        return asyncio.gather(*(held.task for held in running if held.task is not None), return_exceptions=True)

    async def close(self) -> None:
        """Stop all that runs, without reporting anything."""
        await self._under_way.close()
