"""The error tree. Nothing here knows Airflow; `hooks/outcome.py` alone turns these into Airflow's exceptions.

    BacalhauError
    ├── ConfigError          a connection or argument is wrong; nothing was sent
    │   └── SpecError        a job spec is wrong; carries the path in the spec
    ├── ApiError             a request had no usable answer
    │   ├── Unreachable      no connection, or it broke before an answer (the request may have had its effect)
    │   ├── Rejected         the server refused the request (4xx)
    │   │   ├── AuthError    who we are, or what we may do
    │   │   └── NotFound     no such job, node or route
    │   ├── Conflict         the object is not in a state for that (Bacalhau says 409 or 500)
    │   ├── ServerFault      5xx that says nothing about the request
    │   └── BrokenContract   an answer that cannot be understood
    ├── ResultError          a published result cannot be had
    │   ├── HostRefused      its URL points where it must not
    │   └── ArchiveRefused   it is an archive that must not be unpacked
    ├── AttemptOver          this try may not go on: another one took over, or the task was told to end
    └── JobError             a job did not do what the task wanted
        ├── BacalhauJobFailed
        ├── BacalhauJobStopped
        ├── BacalhauJobTimedOut
        └── BacalhauJobLost
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class BacalhauError(Exception):
    """Base of all errors of this provider. The text is one sentence with the cause and the next step."""


class ConfigError(BacalhauError):
    """A connection field or an argument is wrong; the text names it."""


class SpecError(ConfigError):
    """A job spec is wrong.

    :param problems: one text each, "path: what is wrong, what would be right".
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("The job spec was not submitted: " + "; ".join(self.problems))


class ApiError(BacalhauError):
    """A request had no usable answer; keeps all that the server said about it."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        component: str = "",
        hint: str = "",
        request_id: str = "",
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.component = component
        self.hint = hint
        self.request_id = request_id
        self.details: Mapping[str, str] = details or {}


class Unreachable(ApiError):
    """No connection, or it broke before an answer. `maybe_applied`: the request may have had its effect even so."""

    def __init__(self, message: str, *, maybe_applied: bool = False, request_id: str = "") -> None:
        super().__init__(message, request_id=request_id)
        self.maybe_applied = maybe_applied


class Rejected(ApiError):
    """The server refused the request; repeating it unchanged will not help."""


class AuthError(Rejected):
    """The credential is missing, wrong or not allowed to do this."""


class NotFound(Rejected):
    """There is no such job, execution, node or route."""


class Conflict(ApiError):
    """The object is not in a state for the request: a name in use, no changes detected, a job that already ended."""


class ServerFault(ApiError):
    """The server failed; for a write its effect is not known. `retry_after` is the server's own wish in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class BrokenContract(ApiError):
    """The answer is not what a Bacalhau server sends (not JSON, truncated, another service)."""


class ResultError(BacalhauError):
    """A published result cannot be had."""


class HostRefused(ResultError):
    """A result's URL points to a host that is not allowed."""


class ArchiveRefused(ResultError):
    """An archive holds what must not be unpacked; nothing was written."""


class AttemptOver(BacalhauError):
    """This try may not go on and submits nothing more: another try took the task over, or it was told to end."""


class JobError(BacalhauError):
    """A job did not do what the task wanted. The text is the block that users read in the task log.

    :param facts: plain values of the verdict, see `lifecycle.verdict.Verdict`.
    """

    def __init__(
        self,
        text: str,
        *,
        summary: str = "",
        kind: str = "",
        job_id: str = "",
        namespace: str = "",
        exit_codes: Sequence[int] = (),
        executions: Sequence[Mapping[str, Any]] = (),
        stderr_tail: str = "",
        scheduler_reasons: Sequence[str] = (),
        link: str = "",
        retryable: bool = True,
    ) -> None:
        super().__init__(text)
        self.summary = summary or text.splitlines()[0]
        self.kind = kind
        self.job_id = job_id
        self.namespace = namespace
        self.exit_codes = tuple(exit_codes)
        self.executions = tuple(executions)
        self.stderr_tail = stderr_tail
        self.scheduler_reasons = tuple(scheduler_reasons)
        self.link = link
        self.retryable = retryable


class BacalhauJobFailed(JobError):
    """The job ended Failed, or Completed with an exit code that fails the task."""


class BacalhauJobStopped(JobError):
    """The job was stopped by somebody else."""


class BacalhauJobTimedOut(JobError):
    """A deadline passed; the text says which phase took how long."""


class BacalhauJobLost(JobError):
    """The server no longer knows the job."""
