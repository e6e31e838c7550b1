"""Jobs: from what `unmarshal` read to the domain's job, and back to the released servers' keys (fact sheet 3.1-3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator_stub.domain.errors import HandlerPanicError, OrchestratorError
from orchestrator_stub.domain.job import (
    Constraint,
    InputSource,
    Job,
    Network,
    Port,
    Resources,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)
from orchestrator_stub.domain.normalise import trimmed
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.wire.gojson import sorted_map

Fields = Mapping[str, Any]


def parse_job(fields: Fields | None, release: Release) -> Job:
    """The job of a submission, as submitted (ids, state, version and times too).

    :raises OrchestratorError: there is no job (400).
    :raises HandlerPanicError: a null stands where a part of the job belongs (FINDINGS 1 row 4.3).
    """
    if fields is None:
        raise OrchestratorError(400, "empty/nil job")
    state = fields.get("State") or {}
    tasks = tuple(_task(part) for part in _parts(fields, "Tasks"))
    return Job(
        id=fields.get("ID") or "",
        name=fields.get("Name") or "",
        namespace=fields.get("Namespace") or "",
        type=fields.get("Type") or "",
        priority=fields.get("Priority") or 0,
        count=fields.get("Count"),
        constraints=tuple(_constraint(part) for part in _parts(fields, "Constraints")),
        meta=fields.get("Meta") or {},
        labels=fields.get("Labels") or {},
        tasks=tuple(trimmed(task) for task in tasks) if release.normalised_first else tasks,
        state=state.get("StateType") or JobState.UNDEFINED,
        message=state.get("Message") or "",
        version=fields.get("Version") or 0,
        revision=fields.get("Revision") or 0,
        create_time=fields.get("CreateTime") or 0,
        modify_time=fields.get("ModifyTime") or 0,
    )


def _parts(fields: Fields, name: str) -> list[Fields]:
    parts: list[Fields | None] = fields.get(name) or []
    found = [part for part in parts if part is not None]
    if len(found) != len(parts):
        raise HandlerPanicError
    return found


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    """A list of texts; null elements are empty ones."""
    return tuple(text or "" for text in fields.get(name) or ())


def _constraint(fields: Fields) -> Constraint:
    values = _texts(fields, "Values")
    empty_list = not values and fields.get("Values") is not None
    return Constraint(fields.get("Key") or "", fields.get("Operator") or "", values, empty_list)


def _spec(fields: Fields | None) -> SpecConfig:
    if fields is None:
        return SpecConfig(absent=True)
    return SpecConfig(fields.get("Type") or "", fields.get("Params"))


def _task(fields: Fields) -> Task:
    resources, timeouts = fields.get("Resources") or {}, fields.get("Timeouts") or {}
    return Task(
        name=fields.get("Name") or "",
        engine=_spec(fields.get("Engine")),
        publisher=_spec(fields.get("Publisher")),
        env=fields.get("Env") or {},
        meta=fields.get("Meta") or {},
        input_sources=tuple(
            InputSource(_spec(part.get("Source")), part.get("Target") or "", part.get("Alias") or "")
            for part in _parts(fields, "InputSources")
        ),
        result_paths=tuple(
            ResultPath(part.get("Name") or "", part.get("Path") or "") for part in _parts(fields, "ResultPaths")
        ),
        resources=Resources(*(resources.get(name) or "" for name in ("CPU", "Memory", "Disk", "GPU"))),
        network=_network(fields.get("Network") or {}),
        timeouts=Timeouts(
            *(timeouts.get(name) or 0 for name in ("ExecutionTimeout", "QueueTimeout", "TotalTimeout"))
        ),
    )


def _network(fields: Fields) -> Network:
    ports = tuple(
        Port(part.get("Name") or "", part.get("Static") or 0, part.get("Target") or 0, part.get("HostNetwork") or "")
        for part in _parts(fields, "Ports")
    )
    return Network(fields.get("Type") or "", _texts(fields, "Domains"), ports)


def job_fields(job: Job) -> dict[str, Any]:
    """A job in the released servers' keys and order."""
    return {
        "ID": job.id,
        "Name": job.name,
        "Namespace": job.namespace,
        "Type": job.type,
        "Priority": job.priority,
        "Count": job.count or 0,
        "Constraints": [constraint_fields(constraint) for constraint in job.constraints],
        "Meta": sorted_map(job.meta),
        "Labels": sorted_map(job.labels),
        "Tasks": [_task_fields(task) for task in job.tasks],
        "State": state_fields(job.state.value, job.message, job.state_details),
        "Version": job.version,
        "Revision": job.revision,
        "CreateTime": job.create_time,
        "ModifyTime": job.modify_time,
    }


def state_fields(state: str | int, message: str = "", details: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A state; message and details only where there are any."""
    fields: dict[str, Any] = {"StateType": state}
    if message:
        fields["Message"] = message
    if details:
        fields["Details"] = sorted_map(details)
    return fields


def spec_fields(spec: SpecConfig) -> dict[str, Any]:
    """A type with its parameters, if any."""
    return {"Type": spec.type, "Params": sorted_map(spec.params)} if spec.params else {"Type": spec.type}


def constraint_fields(constraint: Constraint) -> dict[str, Any]:
    """A constraint; values only where there are any."""
    fields: dict[str, Any] = {"Key": constraint.key, "Operator": constraint.operator}
    if constraint.values:
        fields["Values"] = list(constraint.values)
    return fields


def _task_fields(task: Task) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "Name": task.name,
        "Engine": spec_fields(task.engine),
        "Publisher": spec_fields(task.publisher),
    }
    if task.env:
        fields["Env"] = sorted_map(task.env)
    if task.meta:
        fields["Meta"] = sorted_map(task.meta)
    if task.input_sources:
        fields["InputSources"] = [
            {"Source": spec_fields(s.source), "Alias": s.alias, "Target": s.target} for s in task.input_sources
        ]
    if task.result_paths:
        fields["ResultPaths"] = [{"Name": path.name, "Path": path.path} for path in task.result_paths]
    resources = task.resources
    fields["Resources"] = _given(
        {"CPU": resources.cpu, "Memory": resources.memory, "Disk": resources.disk, "GPU": resources.gpu}
    )
    fields["Network"] = network_fields(task.network)
    fields["Timeouts"] = timeouts_fields(task.timeouts)
    return fields


def network_fields(network: Network) -> dict[str, Any]:
    """A task's network."""
    fields: dict[str, Any] = {"Type": network.type}
    if network.domains:
        fields["Domains"] = list(network.domains)
    if network.ports:
        fields["Ports"] = [
            {"Name": port.name}
            | _given({"Static": port.static, "Target": port.target, "HostNetwork": port.host_network})
            for port in network.ports
        ]
    return fields


def timeouts_fields(limits: Timeouts) -> dict[str, Any]:
    """A task's limits; only those that are set."""
    return _given(
        {"ExecutionTimeout": limits.execution, "QueueTimeout": limits.queue, "TotalTimeout": limits.total}
    )


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    """Without the empty ones."""
    return {key: value for key, value in fields.items() if value}
