"""What a node looks into before it offers to run something: its own rules, its runner, the sources of its inputs."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.plan import Observation
from orchestrator_stub.domain.release import Release
from orchestrator_stub.engine.held import Held
from orchestrator_stub.engine.run import Workbench, inputs_of, part_of

Report = Callable[[str, Observation], None]
"""Takes a node's id and what it observes."""
Ask = Callable[[], Awaitable[None]]
"""Finds out whether the runner can; raises StepError when it cannot."""

_log = logging.getLogger(__name__)

_NO_IO = frozenset({"inline"})
"""Sources whose check waits for nothing: bids on them are answered at once."""
_NETWORKED = "rejected bid: this node does not run jobs that require network access"


class Ordinary:
    """How nodes go about their work that nobody made worse than they are."""

    def __init__(self, release: Release) -> None:
        self._networked_rejected = release.networked_jobs_rejected

    def step(self, held: Held, act: Callable[[Held], None]) -> None:
        """The next thing that a node does for an execution: looking at it, or beginning to run it."""
        act(held)

    def refusal(self, execution: Execution) -> str:
        """Why its node does not even consider it; "" = it does."""
        network = execution.job.task.network.type
        return _NETWORKED if self._networked_rejected and network.lower() != "none" else ""

    def heard(self, report: Report) -> Report:
        """`report` as far as it hears of what nodes observe."""
        return report


def waits_for_io(task: Task, ask: Ask | None) -> bool:
    """Whether `look_into` takes time."""
    return ask is not None or any(one.source.type.lower() not in _NO_IO for one in inputs_of(task))


async def look_into(execution: Execution, bench: Workbench, ask: Ask | None) -> None:
    """Ask the runner whether it can, and every input's source whether the data is there. Raises StepError."""
    try:
        if ask is not None:
            await ask()
        part = part_of(execution)
        for one in inputs_of(execution.job.task):
            await bench.source(one.source.type).check(one, part)
    except StepError:
        raise
    except Exception as error:  # a broken source must fail its job, not leave it pending for ever
        _log.exception("an input's source broke on execution %s", execution.id)
        raise StepError(f"the stub's check of an input broke: {error!r}") from error
