"""One attempt to run a job's task on one node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator_stub.domain.job import Job, SpecConfig
from orchestrator_stub.domain.states import ComputeState, DesiredState


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a task printed, as far as the wire carries it (FINDINGS-docker section 3: first 2,048 bytes a stream)."""

    stdout: str = ""
    stdout_truncated: bool = False
    stderr: str = ""
    stderr_truncated: bool = False
    exit_code: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution. `partition` counts from 0; all times are unix nanoseconds."""

    id: str
    namespace: str
    eval_id: str
    node_id: str
    job_id: str
    job: Job
    """The job as it was when this execution was placed (released servers from 1.8 on show it)."""
    job_version: int
    partition: int = 0
    desired: DesiredState = DesiredState.PENDING
    desired_message: str = ""
    compute: ComputeState = ComputeState.NEW
    compute_message: str = ""
    compute_details: Mapping[str, str] = field(default_factory=dict)
    published: SpecConfig = SpecConfig()
    output: RunOutput | None = None
    revision: int = 1
    create_time: int = 0
    modify_time: int = 0

    @property
    def is_live(self) -> bool:
        """True while the execution may still run."""
        return not self.compute.is_terminal
