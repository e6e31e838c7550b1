"""The compute nodes: they bid, run, publish and report, all in the orchestrator's own loop."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from orchestrator_stub.clock import SECOND, Clock
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.plan import Observation
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import DesiredState, JobType
from orchestrator_stub.domain.topics import EXEC_SCANNING, EXECUTION_COMPLETED, IS_ERROR, execution_expired
from orchestrator_stub.domain.transitions import ExecutionEvent
from orchestrator_stub.engine.capacity import Share
from orchestrator_stub.engine.run import Attempt, Outcome, Workbench, carry_out, inputs_of, part_of
from orchestrator_stub.logs.buffer import LogBuffer
from orchestrator_stub.scheduler.ranking import requested

__all__ = ["Compute", "Workbench"]

_log = logging.getLogger(__name__)

LOG_KEPT = 3600 * SECOND
"""How long a node keeps the log of a finished execution, where the release serves it from there (1.8+)."""
_NO_IO = frozenset({"inline"})
"""Sources whose check waits for nothing: bids on them are answered at once."""
_RESERVED = -1
"""Ticket of an execution that has its resources already (an offer of a node up to 1.5.2)."""
_REJECTED = "rejected bid: this node does not run jobs that require network access"


@dataclass(slots=True)
class _Held:
    """An execution that a node knows of."""

    execution: Execution
    wants: Capacity
    ticket: int | None = None
    """Its place in the node's queue."""
    task: asyncio.Task[None] | None = None
    attempt: Attempt | None = None
    begun: bool = False
    """The task has taken its first step: a task that is cancelled before never runs, not even its clean-up."""
    unwanted: bool = False
    """The orchestrator has called it off."""


@dataclass(slots=True)
class _Kept:
    """Logs of finished executions, oldest first."""

    logs: dict[str, LogBuffer] = field(default_factory=dict)
    due: deque[tuple[int, str]] = field(default_factory=deque)


class Compute:
    """All nodes of the stub."""

    def __init__(
        self,
        workbench: Workbench,
        release: Release,
        clock: Clock,
        report: Callable[[Observation], None],
        node_changed: Callable[[str, Share[str]], None],
    ) -> None:
        """`report` takes observations; `node_changed` learns of a node's new figures."""
        self._bench = workbench
        self._release = release
        self._clock = clock
        self._report = report
        self._node_changed = node_changed
        self._shares: dict[str, Share[str]] = {}
        self._held: dict[str, _Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept = _Kept()

    # Nodes.

    def join(self, node: Node) -> None:
        """A node offers its capacity."""
        self._shares[node.id] = Share(node.capacity)

    # What the orchestrator orders.

    def bid(self, execution: Execution) -> None:
        """Say whether the execution could run here; without input that needs IO the answer is there at once."""
        held = _Held(execution, requested(execution.job.task))
        self._held[execution.id] = held
        if execution.desired is DesiredState.PENDING:
            self._tell(held, ExecutionEvent.ASKED)
        task = execution.job.task
        if self._release.networked_jobs_rejected and task.network.type.lower() != "none":
            self._finish(held, ExecutionEvent.REJECTED, Event(EXEC_SCANNING, _REJECTED))
            return
        try:
            runner = self._bench.runner(task)
            runner.check(task)
        except StepError as error:
            self._scan_failed(held, error)
            return
        waits_for_io = any(s.source.type.lower() not in _NO_IO for s in inputs_of(task))
        if waits_for_io:
            held.task = self._spawn(self._scan(held))
        else:
            _run_now(self._scan(held))

    def start(self, execution: Execution) -> None:
        """The offer is taken: run as soon as there is room."""
        held = self._held.get(execution.id)
        if held is None:
            return
        held.execution = execution
        if held.task is None or held.task.done():
            self._enter(held)

    def cancel(self, execution: Execution) -> None:
        """The execution is not wanted any more: it ends wherever it stands."""
        held = self._held.get(execution.id)
        if held is None:
            return
        held.unwanted = True
        if held.ticket is not None and held.ticket != _RESERVED:
            share = self._shares[execution.node_id]
            share.leave(held.wants, held.ticket)
            self._node_changed(execution.node_id, share)
        if held.task is None or held.task.done():
            self._stopped(held)
        elif held.begun:
            held.task.cancel()

    # Bidding.

    async def _scan(self, held: _Held) -> None:
        """Ask every input's source whether the data is there, then offer."""
        if not _begin(held):
            self._stopped(held)
            return
        try:
            part = part_of(held.execution)
            for one in inputs_of(held.execution.job.task):
                await self._bench.source(one.source.type).check(one, part)
        except StepError as error:
            self._scan_failed(held, error)
            return
        except asyncio.CancelledError:
            if not held.unwanted:
                raise
            self._stopped(held)
            return
        held.task, held.begun = None, False
        self._offer(held)

    def _scan_failed(self, held: _Held, error: StepError) -> None:
        topic = error.topic or EXEC_SCANNING
        self._finish(held, ExecutionEvent.FAILED, Event(topic, error.message, {**error.details, **IS_ERROR}))

    def _offer(self, held: _Held) -> None:
        """Up to 1.5.2 a busy node answers only once it has room; an execution that is wanted already just starts."""
        if held.execution.desired is DesiredState.RUNNING:
            self._tell(held, ExecutionEvent.BID)
            self._enter(held)
            return
        share = self._shares[held.execution.node_id]
        if not self._release.queue_on_node:
            if not share.take(held.wants):
                held.ticket = share.wait(held.wants, held.execution.job.priority, held.execution.id)
                self._node_changed(held.execution.node_id, share)
                return
            held.ticket = _RESERVED
            self._node_changed(held.execution.node_id, share)
        self._tell(held, ExecutionEvent.BID)

    # Running.

    def _enter(self, held: _Held) -> None:
        """Run, or wait in the node's queue."""
        node_id = held.execution.node_id
        share = self._shares[node_id]
        if held.ticket == _RESERVED:
            held.ticket = None
            self._run(held)
        elif share.take(held.wants):
            self._run(held)
        else:
            held.ticket = share.wait(held.wants, held.execution.job.priority, held.execution.id)
        self._node_changed(node_id, share)

    def _run(self, held: _Held) -> None:
        self._tell(held, ExecutionEvent.STARTED)
        held.task = self._spawn(self._carry_out(held))

    async def _carry_out(self, held: _Held) -> None:
        """One run from inputs to publication, and what became of it."""
        if not _begin(held):
            self._give_back(held)
            self._stopped(held)
            return
        attempt = held.attempt = Attempt(held.execution, self._bench, self._release, self._clock)
        limit = _limit(held.execution)
        expiry = attempt.expire_after(limit) if limit else None
        change, outcome = ExecutionEvent.COMPLETED, Outcome()
        try:
            event, outcome = EXECUTION_COMPLETED, await carry_out(attempt)
        except StepError as error:
            change = ExecutionEvent.FAILED
            event = Event(error.topic or attempt.topic, error.message, {**error.details, **IS_ERROR})
        except asyncio.CancelledError:
            if not attempt.expired and not held.unwanted:
                raise
            change, event = ExecutionEvent.FAILED, execution_expired(limit)
        except Exception as error:  # a broken runner must fail its job, not leave it running for ever
            _log.exception("runner %s broke on execution %s", attempt.runner.name, held.execution.id)
            text = f"the stub's {attempt.runner.name} runner broke: {error!r}"
            change, event = ExecutionEvent.FAILED, Event(attempt.topic, text, IS_ERROR)
        finally:
            if expiry is not None:
                expiry()
            self._finish_run(held, attempt)
        self._done(held, Observation(held.execution.id, change, event, outcome.published, outcome.output))
        await attempt.clean_up()

    def _finish_run(self, held: _Held, attempt: Attempt) -> None:
        """Free the node and let the next in before anybody hears of the end."""
        attempt.log.close()
        execution = held.execution
        if self._release.logs_from_node and attempt.serves_log:
            self._kept.logs[execution.id] = attempt.log
            self._kept.due.append((self._clock.now() + LOG_KEPT, execution.id))
        else:
            attempt.drop_log()
        self._give_back(held)

    def _give_back(self, held: _Held) -> None:
        """What the execution took is free again."""
        node_id = held.execution.node_id
        share = self._shares[node_id]
        share.give_back(held.wants)
        self._node_changed(node_id, share)

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
                held.ticket = _RESERVED
                self._tell(held, ExecutionEvent.BID)
            self._node_changed(node_id, share)

    # Reporting.

    def _tell(self, held: _Held, change: ExecutionEvent) -> None:
        self._report(Observation(held.execution.id, change))

    def _finish(self, held: _Held, change: ExecutionEvent, event: Event) -> None:
        """The end of an execution that never ran."""
        self._done(held, Observation(held.execution.id, change, event))

    def _done(self, held: _Held, seen: Observation) -> None:
        if held.unwanted:
            self._stopped(held)
            return
        self._held.pop(held.execution.id, None)
        self._report(seen)
        self._let_in(held.execution.node_id)

    def _stopped(self, held: _Held) -> None:
        """Called off: nobody has to be told unless the release's nodes report it."""
        if held.ticket == _RESERVED:
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
        return self._kept.logs.get(execution_id)

    def is_known(self, execution_id: str) -> bool:
        """True while the node holds the execution (bidding, waiting or running)."""
        return execution_id in self._held

    def drop_old_logs(self) -> None:
        """Delete the logs whose hour is over."""
        now = self._clock.now()
        while self._kept.due and self._kept.due[0][0] <= now:
            execution_id = self._kept.due.popleft()[1]
            log = self._kept.logs.pop(execution_id, None)
            if log is not None:
                shutil.rmtree(log.stdout_path.parent, ignore_errors=True)

    @property
    def real_work(self) -> int:
        """Runs and checks under way whose time is not the clock's (they hold a virtual clock)."""
        return sum(
            1
            for held in self._held.values()
            if held.task is not None and not held.task.done() and not (held.attempt and held.attempt.on_clock)
        )

    async def close(self) -> None:
        """Stop all that runs, without reporting anything."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, step: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(step)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _begin(held: _Held) -> bool:
    """The first step of a task; False when it was called off before."""
    held.begun = True
    return not held.unwanted


def _limit(execution: Execution) -> int:
    """Seconds that a run may take, 0 = for ever; services and daemons know no limit."""
    if JobType(execution.job.type).is_long_running:
        return 0
    limits = execution.job.task.timeouts
    return max(0, limits.execution or limits.total)


def _run_now(step: Coroutine[Any, Any, None]) -> None:
    """Drive a coroutine that waits for nothing to its end."""
    try:
        step.send(None)
    except StopIteration:
        return
    step.close()
    raise RuntimeError("a source that was to answer at once waited for something")
