"""What a cell's facts are worth: duplicates, orphans, lost results. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from cells import SCHEDULER, USER, Cell

Problem = Literal["duplicate", "orphan", "lost result"]
LIVE = ("Pending", "Queued", "Running", "Undefined")
GOOD = "Completed"


@dataclass(frozen=True, slots=True)
class JobFact:
    """A job that the key made, with the server's times in epoch seconds."""

    id: str
    state: str
    created: float
    ended: float
    """When it became terminal; meaningless while it is live."""
    message: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it runs on."""
        return self.state in LIVE

    def overlaps(self, later: JobFact) -> bool:
        """Whether it was alive when a later job was submitted."""
        return self.is_live or self.ended > later.created


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen of a cell after it had settled."""

    jobs: Sequence[JobFact]
    state: str
    """Of the task."""
    tries: int
    result_of: str = ""
    """Id of the job whose right result the task's XCom leads to; empty: none, or not the right one."""
    cleared_at: float = 0.0
    """By the server's clock, 0 when nobody cleared the task."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`word`: ok, weaker or failed."""

    word: Literal["ok", "weaker", "failed"]
    problems: dict[Problem, str] = field(default_factory=dict)
    row: str = ""
    """The row of protocol section 5 that allows it."""


def judge(cell: Cell, facts: Facts) -> Verdict:
    """The verdict on a cell."""
    problems = problems_of(cell, facts)
    if not problems:
        return Verdict("ok")
    row = weakness(cell, problems)
    return Verdict("weaker" if row else "failed", problems, row)


def problems_of(cell: Cell, facts: Facts) -> dict[Problem, str]:
    """What is wrong, in one sentence each."""
    found: dict[Problem, str] = {}
    if text := _duplicate(cell, facts):
        found["duplicate"] = text
    if live := [one.id for one in facts.jobs if one.is_live]:
        found["orphan"] = f"{len(live)} job(s) alive after the task was {facts.state}: {', '.join(live)}"
    if text := _lost(cell, facts):
        found["lost result"] = text
    return found


def most_jobs(cell: Cell) -> int:
    """How many jobs the disturbance justifies."""
    if cell.who == "clear":
        return 2
    told_to_end = cell.who == "worker-term" or cell.who in SCHEDULER
    # A worker that is told to end stops its job, and the retry starts anew. A scheduler that comes back gives the
    # running tasks of the dead one to new workers and tells the old ones to end.
    return 2 if told_to_end and cell.leg == "first" and not cell.ended else 1


def _duplicate(cell: Cell, facts: Facts) -> str:
    jobs = sorted(facts.jobs, key=lambda one: one.created)
    for number, one in enumerate(jobs):
        for later in jobs[number + 1 :]:
            if one.overlaps(later):
                return f"{one.id} was alive when {later.id} was submitted"
            cleared = one.created < facts.cleared_at <= later.created
            if one.state == GOOD and not cleared:
                return f"{later.id} was submitted although {one.id} had done the work"
    if len(jobs) > most_jobs(cell):
        states = ", ".join(f"{one.id} {one.state} ({one.message[:60]})" for one in jobs)
        return f"{len(jobs)} jobs where {most_jobs(cell)} would do: {states}"
    return ""


def _lost(cell: Cell, facts: Facts) -> str:
    wanted = "failed" if cell.who == "mark-failed" else "success"
    if facts.state != wanted:
        return f"the task is {facts.state or 'without a state'} after {facts.tries} tries, not {wanted}"
    if cell.who in ("mark-failed", "mark-success"):
        return ""
    if not facts.jobs:
        return "the task succeeded without a job"
    if not facts.result_of:
        return "the task succeeded, but its value does not lead to the result"
    source = next((one for one in facts.jobs if one.id == facts.result_of), None)
    if source is None or source.state != GOOD:
        return f"the result is that of {facts.result_of}, which did not do the work"
    if source.created < facts.cleared_at:
        return "the result is that of the job from before the clear"
    return ""


def weakness(cell: Cell, problems: dict[Problem, str]) -> str:
    """The row of protocol section 5 that such problems of such a cell fall under; empty when none does."""
    late = cell.point == "submit" and (cell.place.startswith("before") or cell.who == "late-request")
    seen = set(problems)
    if late and not cell.unique_names and "lost result" not in seen:
        return "X1"
    if late and cell.who == "clear" and cell.airflow.startswith("3.1") and "lost result" not in seen:
        return "X2"
    waits = cell.mode == "deferred" and cell.leg != "first"
    if cell.airflow.startswith("3.1") and cell.who in USER and waits and "lost result" not in seen:
        return "X5"
    between = cell.point in ("deferred", "fired") and cell.who in ("mark-failed", "mark-success")
    if between and seen == {"orphan"}:
        return "X5"
    if cell.who == "triggerer-split" and seen == {"duplicate"}:
        return "X7"
    return ""
