"""Handles: how one task names the job of another, and how a job's results become the next job's inputs."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.models.results import PublishedResult

REFUSAL = "pass submit.output, or submit.output['job_id']"

_JOB_ID = re.compile(r"(j-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|j-[A-Za-z0-9._-]+")
_GIVEN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # in a handle: services and daemons may have chosen theirs


@dataclass(frozen=True, slots=True)
class HandleRef:
    """A job as named by a handle. `namespace` None: the connection's own."""

    job_id: str
    namespace: str | None = None


def read_handle(value: Any) -> HandleRef:
    """The job that a value names: a handle, a job id, or either as text.

    :raises ConfigError: it is neither.
    """
    refs = read_handles(value)
    if len(refs) != 1:
        raise ConfigError(f"{_shown(value)} names {len(refs)} jobs, one is wanted; {REFUSAL}")
    return refs[0]


def read_handles(value: Any) -> tuple[HandleRef, ...]:
    """All jobs that a value names: what `read_handle` takes, a list of it, or the output of a mapped task.

    :raises ConfigError: something in it is neither a handle nor a job id.
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, Mapping):
        return (_from_mapping(value),)
    if isinstance(value, bytes) or not hasattr(value, "__iter__"):
        raise ConfigError(f"{_shown(value)} is no job; {REFUSAL}")
    return tuple(ref for one in value for ref in read_handles(one))


def is_handle(value: Any) -> bool:
    """True for what names jobs rather than a source of data: tells an input's uri from another job's output."""
    if isinstance(value, Mapping):
        return "job_id" in value
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in ("{", "["):
            return is_handle(_decoded(text))
        return _JOB_ID.fullmatch(text) is not None
    if isinstance(value, bytes) or not hasattr(value, "__iter__"):
        return False
    items = list(value)
    return bool(items) and all(is_handle(one) for one in items)


@dataclass(frozen=True, slots=True)
class Published:
    """One published item of a job. `partition` is its execution's, None where it cannot be told."""

    result: PublishedResult
    partition: int | None = None


def inputs_from_handle(target: str, items: Sequence[Published]) -> list[dict[str, Any]]:
    """InputSources for all published items of the jobs that one input names.

    Each lies at `<target>/<partition>`, or at `<target>/<index>` when partitions are unknown or not distinct.

    :raises ConfigError: there is nothing published, or an item that no input can read.
    """
    if not items:
        raise ConfigError(f"inputs[{target!r}]: the job published nothing; give it a publisher, or check its results")
    partitions = [item.partition for item in items]
    distinct = None not in partitions and len(set(partitions)) == len(partitions)
    folder = target.rstrip("/")
    return [
        {"Source": _source(item.result, target), "Target": f"{folder}/{item.partition if distinct else index}"}
        for index, item in enumerate(items)
    ]


def _source(result: PublishedResult, target: str) -> dict[str, Any]:
    params = {str(name).lower(): item for name, item in result.params.items()}
    if result.type == "s3PreSigned":
        params = {str(name).lower(): item for name, item in (params.get("sourcespec") or {}).items()}
    if result.type in ("s3", "s3PreSigned") and params.get("bucket") and params.get("key"):
        key = str(params["key"])
        wire = {"Bucket": params["bucket"], "Key": key + "*" if key.endswith("/") else key}  # a folder: all below it
        kept = {name: params[name.lower()] for name in ("Region", "Endpoint", "VersionID") if params.get(name.lower())}
        return {"Type": "s3", "Params": {**wire, **kept}}
    if result.type == "ipfs" and params.get("cid"):
        return {"Type": "ipfs", "Params": {"CID": params["cid"]}}
    if result.type == "urlDownload" and params.get("url"):
        return {"Type": "urlDownload", "Params": {"URL": params["url"]}}
    raise ConfigError(
        f"inputs[{target!r}]: a result of type {result.type!r} is no input for a job; publish to s3, ipfs or local"
    )


def _from_text(text: str) -> tuple[HandleRef, ...]:
    stripped = text.strip()
    if stripped[:1] in ("{", "[", '"'):
        value = _decoded(stripped)
        if value is not None:
            return read_handles(value)
    if not _JOB_ID.fullmatch(stripped):
        raise ConfigError(f"{_shown(text)} is no job; {REFUSAL}")
    return (HandleRef(stripped),)


def _from_mapping(value: Mapping[Any, Any]) -> HandleRef:
    job_id, namespace = value.get("job_id"), value.get("namespace")
    if not isinstance(job_id, str) or not _GIVEN_ID.fullmatch(job_id):
        raise ConfigError(f"{_shown(value)} is no job; {REFUSAL}")
    return HandleRef(job_id, namespace if isinstance(namespace, str) and namespace else None)


def _decoded(text: str) -> Any:
    """A rendered handle: JSON, or the text of a Python dict, which is what Jinja makes of one."""
    try:
        return json.loads(text)
    except ValueError:  # then it may be the text of a Python dict
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
