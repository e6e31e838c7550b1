"""One run of an execution on a node: folders, inputs, program, publication, and nothing left behind."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator_stub.clock import SECOND, Clock, Sleeper
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.events import Event
from orchestrator_stub.domain.execution import Execution, RunOutput
from orchestrator_stub.domain.job import InputSource, SpecConfig, Task
from orchestrator_stub.domain.plan import Observation
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.topics import (
    EXECUTION_COMPLETED,
    IS_ERROR,
    PUBLISHING_RESULTS,
    RUNNING_EXECUTION,
    execution_expired,
)
from orchestrator_stub.domain.transitions import ExecutionEvent
from orchestrator_stub.engine.environment import environment
from orchestrator_stub.inputs.base import Part, Source
from orchestrator_stub.logs.buffer import LogBuffer
from orchestrator_stub.publishers.base import Output, Publisher
from orchestrator_stub.runners.base import Finished, Mount, Runner, Work
from orchestrator_stub.runners.wasm_spec import wasm_modules
from orchestrator_stub.scheduler.ranking import requested

_log = logging.getLogger(__name__)

SCRIPTED = "scripted"
"""Name of the runner whose time is the clock's; all others run in real time."""


def is_on_clock(runner: Runner) -> bool:
    """True when the time of the runner's runs is the clock's, not the machine's."""
    return runner.name == SCRIPTED


@dataclass(frozen=True, slots=True)
class Workbench:
    """What the nodes work with; keys are types in lower case."""

    runners: Mapping[str, Runner]
    sources: Mapping[str, Source]
    publishers: Mapping[str, Publisher]
    folder: Path
    """Where runs live, and logs that need not last; exists and belongs to the stub."""
    logs: Path | None = None
    """Where logs live that are to last; exists."""
    hint: Callable[[Task], str] = lambda _: ""
    """What a submitter should know about how the task runs here: a warning in the answer to a submit."""

    def runner(self, task: Task) -> Runner:
        """Raises StepError when nothing here runs the task's engine."""
        runner = self.runners.get(task.engine.type.lower())
        if runner is None:
            raise StepError(f"no runner for engine {task.engine.type} on this node")
        return runner

    def source(self, kind: str) -> Source:
        """Raises StepError when nothing here fetches this type."""
        source = self.sources.get(kind.lower())
        if source is None:
            raise StepError(f"no source for input type {kind} on this node")
        return source

    def publisher(self, kind: str) -> Publisher:
        """Raises StepError when nothing here publishes this type."""
        publisher = self.publishers.get(kind.lower())
        if publisher is None:
            raise StepError(f"failed to get publisher {kind}: it is not installed on this node")
        return publisher


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left."""

    published: SpecConfig | None = None
    output: RunOutput | None = None


class Attempt:
    """The folders, the log and the limit of one run."""

    def __init__(
        self,
        execution: Execution,
        runner: Runner,
        bench: Workbench,
        release: Release,
        *,
        clock: Clock,
        sleeper: Sleeper,
    ) -> None:
        """`sleeper`: what the program sleeps by when its time is the clock's."""
        self.execution = execution
        self.bench = bench
        self.release = release
        self.clock = clock
        self.sleeper = sleeper
        self.runner = runner
        self.topic = RUNNING_EXECUTION
        """Topic of what fails next."""
        self.expired = False
        self.has_files = not self.on_clock or bool(inputs_of(execution.job.task) or execution.job.task.result_paths)
        """False for a run without a folder: those on the clock are many."""
        runs = bench.folder / "runs"
        self.folder = _new_folder(runs, execution.id) if self.has_files else runs / execution.id
        logs = partial(_new_folder, bench.logs or bench.folder / "logs", execution.id)
        self.log = LogBuffer(logs if self.on_clock else logs(), asyncio.get_running_loop())

    @property
    def on_clock(self) -> bool:
        """True when the run's time is the clock's, not the machine's."""
        return is_on_clock(self.runner)

    @property
    def is_wasm(self) -> bool:
        """Wasm output is captured and logged in its own ways (FINDINGS 2)."""
        return self.execution.job.task.engine.type.lower() == "wasm"

    @property
    def serves_log(self) -> bool:
        """True when the node's log can be asked for after the end (never for wasm: FINDINGS 1, row 11.3)."""
        return not self.is_wasm

    def expire_after(self, seconds: float) -> Callable[[], None]:
        """End the run when its time is over; returns what calls that off."""
        task = asyncio.current_task()

        def expire() -> None:
            self.expired = True
            if task is not None:
                task.cancel()

        if self.on_clock:
            return self.clock.call_at(self.clock.now() + round(seconds * SECOND), expire).cancel
        return asyncio.get_running_loop().call_later(seconds, expire).cancel

    def drop_log(self) -> None:
        """Delete the log."""
        self.log.delete()

    async def clean_up(self) -> None:
        """Delete the run's folder; a big one without holding up the loop."""
        if self.on_clock:
            if self.has_files:
                shutil.rmtree(self.folder, ignore_errors=True)
        else:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, self.folder, True))


def _new_folder(where: Path, name: str) -> Path:
    """A folder that nobody else has: a node that starts again runs executions anew whose last run still cleans up."""
    folder, number = where / name, 1
    while True:
        try:
            folder.mkdir()
        except FileNotFoundError:
            where.mkdir()
        except FileExistsError:
            number += 1
            folder = where / f"{name}.{number}"
        else:
            return folder


async def conclude(attempt: Attempt, limit: int, is_over: Callable[[], bool], waited: float = 0.0) -> Observation:
    """Carry out a run; what became of it, as its node reports it. `limit`: seconds that it may take, 0 = for ever, of
    which it has `waited` so many; `is_over`: true once it was called off. Raises CancelledError when neither its limit
    nor a call ended it.
    """
    change, event, outcome = ExecutionEvent.FAILED, EXECUTION_COMPLETED, Outcome()
    expiry = attempt.expire_after(limit - waited) if limit else None
    try:
        outcome = await carry_out(attempt)
        change = ExecutionEvent.COMPLETED
    except StepError as error:
        event = Event(error.topic or attempt.topic, error.message, {**error.details, **IS_ERROR})
    except asyncio.CancelledError:
        if not attempt.expired and not is_over():
            raise
        event = execution_expired(limit)
    except Exception as error:  # a broken runner must fail its job, not leave it running for ever
        _log.exception("runner %s broke on execution %s", attempt.runner.name, attempt.execution.id)
        event = Event(attempt.topic, f"the stub's {attempt.runner.name} runner broke: {error!r}", IS_ERROR)
    finally:
        if expiry is not None:
            expiry()
    return Observation(attempt.execution.id, change, event, outcome.published, outcome.output)


async def carry_out(attempt: Attempt) -> Outcome:
    """Fetch, run, publish. Raises StepError."""
    execution, task = attempt.execution, attempt.execution.job.task
    mounts = await _inputs(attempt, task)
    folders = _result_folders(attempt, task)
    for path in task.result_paths:
        mounts.append(Mount(folders[path.name], path.path, writable=True))
    finished = await attempt.runner.run(
        Work(
            job=execution.job,
            task=task,
            execution=execution,
            env=environment(execution, attempt.release),
            mounts=tuple(mounts),
            folder=attempt.folder / "work",
            limits=requested(task),
            log=attempt.log,
            clock=attempt.sleeper,
        )
    )
    attempt.log.close()
    output = _output(attempt, finished)
    if not task.publisher.type:
        return Outcome(output=output)
    attempt.topic = PUBLISHING_RESULTS
    published = await attempt.bench.publisher(task.publisher.type).publish(
        Output(
            job=execution.job,
            task=task,
            execution=execution,
            stdout=attempt.log.stdout_path,
            stderr=attempt.log.stderr_path,
            exit_code=finished.exit_code,
            folders=folders,
            now=attempt.clock.now(),
            root_mode=attempt.release.archive_root_mode,
        )
    )
    return Outcome(published, output)


async def _inputs(attempt: Attempt, task: Task) -> list[Mount]:
    if attempt.has_files:
        (attempt.folder / "work").mkdir()
    mounts: list[Mount] = []
    part = part_of(attempt.execution)
    for number, one in enumerate(inputs_of(task)):
        folder = attempt.folder / "inputs" / str(number)
        folder.mkdir(parents=True)
        mounts += await attempt.bench.source(one.source.type).fetch(one, folder, part)
    return mounts


def inputs_of(task: Task) -> tuple[InputSource, ...]:
    """What has to be fetched: the inputs, and before them the modules that old wasm specs carry inside (up to 1.6)."""
    return (*wasm_modules(task), *task.input_sources)


def part_of(execution: Execution) -> Part:
    """The share of divided inputs that an execution gets."""
    return Part(execution.partition, max(1, execution.job.count or 0))


def _result_folders(attempt: Attempt, task: Task) -> dict[str, Path]:
    """An empty writable folder for each result path; names of users never become paths here."""
    folders: dict[str, Path] = {}
    for number, path in enumerate(task.result_paths):
        folders[path.name] = attempt.folder / "results" / str(number)
        folders[path.name].mkdir(parents=True)
    return folders


def _output(attempt: Attempt, finished: Finished) -> RunOutput:
    stdout, more_stdout = attempt.log.head(1, first_write_only=attempt.is_wasm)
    stderr, more_stderr = attempt.log.head(2, first_write_only=attempt.is_wasm)
    return RunOutput(stdout, more_stdout, stderr, more_stderr, finished.exit_code, finished.complaint)
