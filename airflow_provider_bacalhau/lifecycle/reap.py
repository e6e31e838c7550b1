"""Jobs that outlived their tasks: which of them to stop, by what Airflow says about the tasks.

A job is stopped only when its task instance is known to be over or gone, and only when it is old enough. Whatever is
not certain is asked about, never stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from airflow_provider_bacalhau.lifecycle.durations import spoken
from airflow_provider_bacalhau.lifecycle.identity import (
    LABEL_EPOCH,
    LABEL_KEY,
    LABEL_LIFETIME,
    Epoch,
    label_value,
    short_id,
    stop_reason,
)
from airflow_provider_bacalhau.models.job import Job

Word = Literal["KEEP", "STOP", "ASK"]

MANY = 100
"""Lines of one word that a value for XCom holds at most."""

_ORDER: Mapping[str, int] = {"KEEP": 0, "STOP": 1, "ASK": 2}
_FINAL: Mapping[str, str] = {
    "success": "succeeded",
    "failed": "failed",
    "skipped": "was skipped",
    "upstream_failed": "ended upstream_failed",
    "removed": "was removed from its DAG",
}
"""States from which a task instance does not come back by itself, in words."""
_RUN_IS_OVER = ("success", "failed")


class TaskKey(NamedTuple):
    """A task instance by the raw ids in a job's Meta; `map_index` is -1 for a task that is not mapped."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int

    @property
    def title(self) -> str:
        """`dag.task`, or `dag.task[3]`."""
        return f"{self.dag_id}.{self.task_id}" + (f"[{self.map_index}]" if self.map_index >= 0 else "")


@dataclass(frozen=True, slots=True)
class Sight:
    """What Airflow says about a task instance.

    :param missing: what Airflow does not have; empty when it has the task instance.
    :param state: as Airflow names it; None when it has none yet, or was cleared.
    :param run_state: state of its run; only needed where `state` is None.
    :param ended_at: epoch seconds. Like the next two None where Airflow does not tell, as it does to its workers.
    :param tries: how many tries it has in all.
    """

    missing: Literal["", "run", "task"] = ""
    state: str | None = None
    run_state: str | None = None
    ended_at: float | None = None
    try_number: int | None = None
    tries: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One live job: what to do, and why.

    :param task: `dag.task`, "?" when the job does not say.
    :param age: seconds since the job was made, by the server's clock.
    :param stop_reason: what a stop has to carry.
    """

    word: Word
    job_id: str
    namespace: str
    task: str
    state: str
    age: float
    reason: str
    stop_reason: str

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the live jobs of a deployment.

    :param namespace: "*" for all.
    :param stored: how many of its jobs the server has, ended ones too.
    :param lines: one for each live job.
    """

    deployment: str
    namespace: str
    stored: int
    lines: tuple[Line, ...]

    def of(self, word: Word) -> tuple[Line, ...]:
        """The lines of one word, the oldest job first."""
        return tuple(sorted((line for line in self.lines if line.word == word), key=lambda line: -line.age))

    def told(self) -> list[str]:
        """The plan as people read it: a head, and a line for each live job."""
        place = "all namespaces" if self.namespace == "*" else f"namespace {self.namespace}"
        head = f"deployment {self.deployment}, {place}: {_jobs(self.stored)} with our labels, {len(self.lines)} alive"
        ordered = sorted(self.lines, key=lambda line: (_ORDER[line.word], line.task, -line.age))
        rows = [(short_id(line.job_id), line.task, f"{line.state.lower()} {_span(line.age)}") for line in ordered]
        ids, tasks, states = (max((len(row[column]) for row in rows), default=0) for column in range(3))
        return [
            head,
            *(
                f"{line.word:<4}  {row[0]:<{ids}}  {row[1]:<{tasks}}   {row[2]:<{states}}  {line.reason}"
                for line, row in zip(ordered, rows, strict=True)
            ),
        ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a plan.

    :param done: False: nothing was to be done.
    :param stopped: ids of the jobs that were stopped and seen ended.
    :param failed: id -> why it could not be stopped.
    :param limit: how many stops were allowed; None: all.
    """

    plan: Plan
    done: bool
    stopped: tuple[str, ...] = ()
    failed: Mapping[str, str] | None = None
    limit: int | None = None

    @property
    def left(self) -> int:
        """How many jobs that are to be stopped may run still."""
        return len(self.plan.of("STOP")) - len(self.stopped)

    def told(self, how: str) -> list[str]:
        """What was done, or would be, as people read it; `how` says how to do it."""
        wanted = len(self.plan.of("STOP"))
        bound = f", at most {self.limit} at a time" if self.limit is not None and self.limit < wanted else ""
        if not wanted:
            return ["Nothing to stop."]
        if not self.done:
            return [f"{wanted} to stop{bound}. Nothing was done; {how}."]
        troubles = [f"{short_id(job_id)} could not be stopped: {why}" for job_id, why in (self.failed or {}).items()]
        number = f"{len(self.stopped)} of {wanted}" if self.left else str(wanted)
        return [*troubles, f"{number} stopped{bound}."]

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values; of each word at most `MANY` lines, but all are counted."""
        words: tuple[Word, ...] = ("KEEP", "STOP", "ASK")
        return {
            "deployment": self.plan.deployment,
            "namespace": self.plan.namespace,
            "jobs": self.plan.stored,
            "alive": len(self.plan.lines),
            **{word.lower(): len(self.plan.of(word)) for word in words},
            "stopped": list(self.stopped),
            "left": self.left,
            "lines": [line.to_plain() for word in words for line in self.plan.of(word)[:MANY]],
        }


def selector(deployment: str) -> str:
    """What a deployment's jobs are listed by. Labels are shortened and folded, so `is_ours` has the last word."""
    value = label_value(deployment)
    return f"airflow-deployment={value}" if value else LABEL_KEY


def is_ours(job: Job, deployment: str) -> bool:
    """Whether a job carries our labels and belongs to exactly this deployment."""
    return LABEL_KEY in job.labels and job.meta.get("airflow-deployment") == deployment


def task_of(job: Job) -> TaskKey | None:
    """The task instance that submitted a job; None when the job does not say."""
    ids = [job.meta.get(f"airflow-{name}-id", "") for name in ("dag", "run", "task")]
    try:
        return TaskKey(ids[0], ids[1], ids[2], int(job.meta.get("airflow-map-index", "-1"))) if all(ids) else None
    except ValueError:
        return None


def in_doubt(job: Job) -> bool:
    """Whether the job's fate depends on what Airflow says."""
    return not job.is_terminal and job.labels.get(LABEL_LIFETIME) == "task" and task_of(job) is not None


def judge(job: Job, sight: Sight | None, *, older_than: float, now: float) -> Line:
    """What to do with one live job.

    :param sight: of its task instance; None when it was not asked for, see `in_doubt`.
    :param older_than: seconds; a job that is younger is never stopped, because its task may just be ending it.
    :param now: epoch seconds by the server's clock.
    """
    age = max(0.0, now - job.create_time / 1e9)
    task, epoch = task_of(job), Epoch.parse(job.labels.get(LABEL_EPOCH, ""))
    word, reason = _verdict(job, sight, now)
    if word == "STOP" and age < older_than:
        word, reason = "ASK", f"{reason}; younger than {_exactly(older_than)}"
    # try 0: older than every attempt, so that one which needs the job after all takes it for a stale stop (protocol H)
    stop = stop_reason(epoch.born_us if epoch else 0, 0, "reaped")
    title = task.title if task is not None else "?"
    return Line(word, job.id, job.namespace, title, job.state, age, reason, stop)


def plan_for(
    jobs: Sequence[Job],
    sights: Mapping[TaskKey, Sight],
    *,
    deployment: str,
    namespace: str,
    stored: int,
    older_than: float,
    now: float,
) -> Plan:
    """The plan for the live jobs of a deployment; the rest as `judge`.

    :param sights: of every task instance that a job `in_doubt` names.
    """
    known = ((job, sights.get(key) if (key := task_of(job)) else None) for job in jobs)
    lines = tuple(judge(job, sight, older_than=older_than, now=now) for job, sight in known)
    return Plan(deployment, namespace, stored, lines)


def keys_of(jobs: Iterable[Job]) -> list[TaskKey]:
    """The task instances that Airflow has to be asked about, each once."""
    return list(dict.fromkeys(key for job in jobs if in_doubt(job) and (key := task_of(job)) is not None))


def _verdict(job: Job, sight: Sight | None, now: float) -> tuple[Word, str]:
    lifetime = job.labels.get(LABEL_LIFETIME, "")
    if lifetime == "detached":
        return "KEEP", "detached"
    if lifetime != "task":
        return "ASK", "its labels do not say whether it may outlive its task"
    if sight is None:
        return "ASK", "its Meta names no task" if task_of(job) is None else "Airflow says nothing of its task"
    if sight.missing:
        return "STOP", "run not found" if sight.missing == "run" else "its run has no such task"
    if sight.state in _FINAL:
        return "STOP", f"task {_FINAL[sight.state or '']}{_clock(sight.ended_at, now)}{_tries(sight)}"
    if sight.state is None and sight.run_state in _RUN_IS_OVER:
        return "ASK", f"task was cleared, but its run is over ({sight.run_state})"
    if sight.state is None:
        return "KEEP", "task waits for its turn"
    number = f" (try {sight.try_number})" if sight.try_number else ""
    return "KEEP", f"task is {sight.state}{number}"


def _clock(ended_at: float | None, now: float) -> str:
    """` 03:12` of the last 24 hours, else with the day, in UTC."""
    if ended_at is None:
        return ""
    form = " %H:%M" if abs(now - ended_at) < 86_400 else " %Y-%m-%d %H:%M"
    return datetime.fromtimestamp(ended_at, UTC).strftime(form)


def _tries(sight: Sight) -> str:
    if not sight.try_number:
        return ""
    of = f" of {sight.tries}" if sight.tries is not None and sight.tries >= sight.try_number else ""
    return f" (try {sight.try_number}{of})"


def _jobs(number: int) -> str:
    return f"{number} job{'' if number == 1 else 's'}"


def _exactly(seconds: float) -> str:
    """`1h`, `1h30m`: a limit as it was given."""
    return spoken(seconds).removesuffix("00m").removesuffix("00s")


def _span(seconds: float) -> str:
    """`40s`, `5m`, `26h`, `9d`."""
    for unit, size, until in (("s", 1, 60), ("m", 60, 3_600), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds // 86_400)}d"
