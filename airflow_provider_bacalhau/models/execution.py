"""One run of a job on one node."""

from __future__ import annotations

from typing import Any

from airflow_provider_bacalhau.models.base import WireModel, fold, part, text
from airflow_provider_bacalhau.models.capabilities import UNKNOWN, Capabilities
from airflow_provider_bacalhau.models.enums import TERMINAL_COMPUTE_STATES, ComputeState, DesiredState
from airflow_provider_bacalhau.models.results import PublishedResult

ENDED_UNEXPECTEDLY = "execution completed unexpectedly"
"""Message of a service or daemon execution whose program ended; its output is real (FINDINGS-docker 5)."""

_COMPUTE_NUMBERS = {state.value: number for number, state in enumerate(ComputeState)}
_DESIRED_NUMBERS = {state.value: number for number, state in enumerate(DesiredState)}


class Execution(WireModel):
    """An execution. States are names; times are nanoseconds since 1970 by the server's clock.

    `stdout` and `stderr` are what the server kept: at most 2,048 bytes each, of wasm often less without
    `stdout_truncated` (FINDINGS 2).
    """

    id: str
    job_id: str = ""
    namespace: str = ""
    node_id: str = ""
    eval_id: str = ""
    job_version: int = 0
    partition: int = 0
    desired_state: str = "Pending"
    desired_message: str = ""
    compute_state: str = "Undefined"
    compute_message: str = ""
    published: PublishedResult | None = None
    stdout: str = ""
    stdout_truncated: bool = False
    stderr: str = ""
    stderr_truncated: bool = False
    exit_code: int = 0
    error: str = ""
    revision: int = 0
    create_time: int = 0
    modify_time: int = 0

    @classmethod
    def read(cls, data: Any, capabilities: Capabilities = UNKNOWN) -> Execution:
        """Read the JSON object of any release; integers are translated by `capabilities`.

        :raises ValueError: it is not an execution (no object, no id, a field of a wrong type).
        """
        wire = fold(data)
        desired, compute, output = part(wire, "desiredstate"), part(wire, "computestate"), part(wire, "runoutput")
        published = PublishedResult.read(wire.get("publishedresult", {}))
        return cls(
            id=wire.get("id", None),
            job_id=wire.get("jobid", ""),
            namespace=wire.get("namespace", ""),
            node_id=wire.get("nodeid", ""),
            eval_id=wire.get("evalid", ""),
            job_version=wire.get("jobversion", 0),
            partition=wire.get("partitionindex", 0),
            desired_state=capabilities.desired_state(desired.get("statetype", 0)),
            desired_message=text(desired.get("message")),
            compute_state=capabilities.compute_state(compute.get("statetype", 0)),
            compute_message=text(compute.get("message")),
            published=published if published.type else None,
            stdout=output.get("stdout", ""),
            stdout_truncated=output.get("stdouttruncated", False),
            stderr=output.get("stderr", ""),
            stderr_truncated=output.get("stderrtruncated", False),
            exit_code=output.get("exitcode", 0),
            error=output.get("errormsg", output.get("runnererror", "")),
            revision=wire.get("revision", 0),
            create_time=wire.get("createtime", 0),
            modify_time=wire.get("modifytime", 0),
        )

    @property
    def is_terminal(self) -> bool:
        """It ended or was refused. An unknown state is not terminal: one keeps looking."""
        return self.compute_state in TERMINAL_COMPUTE_STATES

    @property
    def is_live(self) -> bool:
        """It runs, waits to run, or may still: neither ended nor wanted to stop."""
        return not self.is_terminal and self.desired_state != DesiredState.STOPPED

    @property
    def reported_exit_code(self) -> int | None:
        """The program's exit code where the server has one, else None.

        Failed, timed-out and stopped executions send 0, which means nothing (FINDINGS); -1 of a wasm module that
        returned from `_start` stays -1 here.
        """
        if self.compute_state == ComputeState.COMPLETED:
            return self.exit_code
        if self.compute_state == ComputeState.FAILED and self.compute_message == ENDED_UNEXPECTEDLY:
            return self.exit_code
        return None

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON values in the spelling and with the integers of 1.9.3, whatever the server's release.

        The job that 1.8+ repeats in every execution is left out.
        """
        return {
            "ID": self.id,
            "Namespace": self.namespace,
            "EvalID": self.eval_id,
            "NodeID": self.node_id,
            "JobID": self.job_id,
            "JobVersion": self.job_version,
            "DesiredState": _state(_DESIRED_NUMBERS, self.desired_state, self.desired_message),
            "ComputeState": _state(_COMPUTE_NUMBERS, self.compute_state, self.compute_message),
            "PublishedResult": self.published.to_plain() if self.published else {"Type": ""},
            "RunOutput": {
                "Stdout": self.stdout,
                "StdoutTruncated": self.stdout_truncated,
                "stderr": self.stderr,
                "StderrTruncated": self.stderr_truncated,
                "ExitCode": self.exit_code,
                "ErrorMsg": self.error,
            },
            "PartitionIndex": self.partition,
            "Revision": self.revision,
            "CreateTime": self.create_time,
            "ModifyTime": self.modify_time,
        }


def _state(numbers: dict[str, int], name: str, message: str) -> dict[str, Any]:
    return {"StateType": numbers.get(name, name)} | ({"Message": message} if message else {})
