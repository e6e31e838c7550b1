"""From a parsed job to one that may be stored (fact sheet 4): checked, cleaned, completed. Pure but for the ids."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Job, Resources, Task
from orchestrator_stub.domain.normalise import RESERVED_META, normalise, sanitise
from orchestrator_stub.domain.release import Release
from orchestrator_stub.domain.validation import refuse_unstorable, validate
from orchestrator_stub.engine.ids import Ids


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that may be stored, and what its submitter is told."""

    job: Job
    warnings: tuple[str, ...]


class Reception:
    """Takes submissions in."""

    def __init__(self, release: Release, ids: Ids, node_id: str, hints: Mapping[str, str]) -> None:
        """`hints`: engine type -> a warning for whoever submits such a job."""
        self._release = release
        self._hints = hints
        self._ids = ids
        self._server_meta = {f"{RESERVED_META}requester.id": node_id}
        if release.page_shapes:
            self._server_meta[f"{RESERVED_META}requester.publicKey"] = b64encode(bytes.fromhex(ids.hash64())).decode()
        else:
            self._server_meta[f"{RESERVED_META}orchestrator.id"] = node_id
            self._server_meta[f"{RESERVED_META}server.instance.id"] = ids.hash64()

    def prepare(self, job: Job, given: frozenset[str], client_meta: Mapping[str, str]) -> Prepared:
        """`client_meta`: what the request's headers say about the client, under their full keys.

        Raises OrchestratorError 400 with all problems.
        """
        problems = validate(job, self._release)
        if problems:
            raise OrchestratorError(400, "\n".join(problems))
        job, warnings = sanitise(job, self._release, given)
        job = normalise(job, self._release)
        job_id = job.id or self._ids.job()
        job = replace(
            job, id=job_id, name=job.name or job_id, meta={**job.meta, **client_meta, **self._server_meta}
        )
        hint = self._hints.get(job.task.engine.type.lower())
        return Prepared(job, (*warnings, hint) if hint else warnings)


def refuse(job: Job) -> None:
    """What the store refuses. Raises OrchestratorError 400."""
    refuse_unstorable(job)


def same_spec(one: Job, other: Job) -> bool:
    """True when nothing differs that a server calls a change (fact sheet 4.7): ids, states, versions, times and the
    servers' own meta do not count, resources compare without case."""
    return _compared(one) == _compared(other)


def _compared(job: Job) -> tuple[object, ...]:
    meta = {key: value for key, value in job.meta.items() if not key.startswith(RESERVED_META)}
    tasks = tuple(_lower_resources(task) for task in job.tasks)
    return job.name, job.namespace, job.type, job.priority, job.count, job.constraints, meta, job.labels, tasks


def _lower_resources(task: Task) -> Task:
    given = task.resources
    lower = Resources(given.cpu.lower(), given.memory.lower(), given.disk.lower(), given.gpu.lower())
    return replace(task, resources=lower)
