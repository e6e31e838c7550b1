"""What a job's end means for its task, as data that survives a process.

The rules are those of released servers: a non-zero exit code is Completed there and Failed here, -1 of a completed
wasm execution means "returned normally", and only executions that ran to an end have an exit code at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from airflow_provider_bacalhau.lifecycle.durations import moment, spoken
from airflow_provider_bacalhau.lifecycle.failures import (
    Phase,
    SchedulerReport,
    kind_of,
    read_report,
    timed_out_phase,
)
from airflow_provider_bacalhau.lifecycle.logs import tail
from airflow_provider_bacalhau.models.execution import Execution
from airflow_provider_bacalhau.models.job import Job
from airflow_provider_bacalhau.models.responses import HistoryItem

Outcome = Literal["succeeded", "failed", "stopped", "timed_out", "lost"]

EXECUTIONS_SHOWN = 100
"""A handle and an error list at most so many executions."""


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """One execution as a handle and an error show it. Times are epoch seconds, None while unknown."""

    id: str
    node: str
    partition: int
    state: str
    exit_code: int | None
    started_at: float | None
    ended_at: float | None
    message: str = ""
    kind: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it ran; None while unknown."""
        return None if self.started_at is None or self.ended_at is None else self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a job, or of waiting for it.

    :param kind: what kind of end: "completed", "running" (waited for a service), "exit_code", "nothing_ran",
        "no_nodes", "altered", "stopped", "timeout", "lost", "unreachable", or a kind of `failures.kind_of`.
    :param exit_codes: by partition, then creation; only executions that ran to an end.
    :param phase: for a timeout, the phase that took too long.
    :param seconds: from submit to end; both ends are epoch seconds by the server's clock where it told them.
    :param node_counts: the scheduler's `(requested, available, suitable)` where it gave them.
    :param phases: of a timeout: what took how long, for people.
    :param request_id: of the request that had no answer, where that ended the wait.
    """

    outcome: Outcome
    kind: str
    job_id: str = ""
    namespace: str = ""
    name: str = ""
    state: str = ""
    message: str = ""
    exit_codes: tuple[int, ...] = ()
    executions: tuple[ExecutionSummary, ...] = ()
    stderr_tail: str = ""
    scheduler_reasons: tuple[str, ...] = ()
    phase: Phase = ""
    seconds: float | None = None
    submitted_at: float | None = None
    finished_at: float | None = None
    node_counts: tuple[int | None, int | None, int | None] | None = None
    engine: str = ""
    phases: str = ""
    request_id: str = ""

    @property
    def succeeded(self) -> bool:
        """True when the task may go on."""
        return self.outcome == "succeeded"

    @property
    def job_ended(self) -> bool:
        """True when the job is over, so that there is nothing to stop."""
        return self.state in ("Completed", "Failed", "Stopped")

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values, for events, XCom and task state."""
        plain = asdict(self)
        for name in ("exit_codes", "executions", "scheduler_reasons", "node_counts"):
            plain[name] = None if plain[name] is None else list(plain[name])
        return plain

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> Verdict:
        """Read what `to_plain` wrote; fields that a newer provider added are ignored."""
        known = {field.name: value[field.name] for field in fields(cls) if field.name in value}
        shown = {field.name for field in fields(ExecutionSummary)}
        known["executions"] = tuple(
            ExecutionSummary(**{name: item for name, item in one.items() if name in shown})
            for one in known.get("executions", ())
        )
        for name in ("exit_codes", "scheduler_reasons"):
            known[name] = tuple(known.get(name, ()))
        counts = known.get("node_counts")
        known["node_counts"] = None if counts is None else tuple(counts)
        return cls(**known)


def judge(
    job: Job,
    executions: Sequence[Execution],
    history: Sequence[HistoryItem] = (),
    *,
    fail_on_exit_code: bool = True,
    spec_count: int | None = None,
    expected_version: int | None = None,
) -> Verdict:
    """The verdict on a terminal job.

    :param history: names causes better where it is at hand; optional.
    :param spec_count: Count of the submitted spec; None: what the server says.
    :param expected_version: a higher Version fails as "altered by somebody"; None accepts any.
    """
    facts = facts_of(job, executions)
    message = job.state_message or _last_words(history)
    if expected_version is not None and job.version > expected_version:
        text = f"altered by somebody: it is at version {job.version}, the task submitted version {expected_version}"
        return replace(facts, outcome="failed", kind="altered", message=text)
    if job.state == "Completed":
        return _completed(facts, job, spec_count=spec_count, fail_on_exit_code=fail_on_exit_code)
    if job.state == "Stopped":
        return replace(facts, outcome="stopped", kind="stopped", message=message)
    failed = _failed(facts, job, message, executions, history)
    if failed.outcome == "timed_out" and facts.seconds is not None:
        failed = replace(failed, phases=phases_of(job, executions, history, facts.seconds))
    return failed


def phases_of(job: Job, executions: Sequence[Execution], history: Sequence[HistoryItem], seconds: float) -> str:
    """What took how long: "accepted after 2s, queued 40s, ran 31m00s"; a run includes waiting on its node.

    :param seconds: from submit until now, or to the end. The rest are differences of the server's own moments, so it
        does not matter who looked, and since when.
    """
    placed = _since_submit(job, [one.create_time for one in executions])
    queued = _since_submit(job, [item.nanoseconds for item in history if item.topic == "Queueing"])
    if placed is None and queued is None:
        return f"not accepted in {spoken(seconds)}"
    parts = [f"accepted after {spoken(min(at for at in (placed, queued) if at is not None))}"]
    if queued is not None and (placed is None or placed > queued):
        parts.append(f"queued {spoken((seconds if placed is None else placed) - queued)}")
    if placed is not None:
        again = f" in {len(executions)} executions" if len(executions) > 1 else ""
        parts.append(f"ran {spoken(seconds - placed)}{again}")
    return ", ".join(parts)


def _since_submit(job: Job, moments: Sequence[int]) -> float | None:
    known = [at for at in moments if at > 0]
    return max(0.0, (min(known) - job.create_time) / 1e9) if known and job.create_time > 0 else None


def facts_of(job: Job, executions: Sequence[Execution]) -> Verdict:
    """What can be said of a job in any state, before it is judged: a verdict still to be completed."""
    ordered = sorted(executions, key=lambda one: (one.partition, one.create_time, one.id))
    start = _seconds(job.create_time)
    end = _seconds(job.modify_time) if job.is_terminal else None
    codes = tuple(code for one in ordered if (code := exit_code_of(one, job.engine)) is not None)
    return Verdict(
        outcome="failed",
        kind="execution",
        job_id=job.id,
        namespace=job.namespace,
        name=job.name,
        state=job.state,
        exit_codes=codes,
        executions=tuple(summary_of(one, job.engine) for one in ordered),
        stderr_tail=tail(_worst_stderr(ordered, job.engine)),
        seconds=max(0.0, end - start) if start is not None and end is not None else None,
        submitted_at=start,
        finished_at=end,
        engine=job.engine,
    )


def exit_code_of(execution: Execution, engine: str) -> int | None:
    """The exit code that counts, None where there is none. -1 of a completed wasm execution is 0: it just returned."""
    code = execution.reported_exit_code
    returned = code == -1 and engine == "wasm" and execution.compute_state == "Completed"
    return 0 if returned else code


def summary_of(execution: Execution, engine: str) -> ExecutionSummary:
    """One execution as a handle and an error show it."""
    ended = execution.is_terminal
    # a completed execution keeps the message "Running" of its start: only a bad end has something to say
    failed = ended and execution.compute_state != "Completed"
    message = (execution.compute_message or execution.desired_message or execution.error) if failed else ""
    return ExecutionSummary(
        id=execution.id,
        node=execution.node_id,
        partition=execution.partition,
        state=execution.compute_state,
        exit_code=exit_code_of(execution, engine),
        started_at=_seconds(execution.create_time),
        ended_at=_seconds(execution.modify_time) if ended else None,
        message=message,
        kind=kind_of(message) if failed else "",
    )


def handle(
    verdict: Verdict,
    *,
    results: Sequence[str] = (),
    adopted: bool = False,
    server: str = "",
) -> dict[str, Any]:
    """The handle that a task leaves behind: plain JSON values, at most 100 executions, no credential.

    :param verdict: the verdict, or `facts_of` the job right after submit.
    :param results: uris without query.
    :param adopted: an earlier try's job was taken over.
    :param server: base URL of the orchestrator.
    """
    shown = [
        {
            "id": one.id,
            "node": one.node,
            "partition": one.partition,
            "state": one.state,
            "exit_code": one.exit_code,
            "started_at": moment(one.started_at),
            "ended_at": moment(one.ended_at),
        }
        for one in verdict.executions[:EXECUTIONS_SHOWN]
    ]
    return {
        "job_id": verdict.job_id,
        "name": verdict.name,
        "namespace": verdict.namespace,
        "state": verdict.state,
        "exit_codes": list(verdict.exit_codes),
        "results": list(results),
        "submitted_at": moment(verdict.submitted_at),
        "finished_at": moment(verdict.finished_at),
        "seconds": verdict.seconds,
        "adopted": adopted,
        "server": server,
        "executions": shown,
    }


def stdout_of(executions: Sequence[Execution]) -> str:
    """The captured output of a job: its completed executions' stdout, by partition."""
    ordered = sorted(executions, key=lambda one: (one.partition, one.create_time, one.id))
    return "".join(one.stdout for one in ordered if one.reported_exit_code is not None)


def _completed(facts: Verdict, job: Job, *, spec_count: int | None, fail_on_exit_code: bool) -> Verdict:
    count = job.count if spec_count is None else spec_count
    wanted_none = count == 0 and job.type in ("batch", "service")
    ran = any(one.state == "Completed" for one in facts.executions)
    if not ran and not wanted_none:
        text = "the job is Completed, but none of its executions ran to an end, so there is no result"
        return replace(facts, outcome="failed", kind="nothing_ran", message=text)
    bad = [code for code in facts.exit_codes if code != 0]
    if bad and fail_on_exit_code:
        return replace(facts, outcome="failed", kind="exit_code", message=f"exit code {bad[0]}")
    return replace(facts, outcome="succeeded", kind="completed", message=job.state_message)


def _failed(
    facts: Verdict, job: Job, message: str, executions: Sequence[Execution], history: Sequence[HistoryItem]
) -> Verdict:
    report = read_report(message)
    if report is not None:
        counts = (report.requested, report.available, report.suitable)
        facts = replace(facts, scheduler_reasons=report.reasons, node_counts=counts)
    phase = timed_out_phase(message)
    if phase:
        return replace(facts, outcome="timed_out", kind="timeout", phase=phase, message=message)
    culprit = _last_failed(facts, executions)
    if culprit is not None:  # the scheduler's text then only says that no node is left to try it again
        return _failed_by(facts, culprit, history)
    if report is not None:
        return _not_placed(facts, job, message, report, history)
    return replace(facts, outcome="failed", kind="execution", message=message or "the server gave no reason")


def _failed_by(facts: Verdict, culprit: ExecutionSummary, history: Sequence[HistoryItem]) -> Verdict:
    phase = timed_out_phase(culprit.message)
    if phase:
        return replace(facts, outcome="timed_out", kind="timeout", phase=phase, message=culprit.message)
    topics = [item.topic for item in history if item.execution_id == culprit.id and item.message == culprit.message]
    kind = kind_of(culprit.message, topics[0] if topics else "")
    return replace(facts, outcome="failed", kind=kind, message=culprit.message)


def _not_placed(
    facts: Verdict, job: Job, message: str, report: SchedulerReport, history: Sequence[HistoryItem]
) -> Verdict:
    queued = any(item.topic == "Queueing" for item in history) or 0 < _queue_timeout(job) <= (facts.seconds or 0.0)
    matched_but_busy = any("busy" in reason for reason in report.reasons)
    if queued and not facts.executions:
        return replace(facts, outcome="timed_out", kind="timeout", phase="queue", message=message)
    return replace(facts, outcome="failed", kind="busy" if matched_but_busy else "no_nodes", message=message)


def _queue_timeout(job: Job) -> float:
    timeouts = job.tasks[0].get("Timeouts") if job.tasks else None
    value = timeouts.get("QueueTimeout") if isinstance(timeouts, dict) else None
    return float(value) if isinstance(value, (int, float)) else 0.0


def _last_failed(facts: Verdict, executions: Sequence[Execution]) -> ExecutionSummary | None:
    """The last execution that failed by itself; those stopped because another failed say nothing."""
    failed = {one.id: one.modify_time for one in executions if one.is_terminal and one.compute_state != "Completed"}
    own = [one for one in facts.executions if one.id in failed and one.state != "Cancelled" and one.message]
    return max(own, key=lambda one: failed[one.id], default=None)


def _worst_stderr(ordered: Sequence[Execution], engine: str) -> str:
    """stderr of the first execution that exited badly, else of the last that wrote any."""
    bad = [one.stderr for one in ordered if exit_code_of(one, engine) not in (None, 0) and one.stderr]
    written = [one.stderr for one in ordered if one.stderr]
    return (bad[:1] or written[-1:] or [""])[0]


def _last_words(history: Sequence[HistoryItem]) -> str:
    """The last job-level text of the history: servers before 1.5 give no other reason (FINDINGS-1.1.0 2)."""
    texts = [item.message for item in history if item.type == "JobLevel" and item.message]
    return texts[-1] if texts else ""


def _seconds(nanoseconds: int) -> float | None:
    return nanoseconds / 1e9 if nanoseconds > 0 else None
