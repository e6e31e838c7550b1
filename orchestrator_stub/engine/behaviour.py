"""Nodes that are worse than others: slow, losing what runs on them, refusing work. Only stubs that have one load this.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from orchestrator_stub.clock import SECOND, Clock
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.plan import Observation
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.shape import Behaviour
from orchestrator_stub.domain.transitions import ExecutionEvent
from orchestrator_stub.engine.held import Held, run_limit
from orchestrator_stub.engine.looking import Ordinary, Report

_NO_WORSE = Behaviour()
_ENDS = frozenset({ExecutionEvent.COMPLETED, ExecutionEvent.FAILED, ExecutionEvent.STOPPED})


class Behaviours(Ordinary):
    """The behaviour of every node."""

    def __init__(self, release: Release, clock: Clock, source: random.Random) -> None:
        """`source` decides what is lost."""
        super().__init__(release)
        self._clock = clock
        self._source = source
        self._by_node: dict[str, Behaviour] = {}
        self._lost: set[str] = set()

    def of(self, node_id: str) -> Behaviour:
        """How a node behaves."""
        return self._by_node.get(node_id, _NO_WORSE)

    def put(self, node_id: str, behaviour: Behaviour) -> None:
        """How a node behaves from now on; steps under way go on as they began."""
        self._by_node[node_id] = behaviour

    def step(self, held: Held, act: Callable[[Held], None]) -> None:
        """The next thing that a node does for an execution; a slow one does it later, unless it is called off."""
        seconds = self.of(held.execution.node_id).slow
        if not seconds:
            act(held)
            return
        if held.running_since:
            limit = run_limit(held.execution)
            seconds = held.waited = min(seconds, limit) if limit else seconds

        def begin() -> None:
            held.pause = None
            act(held)

        held.pause = self._clock.call_at(self._clock.now() + round(seconds * SECOND), begin)

    def refusal(self, execution: Execution) -> str:
        """Why its node does not even consider it; "" = it does."""
        return self.of(execution.node_id).rejecting or super().refusal(execution)

    def heard(self, report: Report) -> Report:
        """`report` as far as it hears of what nodes observe: of some executions that lossy ones begin never again."""

        def hear(node_id: str, seen: Observation) -> None:
            if seen.change is ExecutionEvent.STARTED:
                share = self.of(node_id).lossy
                if share and self._source.random() < share:
                    self._lost.add(seen.execution_id)
            elif seen.execution_id in self._lost:
                if seen.change in _ENDS:
                    self._lost.discard(seen.execution_id)
                return
            report(node_id, seen)

        return hear
