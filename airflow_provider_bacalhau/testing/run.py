"""A finished run of a DAG: its tasks' states, what they left, what they logged, and why it failed."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

UNMAPPED = -1
TAIL = 20
"""Log lines of a failed task that an explanation shows."""
XComReader = Callable[[str, str], Mapping[int, Any]]
"""`(task id, key)` -> the values by map index."""
_THE_ERROR = "Task failed with exception"
"""What Airflow logs before the traceback of the error that ended a task."""
_HERE = Path(__file__).parents[1]
_STANDARD_LIBRARY = Path(traceback.__file__).parent


@dataclass(slots=True)
class Attempt:
    """One try of a task: every leg of it, before and after a deferral."""

    task: str
    map_index: int
    number: int
    """From 1."""
    state: str = ""
    error: BaseException | None = None
    """What it raised."""
    lines: list[str] = field(default_factory=list)
    """What it logged and printed."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task instance at the end of its run."""

    task: str
    map_index: int
    state: str
    tries: int

    @property
    def name(self) -> str:
        """The task's id, with the map index of a mapped one: `squares[2]`."""
        return self.task if self.map_index == UNMAPPED else f"{self.task}[{self.map_index}]"


class Run:
    """A run that is over."""

    def __init__(
        self,
        *,
        dag_id: str,
        run_id: str,
        state: str,
        instances: Sequence[TaskState],
        attempts: Sequence[Attempt],
        read_xcom: XComReader,
    ) -> None:
        """Made by `RunDag`."""
        self.dag_id = dag_id
        self.run_id = run_id
        self.state = state
        """success or failed."""
        self.instances = tuple(instances)
        """Every task instance, mapped ones in order."""
        self.attempts = tuple(attempts)
        """Every try of every task, in the order in which they began."""
        self._read_xcom = read_xcom

    @property
    def tasks(self) -> dict[str, str]:
        """State by task: success, failed, skipped, upstream_failed; mapped ones as `squares[2]`."""
        return {instance.name: instance.state for instance in self.instances}

    def tries(self, task: str, *, map_index: int = UNMAPPED) -> int:
        """How often a task was tried."""
        return self._instance(task, map_index).tries

    def xcom(self, task: str, *, key: str = "return_value", map_index: int | None = None) -> Any:
        """What a task left under a key; None for nothing. Of a mapped task without `map_index`: a list, in order.

        :raises LookupError: the DAG has no such task
        """
        instances = [instance for instance in self.instances if instance.task == task]
        if not instances:
            raise self._unknown(task)
        values = self._read_xcom(task, key)
        if map_index is not None:
            return values.get(map_index)
        if instances[0].map_index == UNMAPPED:
            return values.get(UNMAPPED)
        return [values.get(instance.map_index) for instance in instances]

    def logs(self, task: str, *, map_index: int = UNMAPPED, try_number: int | None = None) -> str:
        """What a task logged and printed, in all its tries or in one (from 1). Raises LookupError for no such task."""
        self._instance(task, map_index)
        return "\n".join(
            line
            for attempt in self._attempts(task, map_index)
            if try_number in (None, attempt.number)
            for line in attempt.lines
        )

    def error(self, task: str, *, map_index: int = UNMAPPED) -> BaseException | None:
        """What the last try of a task raised; None for one that did not fail. Raises LookupError for no such task."""
        self._instance(task, map_index)
        attempts = self._attempts(task, map_index)
        return attempts[-1].error if attempts else None

    def explain(self) -> str:
        """The run for people: every task's state, and of those that failed the error and the end of the log."""
        lines = [f"run {self.run_id} of {self.dag_id}: {self.state}"]
        lines += [f"  {each.name}: {each.state}{_tries(each.tries)}" for each in self.instances]
        for each in self.instances:
            if each.state == "failed":
                lines += ["", *self._why(each)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Run {self.dag_id} {self.run_id}: {self.state}>"

    def _why(self, instance: TaskState) -> list[str]:
        attempts = self._attempts(instance.task, instance.map_index)
        if not attempts:
            return [f"{instance.name} failed before it began"]
        last = attempts[-1]
        lines = [f"{instance.name} failed in try {last.number}:"]
        if last.error is not None:
            lines += [f"  {line}" for text in _said_by(last.error) for line in text.splitlines()]
        before = list(takewhile(lambda line: not line.startswith(_THE_ERROR), last.lines))[-TAIL:]
        if before:
            lines += [f"{instance.name}'s log before that:", *(f"  {line}" for line in before)]
        return lines

    def _attempts(self, task: str, map_index: int) -> list[Attempt]:
        return [each for each in self.attempts if (each.task, each.map_index) == (task, map_index)]

    def _instance(self, task: str, map_index: int) -> TaskState:
        for instance in self.instances:
            if (instance.task, instance.map_index) == (task, map_index):
                return instance
        raise self._unknown(task)

    def _unknown(self, task: str) -> LookupError:
        known = ", ".join(self.tasks)
        return LookupError(f"run {self.run_id} of {self.dag_id} has no task {task!r}; there are {known}")


def _said_by(error: BaseException) -> list[str]:
    """The error, and the line of the project's own code that it comes from, if it does."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]
    place = [f"at {own[-1].filename}:{own[-1].lineno} in {own[-1].name}"] if own else []
    return ["".join(traceback.format_exception_only(error)).rstrip(), *place]


def _is_library(file: str) -> bool:
    path = Path(file)
    return "site-packages" in path.parts or path.is_relative_to(_HERE) or path.is_relative_to(_STANDARD_LIBRARY)


def _tries(count: int) -> str:
    return f" after {count} tries" if count > 1 else ""
