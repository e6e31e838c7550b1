"""Exactly once: what an attempt does with the jobs it finds under its key.

`decide` is one table: stop, collect, adopt, wait or submit. The caller carries the action out, looks again and asks
again, until it is told to adopt or collect a job, or its submit was answered. Nothing is remembered between looks but
the record of what is in flight; all else is read from the jobs themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast

from airflow_provider_bacalhau.lifecycle.identity import Cause, Epoch, parse_stop_reason, read_labels
from airflow_provider_bacalhau.lifecycle.verdict import judge
from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.job import Job

JobClass = Literal["live", "condemned", "good", "bad"]
Phase = Literal["submitting", "submitted"]

LATE_SUBMIT_GRACE = 90.0
"""Seconds after which a request that got no answer is taken to have had its effect, or never to have any."""

MAX_HEALS = 3
"""How often one attempt replaces a job that a stale actor stopped, or that the server never took up."""


@dataclass(frozen=True, slots=True)
class Me:
    """The attempt that asks.

    :param put_slot: the slot for which this attempt has already sent a submit, 0 before; what is in it is its own.
    :param started_at: epoch seconds of this attempt's first look.
    :param name_of: the name that a submit into a slot would carry; tells a record's name from our own.
    """

    epoch: Epoch
    fp: str
    put_slot: int = 0
    started_at: float = 0.0
    name_of: Callable[[int], str] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What is in flight, written before every submit and again after its answer. Outlives the process (Airflow 3.3)."""

    try_number: int
    epoch: str
    slot: int
    fp: str
    name: str
    job_id: str
    namespace: str
    conn_id: str
    phase: Phase
    at: float

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values, for the task state store."""
        return asdict(self)

    @classmethod
    def from_plain(cls, value: Any) -> Record | None:
        """Read what `to_plain` wrote; None when there is nothing, or nothing that can be read."""
        if not isinstance(value, Mapping):
            return None
        kinds: dict[str, type | tuple[type, ...]] = {"try_number": int, "slot": int, "at": (int, float)}
        known = {field.name: value.get(field.name) for field in fields(cls)}
        readable = all(isinstance(item, kinds.get(name, str)) for name, item in known.items())
        if not readable or known["phase"] not in ("submitting", "submitted"):
            return None
        return cls(**cast("dict[str, Any]", known))


@dataclass(frozen=True, slots=True)
class Found:
    """A job that carries our key, in whatever namespace.

    :param created: its CreateTime in nanoseconds.
    :param swept: a watcher stopped it as the twin of another job, which is the one to follow.
    """

    id: str
    namespace: str
    epoch: Epoch
    slot: int
    fp: str
    job_class: JobClass
    created: int
    name: str = ""
    swept: bool = False

    @property
    def is_live(self) -> bool:
        """True while the job may still run."""
        return self.job_class in ("live", "condemned")


@dataclass(frozen=True, slots=True)
class Policy:
    """What the decision depends on beside the jobs.

    :param durable: take over what an earlier try has submitted, live or done; False starts afresh in every try.
    :param unique_names: the server refuses a second job of the same name (from 1.8).
    :param late_submit_grace: seconds to wait for a lost submit that may still arrive.
    :param deployment_known: False while no deployment is configured: a job born in another run may then be foreign.
    """

    durable: bool = True
    unique_names: bool = True
    late_submit_grace: float = LATE_SUBMIT_GRACE
    deployment_known: bool = True


@dataclass(frozen=True, slots=True)
class StopOrder:
    """One job to stop, and why."""

    job: Found
    cause: Cause


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop these, look again; submit only after a look showed them terminal."""

    orders: tuple[StopOrder, ...]

    @property
    def jobs(self) -> tuple[Found, ...]:
        """The jobs without their causes."""
        return tuple(order.job for order in self.orders)


@dataclass(frozen=True, slots=True)
class Collect:
    """The work is already done: take this job's result, submit nothing."""

    job: Found


@dataclass(frozen=True, slots=True)
class Adopt:
    """This is the attempt's job: watch it."""

    job: Found


@dataclass(frozen=True, slots=True)
class Submit:
    """Submit into this slot. `ambiguous`: an earlier submit of unknown fate may yield a twin, so watchers sweep."""

    slot: int
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Superseded:
    """Another attempt took over: raise, touch nothing."""


Action = Stop | Collect | Adopt | Submit | Wait | Superseded


def decide(
    me: Me, record: Record | None, found: Sequence[Found], policy: Policy, now: float, *, refused: bool = False
) -> Action:
    """The next step of an attempt. Total: every input has exactly one answer.

    :param record: what is in flight; None without a store or before the first submit.
    :param found: all jobs with our key, all namespaces.
    :param now: epoch seconds.
    :param refused: the store refused to write the record for this attempt (it belongs to a newer one).
    """
    if refused:
        return Superseded()
    ours = [job for job in found if not is_foreign(me, job, policy)]
    same = [job for job in ours if me.epoch.may_adopt(job.epoch) and job.fp == me.fp]
    keep = _keeper(me, same, policy)
    orders = [StopOrder(job, _cause(job, same)) for job in ours if job.is_live and job is not keep]
    newer = [order.job for order in orders if me.epoch.older_than(order.job.epoch)]
    hold = me.started_at + policy.late_submit_grace / 3 - now
    if newer and me.epoch.retries is not None and hold > 0:
        # Airflow 3.1 has no fence: before stopping what looks newer, outlive the heartbeat that would end us.
        orders = [order for order in orders if order.job not in newer]
        if not orders:
            return Wait(hold)
    if orders:
        return Stop(tuple(orders))
    if keep is not None:
        return Adopt(keep) if keep.is_live or keep.job_class == "bad" else Collect(keep)
    slot = next_slot(me, record, ours)
    if record is not None and _is_under_way(me, record, found, slot):
        left = record.at + policy.late_submit_grace - now
        if left > 0:
            return Wait(left)
    return Submit(slot, ambiguous=not policy.unique_names and _undecided(me, record))


def is_foreign(me: Me, job: Found, policy: Policy) -> bool:
    """True for a job of another run while no deployment is configured: another Airflow may own it, so only warn."""
    return not policy.deployment_known and job.epoch.born_us != me.epoch.born_us


def next_slot(me: Me, record: Record | None, found: Sequence[Found]) -> int:
    """The slot of the next submit: above all of this epoch, and never below what the record says is in flight."""
    slot = 1 + max((job.slot for job in found if me.epoch.may_adopt(job.epoch)), default=0)
    if record is not None and record.epoch == me.epoch.text:
        slot = max(slot, record.slot if record.fp == me.fp else record.slot + 1)
    return slot


def _keeper(me: Me, same: Sequence[Found], policy: Policy) -> Found | None:
    """The one job of this epoch and spec that stays: a good one, else a live one, else our own whatever it is."""
    takeable = [job for job in same if policy.durable or job.slot == me.put_slot]
    good = [job for job in takeable if job.job_class == "good"]
    if good:
        return min(good, key=_age)
    live = [job for job in takeable if job.job_class == "live"]
    if live:
        top = max(job.slot for job in live)
        return min((job for job in live if job.slot == top), key=_age)
    own = [job for job in same if job.job_class == "bad" and me.put_slot and job.slot == me.put_slot]
    return min(own, key=_age, default=None)


def _age(job: Found) -> tuple[int, str]:
    return job.created, job.id


def _cause(job: Found, same: Sequence[Found]) -> Cause:
    if job.job_class == "condemned":
        return "accept"
    return "twin" if job in same else "superseded"


def _is_under_way(me: Me, record: Record, found: Sequence[Found], slot: int) -> bool:
    """True while a submit under another name than the next one's has an unknown fate: it may still arrive."""
    if record.phase != "submitting" or any(job.name == record.name for job in found):
        return False
    if me.name_of is not None:
        return record.name != me.name_of(slot)
    return (record.epoch, record.slot, record.fp) != (me.epoch.text, slot, me.fp)


def _undecided(me: Me, record: Record | None) -> bool:
    return me.put_slot > 0 or (record is not None and record.phase == "submitting")


def classify(
    job: Job,
    executions: Sequence[Execution],
    *,
    server_now: float,
    accept_timeout: float | None = None,
    total_timeout: float | None = None,
    fail_on_exit_code: bool = True,
    expected_version: int | None = 1,
) -> JobClass:
    """What a found job is worth to its attempt.

    :param server_now: epoch seconds by the server's own Date header, since CreateTime is the server's too.
    :param accept_timeout: seconds a job may stay Pending without an execution; None for ever.
    :param total_timeout: seconds after which its own attempt would have given it up; None never.
    :param expected_version: above it somebody altered the job (servers before 1.8 say 0).
    """
    altered = expected_version is not None and job.version > expected_version
    if job.is_terminal:
        verdict = judge(job, executions, fail_on_exit_code=fail_on_exit_code, expected_version=expected_version)
        return "good" if verdict.outcome == "succeeded" else "bad"
    age = server_now - job.create_time / 1e9
    untaken = job.state in ("Pending", "Undefined") and not executions
    late = accept_timeout is not None and untaken and age > accept_timeout
    expired = total_timeout is not None and age > total_timeout
    return "condemned" if altered or late or expired else "live"


def found_from(job: Job, job_class: JobClass) -> Found | None:
    """A job of a list as `decide` sees it; None when its labels are not ours."""
    stamped = read_labels(job.labels)
    if stamped is None:
        return None
    author = parse_stop_reason(job.state_message) if job.state == "Stopped" else None
    swept = author is not None and author.cause == "twin"
    return Found(job.id, job.namespace, *stamped, job_class, job.create_time, job.name, swept)


def after_stop(
    me: Epoch, try_number: int, message: str, *, heals: int, killed: bool
) -> Literal["again", "over", "verdict"]:
    """What an attempt does when its job turns out Stopped.

    :param message: the job's State.Message, which carries the stop's reason.
    :param heals: how often this attempt has already replaced such a job.
    :param killed: this process was told to stop.
    :return: "again": look again, the next slot; "over": a newer attempt stopped it, superseded; "verdict": it stands.
    """
    author = parse_stop_reason(message)
    if author is None or killed:
        return "verdict"
    if author[:2] > (me.born_us, try_number):
        return "over"
    own_deadline = author.cause == "timeout" and author[:2] == (me.born_us, try_number)
    if own_deadline or heals >= MAX_HEALS:
        return "verdict"
    return "again"


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a watcher found beside its job: strays to stop, and the job to follow from now on."""

    orders: tuple[StopOrder, ...]
    follow: Found


def sweep(me: Me, mine: Found, found: Sequence[Found], policy: Policy) -> Sweep:
    """Strays beside the watched job: older epochs, lower slots, twins of its slot. Never anything newer.

    Of twins the survivor is followed: the same one by every watcher, whichever job it watched before. A job that was
    itself swept hands over to its twin even when that one has failed: its outcome is the attempt's.

    :param mine: the watched job as this look shows it.
    """
    twins = [job for job in found if job.slot == mine.slot and job.fp == me.fp and me.epoch.may_adopt(job.epoch)]
    follow = mine
    others = [job for job in twins if not job.swept and (mine.swept or job.job_class != "bad")]
    if others and (mine.is_live or mine.swept):
        worth = {"good": 0, "live": 1, "condemned": 2, "bad": 3}
        follow = min(others, key=lambda job: (worth[job.job_class], *_age(job)))
    orders = []
    for job in found:
        if not job.is_live or job.id == follow.id or is_foreign(me, job, policy):
            continue
        if job in twins:
            orders.append(StopOrder(job, "twin"))
        elif job.epoch.older_than(me.epoch) or (me.epoch.may_adopt(job.epoch) and job.slot < mine.slot):
            orders.append(StopOrder(job, "superseded"))
    return Sweep(tuple(orders), follow)


def must_sweep(try_number: int, record: Record | None, *, undecided: bool) -> bool:
    """Whether an attempt's watchers have to look for strays at all: only when something may have been left behind."""
    return undecided or try_number > 1 or record is not None


def next_sweep(started_at: float, last_at: float | None, grace: float = LATE_SUBMIT_GRACE) -> float:
    """Epoch seconds of the next sweep: at once, when a late submit may have landed, then every 5 minutes."""
    if last_at is None:
        return started_at
    second = started_at + grace * 35 / 90
    return second if last_at < second else last_at + 300.0
