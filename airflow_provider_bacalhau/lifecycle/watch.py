"""Waiting for a job: one look at a time, `(observation, now) -> look again after | verdict`.

A `Watch` is a value: each look gives a new one, and between looks it can be turned into plain JSON and be read by
another process without changing any outcome. Deadlines are absolute, so it does not matter who waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from airflow_provider_bacalhau.errors import ApiError, AuthError, ServerFault
from airflow_provider_bacalhau.lifecycle.durations import spoken
from airflow_provider_bacalhau.lifecycle.failures import Phase
from airflow_provider_bacalhau.lifecycle.identity import short_id
from airflow_provider_bacalhau.lifecycle.verdict import Verdict, facts_of, judge, phases_of
from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.job import Job
from airflow_provider_bacalhau.models.responses import HistoryItem

GRACE = 180.0
"""Seconds the client waits longer than the server's own limits, which are checked every 30 s and rounded up."""

LOST_AFTER = 60.0
"""Seconds of nothing but 404 until a job counts as lost; never after a single answer."""

STABLE_FOR = 10.0
"""Seconds without change until the executions of a service or daemon count as running."""

ERROR_BUDGET = 600.0
AUTH_BUDGET = 60.0
MOST_WISHED = 60.0
"""Seconds of a server's Retry-After that are waited for at most."""

SHORTEST, LONGEST = 0.5, 10.0
JITTER = 0.1
"""Part of every interval by which waiters that began together drift apart."""

LAST_LOOK = 30.0
"""Seconds after the end of a task's own time for which a look that fails is repeated, since the job may have ended."""

_NOTES_PER_LOOK = 10


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """What to wait for, and how long. Times are seconds; None means no limit.

    :param wait_until: "finished" (batch, ops) or "running" (service, daemon).
    :param count: Count of the submitted spec; None: what the server says.
    :param accept_timeout: from submit until the server has queued the job or given it an execution.
    :param queue_timeout: how long the job may be Queued; like the next two it is the server's limit, `GRACE` is added.
    :param run_timeout: how long the present executions may run, waiting on their nodes included.
    :param total_timeout: from submit to the end.
    :param poll_interval: fixed time between looks; None adapts it to the job's age.
    :param error_budget: how long the server may be unreachable or failing before waiting is given up.
    :param expected_version: a job above it was altered by somebody and fails; None accepts any (sensors).
    """

    wait_until: Literal["finished", "running"] = "finished"
    job_type: str = "batch"
    count: int | None = None
    accept_timeout: float | None = None
    queue_timeout: float | None = None
    run_timeout: float | None = None
    total_timeout: float | None = None
    poll_interval: float | None = None
    error_budget: float = ERROR_BUDGET
    fail_on_exit_code: bool = True
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One look: a job with its executions, or an error, or a 404 for the job (`not_found`)."""

    job: Job | None = None
    executions: Sequence[Execution] = ()
    history: Sequence[HistoryItem] = ()
    error: ApiError | None = None
    not_found: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from a look: `after` seconds until the next one, or a verdict; and lines worth logging.

    :param least: seconds that the server asked to be left alone.
    """

    watch: Watch
    after: float | None
    verdict: Verdict | None
    notes: tuple[str, ...] = ()
    least: float = 0.0

    def pause(self, draw: float) -> float:
        """Seconds until the next look, never fewer than the server wishes. :param draw: a random number from 0 to 1."""
        after = self.after if self.after is not None else 1.0
        return max(0.0, self.least + (after - self.least) * (1 - JITTER + 2 * JITTER * draw))


@dataclass(frozen=True, slots=True)
class Watch:
    """The state of waiting. All moments are epoch seconds of the waiter's clock; one that goes to another process is
    `shifted` to the server's, the only clock that both can read."""

    policy: WatchPolicy
    submitted_at: float
    job_id: str = ""
    namespace: str = ""
    name: str = ""
    state: str = ""
    accepted: bool = False
    queued_since: float | None = None
    live: tuple[str, ...] = ()
    live_since: float | None = None
    ended: tuple[str, ...] = ()
    missing_since: float | None = None
    failing_since: float | None = None
    failing_looks: int = 0
    next_note: float | None = None

    @classmethod
    def start(cls, policy: WatchPolicy, *, submitted_at: float, job_id: str = "", namespace: str = "") -> Watch:
        """Begin to wait for a job submitted at `submitted_at`; the id names it even if it is never seen."""
        return cls(policy, submitted_at, job_id, namespace)

    def observe(self, seen: Observation, now: float) -> Step:
        """Take in one look. Total: it never raises."""
        if seen.job is not None:
            return self._saw(seen.job, seen, now)
        if seen.not_found:
            return self._missed(now)
        return self._failed(seen.error, now)

    def overdue(self, seen: Observation, now: float, *, deadline: float | None, limit: str) -> Verdict | None:
        """The verdict when the waiting task's own time is over at the look `seen`; `limit` names what ended it.

        None before that, and while no look has answered since: the job may have ended well in time.

        :param deadline: epoch seconds, None without.
        """
        if deadline is None or now < deadline:
            return None
        text = f"not finished when the {limit} was over"
        if seen.job is not None:
            return _expired(self, "task", text, seen, now)
        if now < deadline + LAST_LOOK:
            return None
        why = str(seen.error) if seen.error is not None else "the server does not know the job"
        known = Verdict("timed_out", "timeout", self.job_id, self.namespace, self.name, self.state)
        known = replace(known, phase="task", message=f"{text}, and nobody can tell how the job is: {why}")
        return replace(known, seconds=now - self.submitted_at, submitted_at=self.submitted_at, finished_at=now)

    def shifted(self, seconds: float) -> Watch:
        """The same wait by a clock that is so many seconds ahead of the present one."""
        names = ("submitted_at", "queued_since", "live_since", "missing_since", "failing_since", "next_note")
        moments = {name: getattr(self, name) for name in names}
        return replace(self, **{name: at + seconds for name, at in moments.items() if at is not None})

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values."""
        plain = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> Watch:
        """Read what `to_plain` wrote, by this provider or another: what is not known is ignored, what is missing has
        its default."""
        known = {"submitted_at": 0.0} | {item.name: value[item.name] for item in fields(cls) if item.name in value}
        options = {item.name for item in fields(WatchPolicy)}
        policy = value.get("policy") or {}
        known["policy"] = WatchPolicy(**{name: part for name, part in policy.items() if name in options})
        for name in ("live", "ended"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)

    def _saw(self, job: Job, seen: Observation, now: float) -> Step:
        live = tuple(sorted(one.id for one in seen.executions if _counts_as_live(one)))
        queued_since = self.queued_since if self.state == "Queued" else now
        after = replace(
            self,
            job_id=job.id,
            namespace=job.namespace,
            name=job.name,
            state=job.state,
            accepted=self.accepted or bool(seen.executions) or job.state not in ("Pending", "Undefined"),
            queued_since=queued_since if job.state == "Queued" else None,
            live=live,
            live_since=self.live_since if live == self.live and self.live_since is not None else now,
            ended=tuple(sorted(one.id for one in seen.executions if one.is_terminal)),
            missing_since=None,
            failing_since=None,
            failing_looks=0,
        )
        notes = _changes(self, job, seen.executions)
        if self.failing_since is not None:
            notes = (f"the server answers again after {spoken(now - self.failing_since)}", *notes)
        verdict = _verdict(after, job, seen, now)
        if verdict is not None:
            return Step(after, None, verdict, notes)
        if not notes and self.next_note is not None and now >= self.next_note:
            notes = (_progress(after, job, seen.executions, now),)
        if notes or after.next_note is None:
            age = now - self.submitted_at
            after = replace(after, next_note=now + min(900.0, max(60.0, age)))
        return Step(after, _next_look(after, now), None, notes)

    def _missed(self, now: float) -> Step:
        since = now if self.missing_since is None else self.missing_since
        after = replace(self, failing_since=None, failing_looks=0, missing_since=since)
        if self.missing_since is None:
            note = f"the server does not know job {short_id(self.job_id)} (404); looking again for {LOST_AFTER:.0f}s"
            return Step(after, min(5.0, _interval(self, now)), None, (note,))
        if now - self.missing_since < LOST_AFTER:
            return Step(after, min(5.0, _interval(self, now)), None)
        text = f"the server has not known the job for {spoken(now - self.missing_since)} (404)"
        return Step(after, None, _given_up(after, "lost", text, now))

    def _failed(self, error: ApiError | None, now: float) -> Step:
        since = self.failing_since if self.failing_since is not None else now
        after = replace(self, failing_since=since, failing_looks=self.failing_looks + 1)
        budget = self.policy.error_budget
        if isinstance(error, AuthError):
            budget = min(budget, AUTH_BUDGET)
        reason = str(error) if error is not None else "no answer"
        if self.failing_looks and now - since >= budget:
            text = f"no usable answer for {spoken(now - since)}, the job may still run: {reason}"
            given_up = _given_up(after, "unreachable", text, now)
            return Step(after, None, replace(given_up, request_id=error.request_id if error is not None else ""))
        wish = min(MOST_WISHED, (error.retry_after if isinstance(error, ServerFault) else None) or 0.0)
        pause = min(LONGEST, max(_interval(self, now), 0.5 * 2.0 ** min(self.failing_looks, 6)))
        notes = () if self.failing_looks else (f"no usable answer, the job is not affected by that: {reason}",)
        return Step(after, wish + pause, None, notes, wish)


def _verdict(watch: Watch, job: Job, seen: Observation, now: float) -> Verdict | None:
    policy = watch.policy
    altered = policy.expected_version is not None and job.version > policy.expected_version
    if job.is_terminal or altered:
        return judge(
            job,
            seen.executions,
            seen.history,
            fail_on_exit_code=policy.fail_on_exit_code,
            spec_count=policy.count,
            expected_version=policy.expected_version,
        )
    if policy.wait_until == "running" and _is_up(watch, job, seen.executions, now):
        facts = facts_of(job, seen.executions)
        return replace(facts, outcome="succeeded", kind="running", message="", seconds=now - watch.submitted_at)
    late = [(at, phase) for phase, at in _deadlines(watch) if now >= at]
    return _timed_out(watch, min(late)[1], seen, now) if late else None


def _is_up(watch: Watch, job: Job, executions: Sequence[Execution], now: float) -> bool:
    # before 1.5 a job stays Pending while it runs: only an execution tells (FINDINGS-1.1.0 2)
    running = job.state == "Running" or any(one.compute_state in ("BidAccepted", "Running") for one in executions)
    wanted = watch.policy.count if watch.policy.count is not None else job.count
    enough = len(watch.live) >= max(1, wanted if watch.policy.job_type == "service" else 1)
    return running and enough and watch.live_since is not None and now - watch.live_since >= STABLE_FOR


def _deadlines(watch: Watch) -> list[tuple[Phase, float]]:
    policy = watch.policy
    limits: list[tuple[Phase, float]] = []
    if policy.accept_timeout is not None and not watch.accepted:
        limits.append(("accept", watch.submitted_at + policy.accept_timeout))
    if policy.queue_timeout is not None and watch.queued_since is not None:
        limits.append(("queue", watch.queued_since + policy.queue_timeout + GRACE))
    runs_since = watch.live_since if watch.live and policy.wait_until == "finished" else None
    if policy.run_timeout is not None and runs_since is not None:
        limits.append(("run", runs_since + policy.run_timeout + GRACE))
    if policy.total_timeout is not None:
        limits.append(("total", watch.submitted_at + policy.total_timeout + GRACE))
    return limits


def _timed_out(watch: Watch, phase: Phase, seen: Observation, now: float) -> Verdict:
    policy = watch.policy
    text = {
        "accept": f"not taken up within {spoken(policy.accept_timeout)}: still {watch.state}, without an execution",
        "queue": f"queued for longer than {spoken(policy.queue_timeout)}",
        "run": f"running for longer than {spoken(policy.run_timeout)}, waiting on the node included",
        "total": f"not finished within {spoken(policy.total_timeout)} of its submit",
    }[phase]
    return _expired(watch, phase, text, seen, now)


def _expired(watch: Watch, phase: Phase, text: str, seen: Observation, now: float) -> Verdict:
    """A deadline of ours has passed at a look that found the job alive."""
    if seen.job is None:
        raise AssertionError
    spent = now - watch.submitted_at
    own = watch.policy.expected_version is not None  # who waits for another's job does not know since when it runs
    facts = replace(facts_of(seen.job, seen.executions), outcome="timed_out", kind="timeout", phase=phase, message=text)
    phases = phases_of(seen.job, seen.executions, seen.history, spent) if own else ""
    return replace(facts, phases=phases, seconds=spent, finished_at=now)


def _given_up(watch: Watch, kind: Literal["lost", "unreachable"], text: str, now: float) -> Verdict:
    return Verdict(
        outcome="lost",
        kind=kind,
        job_id=watch.job_id,
        namespace=watch.namespace,
        name=watch.name,
        state=watch.state,
        message=text,
        seconds=now - watch.submitted_at,
        submitted_at=watch.submitted_at,
        finished_at=now,
    )


def _interval(watch: Watch, now: float) -> float:
    if watch.policy.poll_interval is not None:
        return watch.policy.poll_interval
    return min(LONGEST, max(SHORTEST, (now - watch.submitted_at) / 20))


def _next_look(watch: Watch, now: float) -> float:
    """The interval, cut short where something is decided earlier."""
    moments = [at for _, at in _deadlines(watch)]
    if watch.policy.wait_until == "running" and watch.live and watch.live_since is not None:
        moments.append(watch.live_since + STABLE_FOR)
    ahead = [at - now for at in moments if at > now]
    return max(0.05, min([_interval(watch, now), *ahead]))


def _changes(before: Watch, job: Job, executions: Sequence[Execution]) -> tuple[str, ...]:
    """One line for a new state, one for each way in which executions ended badly since the last look."""
    notes = []
    if job.state != before.state:
        old = f"{before.state} -> " if before.state else ""
        notes.append(f"job {short_id(job.id)}: {old}{job.state}")
    ends: dict[str, list[str]] = {}
    for one in executions:
        if one.is_terminal and one.id not in before.ended and one.compute_state != "Completed":
            why = one.compute_message or one.desired_message
            how = f"{one.compute_state}{': ' + why if why else ''}"
            ends.setdefault(how, []).append(f"{short_id(one.id)} on {short_id(one.node_id)}")
    for how, who in ends.items():
        more = f" and {len(who) - 1} more" if len(who) > 1 else ""
        notes.append(f"execution {who[0]}{more}: {how}")
    return tuple(notes[:_NOTES_PER_LOOK])


def _progress(watch: Watch, job: Job, executions: Sequence[Execution], now: float) -> str:
    counts = Counter(one.compute_state for one in executions)
    shown = ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "no execution yet"
    return f"job {short_id(job.id)} is {job.state} ({shown}), {spoken(now - watch.submitted_at)} after submit"


def _counts_as_live(execution: Execution) -> bool:
    return execution.desired_state == "Running" and not execution.is_terminal
