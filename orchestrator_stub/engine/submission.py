"""From a parsed job to one that may be stored (fact sheet 4): checked, cleaned, completed. Pure but for the ids."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import InputSource, Job, Resources, SpecConfig, Task
from orchestrator_stub.domain.normalise import RESERVED_META, normalise, sanitise
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.validation import refuse_unstorable, validate
from orchestrator_stub.engine.ids import Ids


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that may be stored, and what its submitter is told."""

    job: Job
    warnings: tuple[str, ...]
    converted_inputs: int | None = None
    """How many of the task's last inputs were made of a wasm module in the form of up to 1.6; None when the job has
    no such module."""
    empty_list: bool = False
    """A constraint has a list of values without elements."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """Answer to an accepted job."""

    job_id: str
    eval_id: str
    job: Job
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rerun:
    """Answer to an accepted rerun (1.8+)."""

    job_id: str
    eval_id: str
    job_version: int


class Reception:
    """Takes submissions in."""

    def __init__(
        self,
        release: Release,
        ids: Ids,
        node_id: str,
        hint: Callable[[Task], str],
        fate: Callable[[Job], str] = lambda _: "",
    ) -> None:
        """Ready to take in.

        :param hint: a warning for whoever submits a job with such a task, "" when there is none
        :param fate: a warning in the place of that for a job that is not run but played
        """
        self._release = release
        self._hint = hint
        self._fate = fate
        self._ids = ids
        self._server_meta = {f"{RESERVED_META}requester.id": node_id}
        if release.page_shapes:
            self._server_meta[f"{RESERVED_META}requester.publicKey"] = b64encode(bytes.fromhex(ids.instance())).decode()
        else:
            self._server_meta[f"{RESERVED_META}orchestrator.id"] = node_id
            self._server_meta[f"{RESERVED_META}server.instance.id"] = ids.instance()

    def prepare(self, job: Job, given: frozenset[str], client_meta: Mapping[str, str]) -> Prepared:
        """`client_meta`: what the request's headers say about the client, under their full keys.

        Raises OrchestratorError 400 with all problems.
        """
        problems = validate(job, self._release)
        if problems:
            raise OrchestratorError(400, "\n".join(problems))
        job, warnings = sanitise(job, self._release, given)
        empty_list = any(one.empty_list for one in job.constraints)
        given_task, job = job.task, normalise(job, self._release)
        converted = None
        if (job.task.engine.params or None) != (given_task.engine.params or None):
            converted = len(job.task.input_sources) - len(given_task.input_sources)
        job_id = job.id or self._ids.job()
        job = replace(
            job, id=job_id, name=job.name or job_id, meta={**job.meta, **client_meta, **self._server_meta}
        )
        hint = self._fate(job) or self._hint(job.task)
        return Prepared(job, (*warnings, hint) if hint else warnings, converted, empty_list)


def refuse(job: Job) -> None:
    """What the store refuses. Raises OrchestratorError 400."""
    refuse_unstorable(job)


def unknown_name(job: Job) -> OrchestratorError:
    """404 where a job is looked up by its name and namespace alone (1.8+, golden 36)."""
    text = f"job name index not found: {job.name}:{job.namespace}"
    return OrchestratorError(404, text, code="NotFound", component="JobStore")


def is_repetition(stored: Job, submitted: Prepared) -> bool:
    """True when a submission changes nothing of a job.

    One whose wasm module was converted always changes it: until a job is stored, what was made of its module has
    other types than what is read from the store (pkg/orchestrator/transformer/wasm_legacy.go of 1.8 and 1.9). So does
    one with an empty list of a constraint's values: what is read from the store has none.
    """
    if submitted.converted_inputs is not None or submitted.empty_list:
        return False
    return same_spec(stored, submitted.job)


def same_spec(one: Job, other: Job) -> bool:
    """True when nothing differs that a server calls a change (fact sheet 4.7): ids, states, versions, times and the
    servers' own meta, of job or task, do not count, resources compare without case."""
    return _compared(one) == _compared(other)


def _compared(job: Job) -> tuple[object, ...]:
    meta, tasks = _users_own(job.meta), tuple(_compared_task(task) for task in job.tasks)
    return job.name, job.namespace, job.type, job.priority, job.count, job.constraints, meta, job.labels, tasks


def _compared_task(task: Task) -> Task:
    given = task.resources
    return replace(
        task,
        engine=_exact_spec(task.engine),
        publisher=_exact_spec(task.publisher),
        input_sources=tuple(_exact_input(source) for source in task.input_sources),
        meta=_users_own(task.meta),
        resources=Resources(given.cpu.lower(), given.memory.lower(), given.disk.lower(), given.gpu.lower()),
    )


def _users_own(meta: Mapping[str, str]) -> Mapping[str, str]:
    return {key: value for key, value in meta.items() if not key.startswith(RESERVED_META)}


def _exact_input(source: InputSource) -> InputSource:
    return replace(source, source=_exact_spec(source.source))


def _exact_spec(spec: SpecConfig) -> SpecConfig:
    return replace(spec, params=_exact(spec.params or {}))


def _exact(value: Any) -> Any:
    """JSON whose truth values are no numbers: to Python `true` is 1."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    return [_exact(item) for item in value] if isinstance(value, list | tuple) else value
