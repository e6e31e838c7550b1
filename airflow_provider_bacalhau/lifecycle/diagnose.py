"""A failure as people read it: one line that names the cause, the evidence below it, the next step last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

from airflow_provider_bacalhau.errors import BacalhauJobFailed, JobError
from airflow_provider_bacalhau.lifecycle.durations import spoken
from airflow_provider_bacalhau.lifecycle.identity import parse_stop_reason, short_id
from airflow_provider_bacalhau.lifecycle.retries import ERRORS, rule_of
from airflow_provider_bacalhau.lifecycle.verdict import ExecutionSummary, Verdict

FIRST_LINE = 200
"""Characters of the first line: what lists, mails and alerts show."""

SHOWN_EXECUTIONS = 20
_TITLE = 80
_REASON = 80

EXIT_HINTS = MappingProxyType(
    {
        126: "found but not executable",
        127: "command not found in the image",
        137: "killed; out of memory?",
        139: "segmentation fault",
        143: "terminated",
        -1: "the node could not tell the exit code",
    }
)

_KIND_HINTS = MappingProxyType(
    {
        "nothing_ran": "no node ran it to an end",
        "image": "check the image's name, and that the node may pull it",
        "command": "the image or module has no such program: check entrypoint and command",
        "start": "check command, entrypoint and memory",
        "input": "check that the input exists, and that the node may read it",
        "publish": "check bucket, region and the node's credentials",
        "spec": "the node could not read the job spec",
        "node_lost": "its node disappeared or restarted",
        "rejected": "the node refused it",
        "busy": "no node has that much free; set queue_timeout to wait for one",
        "ended": "a service or daemon has to keep running",
    }
)

_PHASE_HINTS = MappingProxyType(
    {
        "accept": "the server never scheduled it; raise accept_timeout if it is only slow",
        "queue": "no node became free; raise queue_timeout or add nodes",
        "run": "raise run_timeout or give it more resources",
        "total": "raise total_timeout",
    }
)

@dataclass(frozen=True, slots=True)
class NextStep:
    """What the last line tells beside the command to look closer.

    :param try_number: of this attempt, from 1.
    :param max_tries: Airflow's own number: tries allowed after the first; None outside a task.
    :param retryable: False when the task fails without another try.
    :param request_id: of the last answer, for the server's log.
    """

    try_number: int = 1
    max_tries: int | None = None
    retryable: bool = True
    request_id: str = ""


def explain(
    verdict: Verdict,
    *,
    task: str = "",
    published: Sequence[str] = (),
    try_number: int = 1,
    max_tries: int | None = None,
    retryable: bool | None = None,
    request_id: str = "",
    seconds: float | None = None,
) -> str:
    """The whole block: first line (at most 200 characters), phases, executions, scheduler, stderr, results, next step.

    :param task: `dag.task`, shown after the job's id.
    :param published: uris without query.
    :param try_number: of this attempt, from 1.
    :param max_tries: Airflow's own number: tries allowed after the first; None outside a task.
    :param retryable: False when the task fails without another try; None: what the table says of the verdict.
    :param request_id: of the last answer, for the server's log; that of a request without answer comes first.
    :param seconds: how long it took; None: what the verdict says.
    """
    retried = rule_of(verdict.outcome, verdict.kind).retried if retryable is None else retryable
    step = NextStep(try_number, max_tries, retried, verdict.request_id or request_id)
    lines = [summary(verdict, task=task, seconds=seconds)]
    if len(verdict.message) > 120 or "\n" in verdict.message:
        lines += [f"  {line}" for line in verdict.message.strip().splitlines() if not line.startswith("•")]
    if verdict.phases:
        lines.append(f"  {verdict.phases}")
    lines += _executions(verdict.executions, said=verdict.message)
    lines += _scheduler(verdict.scheduler_reasons)
    if verdict.stderr_tail:
        lines += ["stderr (last 20 lines):", *(f"  {line}" for line in verdict.stderr_tail.splitlines())]
    lines += [f"published: {uri}" for uri in published[:SHOWN_EXECUTIONS]]
    if len(published) > SHOWN_EXECUTIONS:
        lines.append(f"published: ... and {len(published) - SHOWN_EXECUTIONS} more")
    return "\n".join([*lines, _last_line(verdict, step)])


def summary(verdict: Verdict, *, task: str = "", seconds: float | None = None) -> str:
    """The first line alone: job, task, cause, place, duration, hint; at most 200 characters."""
    title = task if len(task) <= _TITLE else f"{task[: _TITLE - 3]}..."
    head = f"Bacalhau job {short_id(verdict.job_id) or '?'}{f' ({title})' if title else ''}"
    taken = seconds if seconds is not None else verdict.seconds
    after = f" after {spoken(taken)}" if taken is not None else ""
    hint = hint_for(verdict)
    tail = f"{after} ({hint})" if hint else after
    if verdict.succeeded:
        return _fit(f"{head} ", "succeeded", after)
    if verdict.outcome == "stopped":
        who, why = _author(verdict)
        return _fit(f"{head} was stopped by {who}{after}", why, "")
    return _fit(f"{head} {_verb(verdict)}: ", _cause(verdict), tail)


def hint_for(verdict: Verdict) -> str:
    """A few words on what the cause usually means; empty when there is nothing to add."""
    if verdict.outcome == "timed_out":
        return _PHASE_HINTS.get(verdict.phase, "")
    if verdict.outcome == "lost":
        return "the next try looks for it again" if verdict.kind == "unreachable" else "the next try submits a new job"
    if verdict.outcome != "failed":
        return ""
    if verdict.kind in ("no_nodes", "busy"):
        return _placement_hint(verdict)
    if verdict.kind in ("exit_code", "ended"):
        bad = _worst(verdict)
        code = bad.exit_code if bad is not None else None
        return EXIT_HINTS.get(code, _KIND_HINTS.get(verdict.kind, "")) if code is not None else ""
    return _KIND_HINTS.get(verdict.kind, "")


def error_from(
    verdict: Verdict, text: str, *, retryable: bool | None = None, link: str = "", task: str = ""
) -> JobError:
    """The typed error of a verdict that is not a success.

    :param text: the block that `explain` made.
    :param retryable: False: the task is to fail without another try; None: what the table says of the verdict.
    :param link: the job's page, if there is one.
    """
    error = ERRORS.get(verdict.outcome, BacalhauJobFailed)
    return error(
        text,
        summary=text.splitlines()[0] if text else summary(verdict, task=task),
        kind=verdict.kind,
        job_id=verdict.job_id,
        namespace=verdict.namespace,
        exit_codes=verdict.exit_codes,
        executions=[asdict(one) for one in verdict.executions],
        stderr_tail=verdict.stderr_tail,
        scheduler_reasons=verdict.scheduler_reasons,
        link=link,
        retryable=rule_of(verdict.outcome, verdict.kind).retried if retryable is None else retryable,
    )


def _verb(verdict: Verdict) -> str:
    words = {"timed_out": "timed out", "lost": "is lost"}
    if verdict.kind == "unreachable":
        return "is out of sight"
    return words.get(verdict.outcome, "failed")


def _cause(verdict: Verdict) -> str:
    if verdict.kind in ("exit_code", "ended"):
        bad = _worst(verdict)
        if bad is not None:
            ended = "ended by itself, " if verdict.kind == "ended" else ""
            return f"{ended}exit code {bad.exit_code} on {short_id(bad.node) or 'an unknown node'}"
    if _outnumbered(verdict):
        return "not enough nodes"  # how many there are and why they do not do is the hint
    text = next((line for line in verdict.message.splitlines() if line.strip()), "the server gave no reason")
    failed = [one for one in verdict.executions if one.message and one.message == verdict.message and one.node]
    return f"{text} on {short_id(failed[-1].node)}" if failed else text.rstrip(".")


def _author(verdict: Verdict) -> tuple[str, str]:
    """Who stopped the job, and why."""
    author = parse_stop_reason(verdict.message)
    if author is not None and author.cause == "reaped":
        return "`reap`", ", which found its task ended or gone"
    if author is not None:
        return f"try {author.try_number} of its own task", f", reason: {author.cause}"
    return "somebody else", f", reason: {verdict.message}" if verdict.message else ", no reason given"


def _worst(verdict: Verdict) -> ExecutionSummary | None:
    """The execution whose exit code is told: the first that is not 0, else the last that has one."""
    coded = [one for one in verdict.executions if one.exit_code is not None]
    return next((one for one in coded if one.exit_code != 0), coded[-1] if coded else None)


def _placement_hint(verdict: Verdict) -> str:
    requested, available, suitable = verdict.node_counts or (None, None, None)
    if _outnumbered(verdict):
        return (
            f"count={requested} but {suitable} {'node matches' if suitable == 1 else 'nodes match'}; "
            "a Bacalhau job runs at most once per node: use .expand(), one job per item"
        )
    if available == 0:
        return "the cluster has no connected node"
    if verdict.kind in _KIND_HINTS:
        return _KIND_HINTS[verdict.kind]
    reasons = [reason.partition(": ")[2] for reason in verdict.scheduler_reasons]
    return next((_shortened(reason) for reason in reasons if reason), "")


def _outnumbered(verdict: Verdict) -> bool:
    """True for the scheduler's empty reason: every node fits, and there are fewer of them than the job wants."""
    requested, _, suitable = verdict.node_counts or (None, None, None)
    silent = any(reason.endswith(":") for reason in verdict.scheduler_reasons)
    return silent and requested is not None and suitable is not None and suitable < requested


def _shortened(text: str) -> str:
    text = _without_labels(text)
    return text if len(text) <= _REASON else f"{text[: _REASON - 3]}..."


def _without_labels(text: str) -> str:
    return re.sub(r"labels map\[.*\] don't match", "labels don't match", text)  # which ones matters, not all there are


def _scheduler(reasons: Sequence[str]) -> list[str]:
    """A line for each reason; nodes that differ in nothing but their labels share one."""
    nodes: dict[str, list[str]] = {}
    for reason in reasons:
        who, _, why = _without_labels(reason).partition(":")
        nodes.setdefault(why.strip() or "(no reason given)", []).append(who)
    return [f"  scheduler: {who[0] if len(who) == 1 else f'{len(who)} nodes'}: {why}" for why, who in nodes.items()]


def _executions(executions: Sequence[ExecutionSummary], *, said: str) -> list[str]:
    """A line for each execution. :param said: what the first line tells; that, and what an execution before has told,
    is not said again."""
    shown = _bad_first(executions)[:SHOWN_EXECUTIONS]
    rows = [
        (
            f"partition {one.partition}",
            short_id(one.id),
            short_id(one.node),
            one.state,
            "" if one.exit_code is None else f"exit {one.exit_code}",
            spoken(one.seconds) if one.seconds is not None else "",
        )
        for one in shown
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)] if rows else []
    padded = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    words = [" ".join(one.message.split())[:300] for one in shown]
    told = [" ".join(said.split())[:300], *words]
    words = ["" if word in told[: number + 1] else word for number, word in enumerate(words)]
    lines = [f"  {row}  {text}".rstrip() for row, text in zip(padded, words, strict=True)]
    if len(executions) > SHOWN_EXECUTIONS:
        lines.append(f"  ... and {len(executions) - SHOWN_EXECUTIONS} more executions")
    return lines


def _bad_first(executions: Sequence[ExecutionSummary]) -> list[ExecutionSummary]:
    """In their order, unless some would not be shown: then those that went wrong first."""
    if len(executions) <= SHOWN_EXECUTIONS:
        return list(executions)
    return sorted(executions, key=lambda one: one.state == "Completed" and one.exit_code in (0, None))


def _last_line(verdict: Verdict, step: NextStep) -> str:
    parts = []
    if step.max_tries is not None:
        left = step.retryable and step.try_number <= step.max_tries
        parts.append(f"airflow: try {step.try_number} of {step.max_tries + 1}, {_after(verdict, step, left=left)}")
    namespace = f" --namespace {verdict.namespace}" if verdict.namespace else ""
    if verdict.job_id:
        parts.append(f"bacalhau job describe {short_id(verdict.job_id)}{namespace}")
    if step.request_id:
        parts.append(f"request {step.request_id}")
    return " | ".join(parts)


def _after(verdict: Verdict, step: NextStep, *, left: bool) -> str:
    if left:
        return "the next try looks for the job first" if verdict.outcome == "lost" else "the next try submits a new job"
    return f"{'no try left' if step.retryable else 'not retried'}, clear the task to run it again"


def _fit(head: str, middle: str, tail: str) -> str:
    """One line of at most 200 characters; the middle gives way, so that id, duration and hint stay whole."""
    middle = " ".join(middle.split())
    room = FIRST_LINE - len(head) - len(tail)
    if len(middle) > room:
        middle = middle[: max(0, room - 3)].rstrip() + "..."
    return (head + middle + tail)[:FIRST_LINE]
