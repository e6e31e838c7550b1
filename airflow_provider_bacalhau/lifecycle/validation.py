"""What is wrong with a job spec, said before it is sent: "Tasks[0].Engine.Type: missing; for example docker"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_bacalhau.errors import SpecError
from airflow_provider_bacalhau.lifecycle.constraints import OPERATORS
from airflow_provider_bacalhau.lifecycle.loading import SHAPE

JOB_TYPES = ("batch", "ops", "service", "daemon")
MOST_EXECUTIONS = 10_000
"""A larger Count is refused: 1.9.3 allocates for it until it dies (FINDINGS 3)."""

_RESOURCES = {
    "CPU": (re.compile(r"(\d+\.?\d*|\.\d+)(m|u|n|k|M|G)?"), "for example 2, 0.5 or 500m"),
    "Memory": (re.compile(r"(\d+\.?\d*|\.\d+)\s*([kmgtpe]i?)?b?", re.IGNORECASE), "for example 512MB or 4GB"),
    "Disk": (re.compile(r"(\d+\.?\d*|\.\d+)\s*([kmgtpe]i?)?b?", re.IGNORECASE), "for example 20GB"),
    "GPU": (re.compile(r"\d+"), "a whole number"),
}
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TIMEOUTS = ("ExecutionTimeout", "QueueTimeout", "TotalTimeout")


def validate(spec: Mapping[str, Any]) -> list[str]:
    """Problems for which a job is not submitted, each with its path and what would be right; empty when it is fine."""
    problems = [*_job(spec)]
    tasks = spec.get("Tasks")
    if not isinstance(tasks, list) or not tasks:
        return [*problems, "Tasks: missing; a list with one task"]
    if len(tasks) > 1:
        problems.append(f"Tasks: {len(tasks)} tasks, but the server runs only the first; submit one job per task")
    for index, task in enumerate(tasks):
        if isinstance(task, Mapping):
            problems += _task(task, f"Tasks[{index}]", spec)
        else:
            problems.append(f"Tasks[{index}]: not a mapping")
    return problems


def check(spec: Mapping[str, Any]) -> None:
    """:raises SpecError: with all problems of `validate`, when there are any."""
    problems = validate(spec)
    if problems:
        raise SpecError(problems)


def advice(spec: Mapping[str, Any]) -> list[str]:
    """What is allowed but hardly meant; one line each for the task log."""
    lines = _unknown_keys(spec, SHAPE, "")
    for index, task in enumerate(spec.get("Tasks") or ()):
        if not isinstance(task, Mapping):
            continue
        key = _s3_key(task)
        if key and not _has(key, "{jobID}", "{executionID}"):
            lines.append(
                f"Tasks[{index}].Publisher: the key {key!r} has neither {{jobID}} nor {{executionID}}, "
                "so the next run overwrites this one's result"
            )
        for number, one in enumerate(task.get("InputSources") or ()):
            if isinstance(one, Mapping) and _is_archive(one.get("Source")):
                lines.append(
                    f"Tasks[{index}].InputSources[{number}]: a tar.gz arrives as that file, the job unpacks it itself; "
                    "publish with encoding=plain to get its files"
                )
                break
    return lines


def _job(spec: Mapping[str, Any]) -> Iterable[str]:
    job_type = spec.get("Type")
    if not job_type:
        yield f"Type: missing; one of {', '.join(JOB_TYPES)}"
    elif job_type not in JOB_TYPES:
        yield f"Type: {job_type!r} is unknown; one of {', '.join(JOB_TYPES)}"
    count = spec.get("Count")
    if count is not None:
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            yield f"Count: {count!r} is no number of executions; for example 1"
        elif count > MOST_EXECUTIONS:
            yield f"Count: {count:,} is above {MOST_EXECUTIONS:,}; use .expand(), one job per item"
        elif job_type in ("ops", "daemon") and count > 1:
            yield f"Count: a {job_type} job runs once on every matching node; leave Count out"
    for name in ("Labels", "Meta"):
        yield from _text_map(spec.get(name), name)
    constraints = spec.get("Constraints")
    for index, one in enumerate(constraints if isinstance(constraints, list) else ()):
        where = f"Constraints[{index}]"
        if not isinstance(one, Mapping) or not one.get("Key"):
            yield f"{where}.Key: missing; for example region"
        elif one.get("Operator") not in OPERATORS:
            yield f"{where}.Operator: {one.get('Operator')!r} is unknown; one of {', '.join(OPERATORS)}"
        elif (one["Operator"] in ("exists", "!")) == bool(one.get("Values")):
            wants = "takes no Values" if one.get("Values") else "needs Values, for example [eu]"
            yield f"{where}.Values: {one['Operator']} {wants}"
        elif one["Operator"] in ("gt", "lt") and not _is_one_number(one["Values"]):
            yield f"{where}.Values: {one['Operator']} needs one whole number, for example [4]"


def _task(task: Mapping[str, Any], where: str, spec: Mapping[str, Any]) -> Iterable[str]:
    if not task.get("Name"):
        yield f"{where}.Name: missing; for example main"
    yield from _engine(task.get("Engine"), f"{where}.Engine")
    yield from _env(task.get("Env"), f"{where}.Env")
    yield from _text_map(task.get("Meta"), f"{where}.Meta")
    yield from _inputs(task.get("InputSources"), f"{where}.InputSources")
    yield from _results(task, where)
    yield from _one_object(task, where, spec)
    yield from _sizes(task.get("Resources"), f"{where}.Resources")
    yield from _timeouts(task.get("Timeouts"), f"{where}.Timeouts")
    network = task.get("Network")
    if isinstance(network, Mapping) and network.get("Domains") and network.get("Type") != "HTTP":
        yield f"{where}.Network.Domains: only with Type HTTP"


def _engine(engine: Any, where: str) -> Iterable[str]:
    if not isinstance(engine, Mapping) or not str(engine.get("Type") or "").strip():
        yield f"{where}.Type: missing; for example docker or wasm"
        return
    raw = engine.get("Params") or {}
    params = {str(name).lower(): item for name, item in raw.items()} if isinstance(raw, Mapping) else {}
    kind = engine["Type"].strip().lower()
    if kind == "docker":
        if not params.get("image"):
            yield f"{where}.Params.Image: missing; for example busybox:1.36"
        for name in ("Entrypoint", "Parameters"):
            if params.get(name.lower()) is not None and not isinstance(params[name.lower()], list):
                yield f'{where}.Params.{name}: not a list; for example ["sh", "-c", "echo hi"]'
        folder = params.get("workingdirectory")
        if folder and not str(folder).startswith("/"):
            yield f"{where}.Params.WorkingDirectory: {folder!r} is relative; write an absolute path"
    elif kind == "wasm" and not params.get("entrymodule"):
        yield f"{where}.Params.EntryModule: missing; the target of an input, for example /wasm/entry.wasm"


def _env(env: Any, where: str) -> Iterable[str]:
    yield from _text_map(env, where)
    for name in env if isinstance(env, Mapping) else ():
        if not _ENV_NAME.fullmatch(str(name)):
            yield f"{where}.{name}: not a name; letters, digits and _, not a digit first"
        elif str(name).upper().startswith("BACALHAU_"):
            yield f"{where}.{name}: names that start with BACALHAU_ are the server's own; choose another"


def _text_map(value: Any, where: str) -> Iterable[str]:
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield f"{where}: not a mapping of text to text"
        return
    for name, item in value.items():
        if not name:
            yield f"{where}: has an empty name"
        elif not isinstance(item, str):
            yield f"{where}.{name}: {type(item).__name__} is no text"


def _inputs(inputs: Any, where: str) -> Iterable[str]:
    targets: set[str] = set()
    for index, one in enumerate(inputs if isinstance(inputs, list) else ()):
        here = f"{where}[{index}]"
        source = one.get("Source") if isinstance(one, Mapping) else None
        if not isinstance(source, Mapping) or not source.get("Type"):
            yield f"{here}.Source.Type: missing; for example s3 or urlDownload"
            continue
        target = one.get("Target")
        if not target:
            yield f"{here}.Target: missing; for example /inputs"
        elif not str(target).startswith("/"):
            yield f"{here}.Target: {target!r} is relative; write an absolute path"
        elif target in targets:
            yield f"{here}.Target: {target} is already another input's target"
        targets.add(str(target))


def _results(task: Mapping[str, Any], where: str) -> Iterable[str]:
    paths = task.get("ResultPaths")
    seen: dict[str, set[str]] = {"Name": set(), "Path": set()}
    for index, one in enumerate(paths if isinstance(paths, list) else ()):
        here = f"{where}.ResultPaths[{index}]"
        for name in ("Name", "Path"):
            value = one.get(name) if isinstance(one, Mapping) else None
            if not value:
                yield f"{here}.{name}: missing; for example {'outputs' if name == 'Name' else '/outputs'}"
            elif value in seen[name]:
                yield f"{here}.{name}: {value} is used twice"
            elif name == "Path" and not str(value).startswith("/"):
                yield f"{here}.Path: {value!r} is relative; write an absolute path"
            elif name == "Name" and (value in ("stdout", "stderr", "exitCode") or "/" in str(value)):
                yield f"{here}.Name: {value!r} cannot be used; stdout, stderr, exitCode and '/' are taken"
            seen[name].add(str(value))
    publisher = task.get("Publisher")
    if paths and not (isinstance(publisher, Mapping) and publisher.get("Type")):
        yield f"{where}.Publisher: missing; ResultPaths need one, for example local or s3"
    given = _s3_params(task)
    for name, example in (("Bucket", "my-bucket"), ("Key", "{jobID}/{executionID}")):
        if given is not None and not given.get(name.lower()):
            yield f"{where}.Publisher.Params.{name}: missing; for example {example}"


def _one_object(task: Mapping[str, Any], where: str, spec: Mapping[str, Any]) -> Iterable[str]:
    """Several executions must not write one object."""
    key, count = _s3_key(task), spec.get("Count")
    several = spec.get("Type") == "ops" or (isinstance(count, int) and count > 1)
    if key and several and not _has(key, "{executionID}", "{nodeID}"):
        fixed = key.rstrip("/").removesuffix(".tar.gz")
        yield (
            f"{where}.Publisher.Params.Key: several executions would write the same object {key!r}; "
            f"add {{executionID}}: {fixed}/{{executionID}}"
        )


def _sizes(resources: Any, where: str) -> Iterable[str]:
    for name, value in (resources or {}).items() if isinstance(resources, Mapping) else ():
        if name not in _RESOURCES or value in ("", None):
            continue
        pattern, example = _RESOURCES[name]
        if not pattern.fullmatch(str(value).strip()):
            yield f"{where}.{name}: {value!r} cannot be read; {example}"


def _timeouts(timeouts: Any, where: str) -> Iterable[str]:
    if not isinstance(timeouts, Mapping):
        return
    values = {}
    for name in _TIMEOUTS:
        value = timeouts.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            yield f"{where}.{name}: {value!r} is no whole number of seconds"
        else:
            values[name] = value
    parts = values.get("ExecutionTimeout", 0) + values.get("QueueTimeout", 0)
    total = values.get("TotalTimeout", 0)
    if total and parts > total:
        yield f"{where}.TotalTimeout: {total} s is less than ExecutionTimeout and QueueTimeout together ({parts} s)"


def _s3_params(task: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Parameters of an s3 publisher by lower-case name, None for any other."""
    publisher = task.get("Publisher")
    if not isinstance(publisher, Mapping) or str(publisher.get("Type") or "").strip().lower() != "s3":
        return None
    params = publisher.get("Params")
    return {str(name).lower(): item for name, item in params.items()} if isinstance(params, Mapping) else {}


def _s3_key(task: Mapping[str, Any]) -> str | None:
    params = _s3_params(task)
    return None if params is None else str(params.get("key") or "")


def _is_one_number(values: Any) -> bool:
    return isinstance(values, list) and len(values) == 1 and re.fullmatch(r"-?\d+", str(values[0])) is not None


def _has(key: str, *words: str) -> bool:
    return any(word.lower() in key.lower() for word in words)


def _is_archive(source: Any) -> bool:
    params = source.get("Params") if isinstance(source, Mapping) else None
    named = {str(name).lower(): item for name, item in params.items()} if isinstance(params, Mapping) else {}
    path = str(named.get("key") or named.get("url") or "").partition("?")[0]
    return path.endswith(".tar.gz") and not path.startswith("data:")


def _unknown_keys(value: Any, shape: Any, where: str) -> list[str]:
    if isinstance(shape, list) and isinstance(value, list):
        return [line for index, one in enumerate(value) for line in _unknown_keys(one, shape[0], f"{where}[{index}]")]
    if not isinstance(shape, dict) or not isinstance(value, Mapping):
        return []
    lines = []
    for name, item in value.items():
        path = f"{where}.{name}" if where else str(name)
        if name in shape:
            lines += _unknown_keys(item, shape[name], path)
            continue
        near = difflib.get_close_matches(str(name), list(shape), n=1)
        lines.append(f"{path}: unknown, the server ignores it{f'; do you mean {near[0]}?' if near else ''}")
    return lines
