"""How a submitted job becomes the job that is kept (fact sheet 4.1, 4.2, 4.4, 4.5; goldens 27, 29)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator_stub.domain.job import InputSource, Job, Network, Resources, ResultPath, SpecConfig, Task, Timeouts
from orchestrator_stub.domain.quantity import tidy
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.states import JobState, JobType

RESERVED_META = "bacalhau.org/"
"""Job meta keys that start so belong to the server."""
DEFAULT_NAMESPACE = "default"
DEFAULT_CPU = "500m"
PAGE_EXECUTION_TIMEOUT = 1800
"""Seconds; what the user's document shows for a task without limit (also for 0 and less, FINDINGS-1.1.0 section 3)."""


def sanitise(
    job: Job,
    release: Release,  # noqa: ARG001 - every step of a submission gets it; all releases agree on this one
    given: frozenset[str] = frozenset(),
) -> tuple[Job, tuple[str, ...]]:
    """Drop what users must not set; returns the job without it and the warnings in the servers' order.

    A job without name is named after the submitted id first, even where that id is ignored (FINDINGS 1 row 4.2).
    `given` names further fields that were submitted and are ignored; released servers have none.
    """
    warnings = [
        f"job {words} is ignored when submitting a job"
        for words, submitted in (
            ("state", job.state is not JobState.UNDEFINED or "state" in given),
            ("revision", job.revision),
            ("version", job.version),
            ("create time", job.create_time),
            ("modify time", job.modify_time),
        )
        if submitted
    ]
    name, job_id = job.name or job.id, job.id
    if job.id and job.type in (JobType.BATCH, JobType.OPS):
        warnings.append("job ID is ignored when submitting a batch job")
        job_id = ""
    if len(job.tasks) > 1:
        warnings.append("only one task is supported per job")
    warnings += [f'job meta key "{key}" is reserved and will be ignored' for key in job.meta if _reserved(key)]
    clean = replace(
        job,
        id=job_id,
        name=name,
        tasks=job.tasks[:1],
        meta={key: value for key, value in job.meta.items() if not _reserved(key)},
        state=JobState.UNDEFINED,
        message="",
        state_details={},
        version=0,
        revision=0,
        create_time=0,
        modify_time=0,
    )
    return clean, tuple(warnings)


def _reserved(key: str) -> bool:
    return key.startswith(RESERVED_META)


def normalise(job: Job, release: Release) -> Job:
    """The job as it is kept: defaults filled in, texts trimmed; doing it twice changes nothing.

    Its name stays empty when it has neither name nor id; the id that the server gives becomes the name later.
    """
    return replace(
        job,
        name=job.name or job.id,
        namespace=job.namespace or DEFAULT_NAMESPACE,
        constraints=tuple(replace(one, empty_list=False) for one in job.constraints),
        count=_count(job, release),
        tasks=tuple(_task(task, release) for task in job.tasks),
    )


def _count(job: Job, release: Release) -> int:
    if job.type in (JobType.OPS, JobType.DAEMON):
        return job.count or release.everywhere_count if release.everywhere_count else 0
    return release.missing_count if job.count is None else job.count


def trimmed(task: Task) -> Task:
    """The part of normalising that needs no defaults: blanks and case (what servers up to 1.6 do before they check)."""
    return replace(
        task,
        engine=_spec(task.engine),
        publisher=_spec(task.publisher),
        input_sources=tuple(
            InputSource(_spec(s.source), s.target.strip(), s.alias.strip()) for s in task.input_sources
        ),
        result_paths=tuple(ResultPath(p.name.strip(), p.path.strip()) for p in task.result_paths),
        resources=Resources(*(tidy(text) for text in _texts(task.resources))),
        network=replace(task.network, domains=tuple(d.lower().strip() for d in task.network.domains)),
    )


def _task(task: Task, release: Release) -> Task:
    task = trimmed(task)
    if release.wasm_module_path and task.engine.type.lower() == "wasm":
        task = _with_module_path(task)
    return replace(
        task,
        engine=SpecConfig(task.engine.type, task.engine.params),
        resources=_resources(task.resources, release),
        network=_network(task.network, release),
        timeouts=_timeouts(task.timeouts, release),
    )


def _texts(resources: Resources) -> tuple[str, str, str, str]:
    return resources.cpu, resources.memory, resources.disk, resources.gpu


def _spec(spec: SpecConfig) -> SpecConfig:
    return SpecConfig(spec.type.strip(), spec.params or None, spec.absent)


def _resources(resources: Resources, release: Release) -> Resources:
    if release.page_shapes:  # the page prints what was asked for: empty texts
        return resources
    return replace(
        resources, cpu=resources.cpu or DEFAULT_CPU, memory=resources.memory or tidy(release.default_memory)
    )


def _network(network: Network, release: Release) -> Network:
    """`Ports` is a word that only servers with Host or Bridge networks know."""
    ports = network.ports if "Bridge" in release.networks else ()
    return replace(network, type=network.type or release.default_network, ports=ports)


def _timeouts(limits: Timeouts, release: Release) -> Timeouts:
    if release.page_shapes and limits.execution <= 0:
        return replace(limits, execution=PAGE_EXECUTION_TIMEOUT)
    return limits


def _with_module_path(task: Task) -> Task:
    """The object form of EntryModule and ImportModules (up to 1.6) as input sources and paths (fact sheet 3.4)."""
    params = {key.lower(): value for key, value in (task.engine.params or {}).items()}
    module, imports = params.get("entrymodule"), params.get("importmodules") or []
    has_objects = isinstance(imports, list) and any(isinstance(item, dict) for item in imports)
    if not isinstance(module, dict) and not has_objects:
        return task
    sources = list(task.input_sources)
    path = _moved(module, "/wasm/entry.wasm", sources) if isinstance(module, dict) else ""
    paths = [
        _moved(item, f"/wasm/imports/module_{number}.wasm", sources)
        for number, item in enumerate(imports if isinstance(imports, list) else [])
        if isinstance(item, dict)
    ]
    converted = {
        "EntryModule": path,
        "Entrypoint": params.get("entrypoint") or "",
        "ImportModules": paths or None,
        "Parameters": params.get("parameters") or None,
    }
    return replace(task, engine=SpecConfig(task.engine.type, converted), input_sources=tuple(sources))


def _moved(module: Mapping[str, Any], default_target: str, sources: list[InputSource]) -> str:
    fields = {key.lower(): value for key, value in module.items()}
    given = fields.get("source")
    source = {key.lower(): value for key, value in given.items()} if isinstance(given, dict) else {}
    target = str(fields.get("target") or default_target)
    params = source.get("params")
    spec = SpecConfig(str(source.get("type", "")), params if isinstance(params, dict) else None)
    sources.append(InputSource(spec, target, str(fields.get("alias") or "")))
    return target
