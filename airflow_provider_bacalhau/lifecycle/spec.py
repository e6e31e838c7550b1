"""Job specs from an operator's arguments, and what is done to a spec before it is stamped and sent.

A spec here is a dict in the API's spelling (1.9.3) and does not know the server's release; `for_server` gives it the
shape that a release understands. Reading text is `loading`, checking is `validation`, both are offered here too.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.lifecycle.constraints import parse_constraints
from airflow_provider_bacalhau.lifecycle.durations import seconds_of
from airflow_provider_bacalhau.lifecycle.loading import load_spec, text_map
from airflow_provider_bacalhau.lifecycle.sources import parse_input, parse_inputs, parse_publisher
from airflow_provider_bacalhau.lifecycle.validation import advice, check, validate
from airflow_provider_bacalhau.lifecycle.wire import ENTRY_TARGET, for_server

__all__ = [
    "Timeouts",
    "advice",
    "check",
    "docker_spec",
    "for_server",
    "is_local_module",
    "load_spec",
    "merge",
    "outlives_task",
    "parse_constraints",
    "parse_input",
    "parse_inputs",
    "parse_publisher",
    "piles_up",
    "timeouts_of",
    "validate",
    "wasm_spec",
    "with_timeouts",
]

DEFAULT_OUTPUTS = {"outputs": "/outputs"}
DEAD_MANS_SWITCH = 600.0
"""Seconds that a job may outlive its task's execution_timeout before the server ends it."""

INLINE_LIMIT = 7_000_000
"""Bytes of a module that still fit into a request (10,000,000 bytes) as base64."""

_NETWORKS = {name.lower(): name for name in ("None", "Default", "Full", "Host", "HTTP", "Bridge")}
_URI_SCHEMES = ("s3:", "http:", "https:", "data:", "ipfs:", "file:", "src=")


def docker_spec(
    *,
    image: str,
    command: str | Sequence[str] | None = None,
    entrypoint: str | Sequence[str] | None = None,
    working_dir: str | None = None,
    **task: Any,
) -> dict[str, Any]:
    """A docker job.

    :param command: a list becomes the image's parameters, a text runs as `sh -c TEXT`.
    :param task: the arguments of `task_spec`.
    :raises ConfigError: naming the argument that cannot be used.
    """
    params: dict[str, Any] = {"Image": image}
    if entrypoint is not None:
        params["Entrypoint"] = [entrypoint] if isinstance(entrypoint, str) else [str(part) for part in entrypoint]
    if command is not None:
        shell = isinstance(command, str)
        params["Parameters"] = ["sh", "-c", command] if shell else [str(part) for part in command]
    if working_dir is not None:
        params["WorkingDirectory"] = working_dir
    return task_spec({"Type": "docker", "Params": params}, **task)


def wasm_spec(
    *,
    module: str | bytes | Mapping[str, Any],
    entrypoint: str = "_start",
    parameters: Sequence[str] = (),
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    **task: Any,
) -> dict[str, Any]:
    """A WebAssembly job.

    :param module: a uri, the bytes of a module (the operator reads a local path), or an input object.
    :param task: the arguments of `task_spec`.
    :raises ConfigError: naming the argument that cannot be used.
    """
    params = {"EntryModule": ENTRY_TARGET, "Entrypoint": entrypoint, "Parameters": [str(part) for part in parameters]}
    entry = {**_module_input(module), "Target": ENTRY_TARGET}
    return task_spec({"Type": "wasm", "Params": params}, inputs=[entry, *parse_inputs(inputs)], **task)


def is_local_module(module: Any) -> bool:
    """True when a wasm operator's `module` is a path on the worker, whose bytes are to be passed instead."""
    return isinstance(module, str) and not module.startswith(_URI_SCHEMES) and not module.lstrip().startswith("{")


def task_spec(
    engine: dict[str, Any],
    *,
    env: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    outputs: Mapping[str, str] | None = None,
    publisher: Any = None,
    resources: Mapping[str, Any] | None = None,
    constraints: Any = None,
    network: str | Mapping[str, Any] | None = None,
    count: int | None = 1,
    job_type: str = "batch",
    labels: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """A job of one task around an engine; only what is given is written.

    :param inputs: target -> uri, object or list; or command line strings.
    :param outputs: result name -> absolute path; `{"outputs": "/outputs"}` as soon as there is a publisher.
    :param name: prefix of the submitted Name.
    :raises ConfigError: naming the argument that cannot be used.
    """
    task: dict[str, Any] = {"Name": "main", "Engine": engine}
    target = parse_publisher(publisher)
    if outputs is None:
        outputs = DEFAULT_OUTPUTS if target is not None and target["Type"] != "noop" else {}
    parts = {
        "Publisher": target,
        "Env": text_map(env or {}),
        "InputSources": parse_inputs(inputs),
        "ResultPaths": [{"Name": key, "Path": path} for key, path in outputs.items()],
        "Resources": _resources(resources or {}),
        "Network": _network(network),
    }
    task.update({key: part for key, part in parts.items() if part})
    job: dict[str, Any] = {"Type": job_type, "Tasks": [task]}
    if count is not None and job_type in ("batch", "service"):
        job["Count"] = count
    elif count not in (None, 1):
        raise ConfigError(f"count={count}: a {job_type} job runs once on every matching node, leave count out")
    extras = {
        "Name": name,
        "Constraints": parse_constraints(constraints),
        "Labels": text_map(labels or {}),
        "Meta": text_map(meta or {}),
    }
    return {**job, **{key: part for key, part in extras.items() if part}}


def merge(spec: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`spec` with `overrides` laid over it: mappings merge, lists and values are replaced, None removes the key."""
    merged = deepcopy(dict(spec))
    for name, value in load_spec(overrides).items() if overrides else ():
        _lay(merged, name, value)
    return merged


def _lay(target: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        target.pop(name, None)
    elif isinstance(value, Mapping) and isinstance(target.get(name), dict):
        for key, item in value.items():
            _lay(target[name], key, item)
    else:
        target[name] = deepcopy(value)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The limits of a job in seconds; None means none."""

    queue: float | None = None
    run: float | None = None
    total: float | None = None


def timeouts_of(spec: Mapping[str, Any]) -> Timeouts:
    """The limits that a spec itself sets in its first task, as the server will enforce them; 0 means none there."""
    tasks = spec.get("Tasks") or [{}]
    found = tasks[0].get("Timeouts") or {} if isinstance(tasks[0], Mapping) else {}
    values = [found.get(name) for name in ("QueueTimeout", "ExecutionTimeout", "TotalTimeout")]
    return Timeouts(*(float(value) if isinstance(value, (int, float)) and value > 0 else None for value in values))


def with_timeouts(
    spec: Mapping[str, Any],
    *,
    queue: float | timedelta | None = None,
    run: float | timedelta | None = None,
    total: float | timedelta | None = None,
    execution_timeout: float | timedelta | None = None,
) -> dict[str, Any]:
    """`spec` with the operator's limits in its Timeouts, in whole seconds, rounded up.

    :param execution_timeout: the Airflow task's own limit where the job ends with its task: without a TotalTimeout the
        server then ends the job ten minutes later, even when all of Airflow is gone.
    """
    changed = deepcopy(dict(spec))
    limits = {"QueueTimeout": queue, "ExecutionTimeout": run, "TotalTimeout": total}
    given = {name: math.ceil(value) for name, item in limits.items() if (value := seconds_of(item)) is not None}
    outlives = seconds_of(execution_timeout)
    for task in changed.get("Tasks") or ():
        timeouts = {**(task.get("Timeouts") or {}), **given}
        if outlives is not None and not timeouts.get("TotalTimeout"):
            # the server refuses a total below the sum of the others
            least = sum(timeouts.get(name) or 0 for name in ("ExecutionTimeout", "QueueTimeout"))
            timeouts["TotalTimeout"] = max(math.ceil(outlives + DEAD_MANS_SWITCH), least)
        if timeouts:
            task["Timeouts"] = timeouts
    return changed


def outlives_task(spec: Mapping[str, Any], *, waits: bool, on_kill_action: str) -> bool:
    """Whether a job is meant to run on when its task has ended: nobody waits for it, it is left, or it never ends."""
    return not waits or on_kill_action == "leave" or spec.get("Type") in ("service", "daemon")


def piles_up(spec: Mapping[str, Any], *, scheduled: bool, on_existing: str | None) -> str:
    """What is wrong with a job that never ends and is submitted by every scheduled run; empty when that is wanted."""
    if spec.get("Type") not in ("service", "daemon") or not scheduled or on_existing is not None:
        return ""
    return (
        f"every scheduled run would add one more {spec['Type']} job beside those of earlier runs: "
        "pass on_existing='new' if that is wanted"
    )


def _module_input(module: str | bytes | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(module, bytes):
        if len(module) > INLINE_LIMIT:
            raise ConfigError(
                f"module: {len(module):,} bytes do not fit into a request; put it on S3 and pass its s3:// uri"
            )
        url = "data:application/wasm;base64," + base64.b64encode(module).decode()
        return {"Source": {"Type": "inline", "Params": {"URL": url}}}
    if is_local_module(module):
        raise ConfigError(f"module: {module!r} is a local path; pass the bytes of the file, or a uri")
    (entry,) = parse_input(ENTRY_TARGET, module)
    return entry


def _resources(values: Mapping[str, Any]) -> dict[str, str]:
    names = {"cpu": "CPU", "memory": "Memory", "disk": "Disk", "gpu": "GPU"}
    unknown = [name for name in values if str(name).lower() not in names]
    if unknown:
        raise ConfigError(f"resources: {unknown[0]!r} is unknown; known are cpu, memory, disk, gpu")
    return {names[str(name).lower()]: str(item) for name, item in values.items() if item is not None}


def _network(value: str | Mapping[str, Any] | None) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        value = {"Type": value}
    named = {str(name).lower(): item for name, item in value.items()}
    word = str(named.get("type", ""))
    if word.lower() not in _NETWORKS:
        raise ConfigError(f"network: {word!r} is unknown; known are {', '.join(_NETWORKS.values())}")
    rest = {wire: named[wire.lower()] for wire in ("Domains", "Ports") if named.get(wire.lower())}
    return {"Type": _NETWORKS[word.lower()], **rest}
