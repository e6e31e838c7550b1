"""Reading a job spec that a user wrote: dict, YAML or JSON text, in the spelling of the API or of the command line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import yaml

from airflow_provider_bacalhau.errors import SpecError
from airflow_provider_bacalhau.lifecycle.constraints import parse_constraints

SHAPE: dict[str, Any] = {
    "Name": None,
    "Namespace": None,
    "Type": None,
    "Priority": None,
    "Count": None,
    "Constraints": [{"Key": None, "Operator": None, "Values": None}],
    "Labels": None,
    "Meta": None,
    "Tasks": [
        {
            "Name": None,
            "Engine": {"Type": None, "Params": None},
            "Publisher": {"Type": None, "Params": None},
            "Env": None,
            "Meta": None,
            "InputSources": [{"Source": {"Type": None, "Params": None}, "Alias": None, "Target": None}],
            "ResultPaths": [{"Name": None, "Path": None}],
            "Resources": {"CPU": None, "Memory": None, "Disk": None, "GPU": None},
            "Network": {"Type": None, "Domains": None, "Ports": None},
            "Timeouts": {"ExecutionTimeout": None, "QueueTimeout": None, "TotalTimeout": None},
        }
    ],
}
"""The keys of a job spec where they have a fixed spelling; None marks free content."""

_SERVERS_OWN = frozenset({"id", "state", "version", "revision", "createtime", "modifytime"})
_TEXT_MAPS = ("Labels", "Meta", "Env")
_RENAMED = {"resourcesconfig": "Resources"}


def load_spec(value: str | bytes | Mapping[str, Any]) -> dict[str, Any]:
    """A job spec as plain values in API spelling. Keys are read in any case, as the server does.

    A document of `bacalhau job describe` works too: a top-level `Job:` and the server's own fields fall away. Values of
    labels, meta, env and program arguments become text, as YAML reads `5` and `yes` otherwise.

    :raises SpecError: not a mapping, not readable, or several documents.
    """
    document: Any = _parse(value) if isinstance(value, (str, bytes)) else value
    if not isinstance(document, Mapping):
        kind = "empty" if document is None else f"a {type(document).__name__}"
        raise SpecError([f"the document is {kind}, a job spec is a mapping with Type and Tasks"])
    inner = {str(name).lower(): item for name, item in document.items()}.get("job")
    if isinstance(inner, Mapping) and "Tasks" not in document:
        document = inner
    job = _spell({name: item for name, item in document.items() if str(name).lower() not in _SERVERS_OWN}, SHAPE)
    plain = _as_text(_plain(job))
    if isinstance(plain.get("Constraints"), (str, list)):
        plain["Constraints"] = parse_constraints(plain["Constraints"])
    return plain


def _parse(text: str | bytes) -> Any:
    try:
        documents = list(yaml.safe_load_all(text))  # JSON is YAML
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f" in line {place.line + 1}" if place is not None else ""
        why = getattr(error, "problem", None) or "not readable"
        raise SpecError([f"the document is neither YAML nor JSON{where}: {why}"]) from error
    if len(documents) > 1:
        raise SpecError([f"the text holds {len(documents)} documents, a task submits one job"])
    return documents[0] if documents else None


def _spell(value: Any, shape: Any) -> Any:
    """Give known keys their spelling; unknown keys and free content stay."""
    if isinstance(shape, list) and isinstance(value, (list, tuple)):
        return [_spell(item, shape[0]) for item in value]
    if not isinstance(shape, dict) or not isinstance(value, Mapping):
        return value
    known = {name.lower(): name for name in shape} | (_RENAMED if "Engine" in shape else {})
    spelled = {}
    for name, item in value.items():
        right = known.get(str(name).lower(), str(name))
        spelled[right] = _spell(item, shape.get(right))
    return spelled


def _plain(value: Any) -> Any:
    """JSON values only: YAML also reads dates, sets and keys that are no text."""
    if isinstance(value, Mapping):
        return {_scalar(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _as_text(job: dict[str, Any]) -> dict[str, Any]:
    """Values that the server wants as text, as text."""
    for holder in (job, *_mappings(job.get("Tasks"))):
        for name in _TEXT_MAPS:
            if isinstance(holder.get(name), dict):
                holder[name] = text_map(holder[name])
    if isinstance(job.get("Meta"), dict):
        job["Meta"] = {name: item for name, item in job["Meta"].items() if not name.startswith("bacalhau.org/")}
    for task in _mappings(job.get("Tasks")):
        if isinstance(task.get("Resources"), dict):
            task["Resources"] = text_map(task["Resources"])
        engine = task.get("Engine")
        params = engine.get("Params") if isinstance(engine, dict) else None
        if not isinstance(params, dict):
            continue
        for name in params:
            if name.lower() in ("parameters", "entrypoint", "environmentvariables") and isinstance(params[name], list):
                params[name] = [item if isinstance(item, (str, dict)) else _scalar(item) for item in params[name]]
    return job


def text_map(values: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with scalar values as text; null falls away, anything else stays for validation to name."""
    return {
        str(name): _scalar(item) if isinstance(item, (bool, int, float)) else item
        for name, item in values.items()
        if item is not None
    }


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
