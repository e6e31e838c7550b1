"""What is wrong with a job before it runs, and what users get bitten by: rules over a spec, and over a task's facts.

An error is what the task would fail with. A warning is true and names the way out; whoever means it may leave it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_bacalhau.lifecycle.secrets import WAY_OUT, secret_paths
from airflow_provider_bacalhau.lifecycle.spec import piles_up, timeouts_of
from airflow_provider_bacalhau.lifecycle.templates import changing, is_unknown
from airflow_provider_bacalhau.lifecycle.validation import advice, validate

LONG = 3600.0
"""Seconds from which on a job is worth more than a restart."""

_NEVER_ADOPTED = (
    "the job is never adopted by a retry, which stops it and starts anew; use what stays in a run, such as run_id or ts"
)
_STEP = re.compile(r"[^.\[\]]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `path` leads into the spec (`Tasks[0].Engine.Params.Image`); "" is the task or file itself."""

    level: Literal["error", "warning"]
    text: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What a task's operator says, as plain values; times in seconds."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    """The job as it would be submitted; what is known only in a run stands in it as `templates.UNKNOWN`."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Templated arguments as written."""
    unknown: tuple[str, ...] = ()
    """Arguments that are known only in a run and therefore missing in `spec`, wholly or in part."""
    retries: int = 0
    deferrable: bool = False
    durable: bool = True
    waits: bool = True
    on_kill_action: str = "stop"
    on_existing: str | None = None
    scheduled: bool = False
    execution_timeout: float | None = None
    xcom_value: str = "handle"


def lint_spec(spec: Mapping[str, Any], redact: Callable[[Any], Any] = lambda plain: plain) -> list[Problem]:
    """Rules that a job spec alone can break. What holds a value of a run only is not judged, but for secrets: whatever
    a run puts under a secret's name is one.

    :param redact: gives a plain value with its secrets exchanged.
    """
    problems = [Problem("error", text, _path(text)) for text in validate(spec)]
    problems += [Problem("warning", text, _path(text)) for text in advice(spec)]
    problems += _image(spec)
    judged = [one for one in problems if not is_unknown(value_at(spec, one.path))]
    return judged + [
        Problem("warning", f"{path}: a secret that whoever may read the cluster's jobs could read; {WAY_OUT}", path)
        for path in secret_paths(spec, redact)
    ]


def lint_task(facts: TaskFacts, redact: Callable[[Any], Any] = lambda plain: plain) -> list[Problem]:
    """Rules of the spec, then those of the task around it.

    :param redact: as for `lint_spec`.
    """
    return [*lint_spec(facts.spec, redact), *(problem for rule in RULES for problem in rule(facts))]


def made_up_at_parse(facts: TaskFacts, made_up: Mapping[str, str]) -> list[Problem]:
    """Arguments of a job that Python makes up anew whenever the DAG file is read, so before every try.

    :param made_up: argument -> the call in it.
    """
    own = set(facts.given) | {"resources"}
    return [
        Problem("warning", f"{name}: {call} is called whenever the DAG file is read, so {_NEVER_ADOPTED}")
        for name, call in made_up.items()
        if name in own and facts.durable and facts.retries
    ]


def value_at(spec: Any, path: str) -> Any:
    """What stands at a path of a spec, None where it ends early."""
    for step in _STEP.findall(path):
        if isinstance(spec, list) and step.isdigit() and int(step) < len(spec):
            spec = spec[int(step)]
        elif isinstance(spec, Mapping) and step in spec:
            spec = spec[step]
        else:
            return None
    return spec if path else None


def _path(text: str) -> str:
    return text.partition(":")[0]


def _image(spec: Mapping[str, Any]) -> Iterator[Problem]:
    params = value_at(spec, "Tasks[0].Engine.Params")
    if str(value_at(spec, "Tasks[0].Engine.Type")).lower() != "docker" or not isinstance(params, Mapping):
        return
    name = next((str(name) for name in params if str(name).lower() == "image"), "Image")
    image = str(params.get(name) or "")
    tag = image.rpartition("/")[2].partition(":")[2]
    if image and "@" not in image and tag in ("", "latest"):
        path = f"Tasks[0].Engine.Params.{name}"
        why = "has no tag" if not tag else "is whatever is latest"
        yield Problem("warning", f"{path}: {image} {why}, so two tries may run two programs; name a version", path)


# Rules of the task.


def _attempts_differ(facts: TaskFacts) -> Iterator[Problem]:
    if not facts.durable or not facts.retries:
        return
    for name, value in facts.given.items():
        for expression in dict.fromkeys(one for text in _texts(value) for one in changing(text)):
            yield Problem(
                "warning",
                f"{name}: {expression} changes with every try, so {_NEVER_ADOPTED}",
            )


def _not_durable(facts: TaskFacts) -> Iterator[Problem]:
    if facts.retries and not facts.durable:
        yield Problem(
            "warning",
            "durable=False with retries: a retry after a lost worker stops the job although it runs well; "
            "leave durable out to take it over",
        )


def _restarts(facts: TaskFacts) -> Iterator[Problem]:
    """A worker that is told to end stops its job; that of a deferred task lives."""
    limits = timeouts_of(facts.spec)
    longest = max(facts.execution_timeout or 0.0, limits.run or 0.0, limits.total or 0.0)
    stops = facts.waits and not facts.deferrable and facts.on_kill_action == "stop"
    if facts.retries and facts.durable and stops and longest >= LONG:
        yield Problem(
            "warning",
            "a long job waited for in a worker: a worker that is restarted stops it, and the retry starts it anew; "
            "set deferrable=True, or on_kill_action='leave'",
        )


def _piles_up(facts: TaskFacts) -> Iterator[Problem]:
    if text := piles_up(facts.spec, scheduled=facts.scheduled, on_existing=facts.on_existing):
        yield Problem("error", text, "Type")


def _unbounded(facts: TaskFacts) -> Iterator[Problem]:
    """The server's own limit is the only one that holds when all of Airflow is gone."""
    limits = timeouts_of(facts.spec)
    if facts.spec.get("Type") in ("service", "daemon") or limits.total is not None or limits.run is not None:
        return
    ends_with_task = facts.waits and facts.on_kill_action == "stop"
    names = "execution_timeout, run_timeout and total_timeout" if ends_with_task else "run_timeout and total_timeout"
    yield Problem("warning", f"none of {names} is set: nobody ends the job when Airflow is gone; set total_timeout")


def _one_result(facts: TaskFacts) -> Iterator[Problem]:
    if facts.xcom_value != "result" or is_unknown(facts.spec.get("Count")):
        return
    count = facts.spec.get("Count")
    several = facts.spec.get("Type") == "ops" or (isinstance(count, int) and count > 1)
    if several:
        yield Problem("error", "xcom_value='result' wants one result, this job publishes several; use 'results'")
    elif not value_at(facts.spec, "Tasks[0].Publisher") and "publisher" not in facts.unknown:
        yield Problem("warning", "xcom_value='result' wants a result, but the job names no publisher; add one")


RULES: tuple[Callable[[TaskFacts], Iterator[Problem]], ...] = (
    _piles_up,
    _one_result,
    _attempts_differ,
    _not_durable,
    _restarts,
    _unbounded,
)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from (text for one in pair for text in _texts(one))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (text for one in value for text in _texts(one))
