"""What a runner is: it checks at the bid whether it could run a task, and later runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orchestrator_stub.clock import RealClock, Sleeper
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, Task
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.logs.buffer import LogBuffer


@dataclass(frozen=True, slots=True)
class Mount:
    """Something on this machine that the program sees at `target` (a file or a folder)."""

    source: Path
    target: str
    writable: bool = False
    shared: bool = False
    """True for something that outlives the run (a local input): runners must neither move it nor change its rights."""


@dataclass(frozen=True, slots=True)
class Work:
    """Everything one run needs; nothing in it is shared with another run."""

    job: Job
    task: Task
    execution: Execution
    env: Mapping[str, str]
    """What the program's environment gets: task, engine and BACALHAU_* values, already merged by the engine."""
    mounts: tuple[Mount, ...]
    """Inputs (fetched) and result paths (empty writable folders), in this order."""
    folder: Path
    """Private scratch folder of this run; removed by the engine afterwards."""
    limits: Capacity
    """Resources of the task; memory and disk in bytes."""
    log: LogBuffer
    """Where stdout and stderr go as they come."""
    clock: Sleeper = field(default_factory=RealClock)
    """What a run on the clock sleeps by, and by nothing else: meanwhile other runs have their turn."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The program ran to its end."""

    exit_code: int
    complaint: str = ""
    """What the runner has to say about the end, e.g. that the memory was not enough."""


class Runner(Protocol):
    """Runs tasks of one engine type. The engine cancels the coroutine to stop a run or when its time is over:
    the runner then kills what it started before it lets the cancellation through."""

    name: str
    """Shown in the journal and in `/stub/info`: "wasm", "sandbox", "docker", "process", "scripted"."""

    def check(self, task: Task) -> Callable[[], Awaitable[None]] | None:
        """Refuse at the bid what can never run, and return what has to be waited for to tell, if anything has.

        Both raise StepError with the released servers' text.
        """
        ...

    async def run(self, work: Work) -> Finished:
        """Run to the end. Raises StepError when the program could not be started or broke (trap, engine error)."""
        ...
