"""What `PUT /jobs/diff` says: two jobs as the servers hold them, compared and told (fact sheet 1.11, golden 36).

Not compared are ids, states, versions and times, and meta keys of the servers' own, those of tasks too; resources
compare without case. Both releases that have the route agree on all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator_stub.domain.job import Constraint, Job, Resources, SpecConfig
from orchestrator_stub.domain.normalise import RESERVED_META
from orchestrator_stub.wire.diff_report import report
from orchestrator_stub.wire.diff_tree import ANY_MAP, INT, STRING, TEXTS, GoField, GoType, Typed, compare

NO_NETWORK = "Default"
"""The network word that is Go's zero value in the releases that compare jobs."""


@dataclass(frozen=True, slots=True)
class _AsConverted(SpecConfig):
    """A type and parameters that were made after the job was normalised: an absent map stays absent."""


def job_diff(stored: Job, submitted: Job, converted_inputs: int | None = None) -> str:
    """How a submission would change a job; "" when it would not.

    Both are normalised. `converted_inputs`: how many of the submission's last inputs came from a wasm module in the
    form of up to 1.6, None when it has no such module. What a server converts keeps its Go types until it is stored,
    so such a submission differs even from itself.
    """
    new = submitted if converted_inputs is None else _converted(submitted, converted_inputs)
    return report(compare(_pointer(JOB), stored, new))


def _converted(job: Job, inputs: int) -> Job:
    """The job with the Go types that a conversion leaves."""
    task = job.task
    params = {
        key: Typed(TEXTS, value) if value is None or isinstance(value, list) else value
        for key, value in (task.engine.params or {}).items()
    }
    kept = len(task.input_sources) - inputs
    made = [replace(each, source=_as_converted(each.source)) for each in task.input_sources[kept:]]
    task = replace(
        task,
        engine=SpecConfig(task.engine.type, params),
        input_sources=(*task.input_sources[:kept], *made),
    )
    return replace(job, tasks=(task, *job.tasks[1:]))


def _as_converted(spec: SpecConfig) -> SpecConfig:
    return _AsConverted(spec.type, spec.params)


def _pointer(
    type_: GoType,
    *,
    words: Callable[[Any], str] | None = None,
    seen_as: tuple[str, Callable[[Any], Any]] | None = None,
) -> GoType:
    return GoType("", "pointer", type_, words=words, seen_as=seen_as)


def _list(type_: GoType, name: str) -> GoType:
    return GoType(name, "slice", type_)


def _map(type_: GoType, hides: Callable[[str], bool] | None = None) -> GoType:
    return GoType(f"map[string]{type_.name}", "map", type_, hides=hides)


def _struct(name: str, *fields: GoField) -> GoType:
    return GoType(name, "struct", fields=fields)


def _field(name: str, type_: GoType, attribute: str) -> GoField:
    return GoField(name, type_, lambda owner: getattr(owner, attribute))


def _unread(name: str) -> GoField:
    return GoField(name, STRING, ignored=True)


def _params(spec: SpecConfig) -> Mapping[str, Any] | None:
    return spec.params if isinstance(spec, _AsConverted) else spec.params or {}


def _requirement(constraint: Constraint) -> str:
    return f"{constraint.key} {constraint.operator} {'|'.join(constraint.values)}"


def _lower(resources: Resources) -> Resources:
    given = (resources.cpu, resources.memory, resources.disk, resources.gpu)
    return Resources(*(text.lower() for text in given))



_INT64 = GoType("int64", "int")
_META = _map(STRING, hides=lambda key: key.startswith(RESERVED_META))
_ENV = _map(GoType("models.EnvVarValue", "string", words=str))
_SPEC = _pointer(
    _struct("models.SpecConfig", _field("Type", STRING, "type"), GoField("Params", ANY_MAP, _params))
)
_CONSTRAINT = _pointer(
    _struct(
        "models.LabelSelectorRequirement",
        _field("Key", STRING, "key"),
        _field("Operator", GoType("selection.Operator", "string"), "operator"),
        GoField("Values", TEXTS, lambda constraint: constraint.values or None),
    ),
    words=_requirement,
)
_INPUT = _pointer(
    _struct(
        "models.InputSource",
        _field("Source", _SPEC, "source"),
        _field("Alias", STRING, "alias"),
        _field("Target", STRING, "target"),
    )
)
_RESULT = _pointer(_struct("models.ResultPath", _field("Name", STRING, "name"), _field("Path", STRING, "path")))
_RESOURCES = _pointer(
    _struct(
        "models.ResourcesConfig",
        _field("CPU", STRING, "cpu"),
        _field("Memory", STRING, "memory"),
        _field("Disk", STRING, "disk"),
        _field("GPU", STRING, "gpu"),
    ),
    seen_as=("ResourcesConfigCaseInsensitive", _lower),
)
_PORT = _pointer(
    _struct(
        "models.Port",
        _field("Name", STRING, "name"),
        _field("Static", INT, "static"),
        _field("Target", INT, "target"),
        _field("HostNetwork", STRING, "host_network"),
    )
)
_NETWORK = _pointer(
    _struct(
        "models.NetworkConfig",
        _field("Type", GoType("models.Network", "int", words=str, zero=NO_NETWORK), "type"),
        _field("Domains", TEXTS, "domains"),
        _field("Ports", _list(_PORT, "models.PortMap"), "ports"),
    )
)
_TIMEOUTS = _pointer(
    _struct(
        "models.TimeoutConfig",
        _field("ExecutionTimeout", _INT64, "execution"),
        _field("QueueTimeout", _INT64, "queue"),
        _field("TotalTimeout", _INT64, "total"),
    )
)
_TASK = _pointer(
    _struct(
        "models.Task",
        _field("Name", STRING, "name"),
        _field("Engine", _SPEC, "engine"),
        _field("Publisher", _SPEC, "publisher"),
        _field("Env", _ENV, "env"),
        _field("Meta", _META, "meta"),
        _field("InputSources", _list(_INPUT, "[]*models.InputSource"), "input_sources"),
        _field("ResultPaths", _list(_RESULT, "[]*models.ResultPath"), "result_paths"),
        _field("ResourcesConfig", _RESOURCES, "resources"),
        _field("Network", _NETWORK, "network"),
        _field("Timeouts", _TIMEOUTS, "timeouts"),
    )
)
JOB = _struct(
    "models.Job",
    _unread("ID"),
    _field("Name", STRING, "name"),
    _field("Namespace", STRING, "namespace"),
    _field("Type", STRING, "type"),
    _field("Priority", INT, "priority"),
    _field("Count", INT, "count"),
    _field("Constraints", _list(_CONSTRAINT, "[]*models.LabelSelectorRequirement"), "constraints"),
    _field("Meta", _META, "meta"),
    _field("Labels", _map(STRING), "labels"),
    _field("Tasks", _list(_TASK, "[]*models.Task"), "tasks"),
    *(_unread(name) for name in ("State", "Version", "Revision", "CreateTime", "ModifyTime")),
)
"""A job as the servers' programs declare it: names and order of the fields, and how their values are told."""
