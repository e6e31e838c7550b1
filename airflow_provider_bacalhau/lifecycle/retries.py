"""Which failures another try can mend: the one table behind AirflowFailException, `BacalhauRetryPolicy` and the README.

What has to be changed by somebody first - a spec, an argument, a credential - is never retried. The
delays are suggestions of the retry policy; without it Airflow's own `retry_delay` holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from airflow_provider_bacalhau.errors import (
    ApiError,
    ArchiveRefused,
    AttemptOver,
    AuthError,
    BacalhauError,
    BacalhauJobFailed,
    BacalhauJobLost,
    BacalhauJobStopped,
    BacalhauJobTimedOut,
    BrokenContract,
    ConfigError,
    Conflict,
    HostRefused,
    JobError,
    NotFound,
    Rejected,
    ResultError,
    ServerFault,
    SpecError,
    Unreachable,
)

ERRORS = MappingProxyType(
    {
        "failed": BacalhauJobFailed,
        "stopped": BacalhauJobStopped,
        "timed_out": BacalhauJobTimedOut,
        "lost": BacalhauJobLost,
    }
)
"""Outcome of a verdict -> the error that tells it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    :param error: what was raised; a row of a class holds for its subclasses that have none of their own.
    :param kinds: `JobError.kind`s that it is for; empty: all that no row before it names.
    :param retried: False: the task fails for good.
    :param delay: seconds until the next try that the retry policy asks for; None: the task's own `retry_delay`.
    :param because: the cause, for people.
    """

    error: type[BacalhauError]
    kinds: tuple[str, ...]
    retried: bool
    delay: float | None
    because: str


TABLE: tuple[Rule, ...] = (
    Rule(BacalhauJobFailed, ("image",), True, 300.0, "the image's name is wrong, or its registry is away"),
    Rule(BacalhauJobFailed, ("command",), False, None, "the image has no such program, the module no such entrypoint"),
    Rule(BacalhauJobFailed, ("spec",), False, None, "the node cannot read the spec"),
    Rule(BacalhauJobFailed, ("no_nodes",), True, 300.0, "no connected node fits the job"),
    Rule(BacalhauJobFailed, ("busy",), True, 300.0, "all nodes that fit are busy"),
    Rule(BacalhauJobFailed, ("node_lost",), True, 0.0, "its node disappeared or restarted"),
    Rule(BacalhauJobFailed, ("exit_code",), True, None, "the program ended with a code other than 0"),
    Rule(
        BacalhauJobFailed,
        ("altered", "ended", "execution", "input", "nothing_ran", "publish", "rejected", "start", "trap"),
        True,
        None,
        "a node or the server gave up; the text has its reason",
    ),
    Rule(BacalhauJobStopped, ("stopped",), False, None, "somebody else stopped the job"),
    Rule(BacalhauJobTimedOut, ("timeout",), True, None, "a deadline passed; the text says which phase took how long"),
    Rule(BacalhauJobLost, ("lost", "unreachable"), True, None, "the server does not know the job any more, or is mute"),
    Rule(JobError, (), True, None, "anything else that a job can end with"),
    Rule(Unreachable, (), True, None, "no connection, or it broke before an answer"),
    Rule(ServerFault, (), True, None, "the server failed, or asks for patience (429, 5xx)"),
    Rule(BrokenContract, (), True, None, "the answer is not what a Bacalhau server sends"),
    Rule(Conflict, (), True, None, "the job is not in a state for the request"),
    Rule(NotFound, (), True, None, "the server does not know the job, or not yet"),
    Rule(AuthError, (), False, None, "the credential is missing, wrong, or not allowed to do this (401, 403)"),
    Rule(Rejected, (), False, None, "the server refuses the request (other 4xx)"),
    Rule(ApiError, (), True, None, "any other request without a usable answer"),
    Rule(SpecError, (), False, None, "the job spec is wrong; nothing was sent"),
    Rule(ConfigError, (), False, None, "a connection field or an argument is wrong; nothing was sent"),
    Rule(HostRefused, (), False, None, "a result's URL leads where the connection does not allow"),
    Rule(ArchiveRefused, (), False, None, "a result is an archive that must not be unpacked"),
    Rule(ResultError, (), True, None, "a published result cannot be had; the text names it"),
    Rule(AttemptOver, (), True, None, "another try took over, or the task was told to end"),
    Rule(BacalhauError, (), True, None, "anything else"),
)

KINDS = tuple(sorted({kind for rule in TABLE for kind in rule.kinds}))
"""All kinds that a job can fail with."""


def rule_for(error: BacalhauError) -> Rule:
    """The row of an error."""
    return _row(type(error), error.kind if isinstance(error, JobError) else "")


def rule_of(outcome: str, kind: str) -> Rule:
    """The row of a verdict that is not a success."""
    return _row(ERRORS.get(outcome, BacalhauJobFailed), kind)


def _row(error: type[BacalhauError], kind: str) -> Rule:
    return next(one for one in TABLE if issubclass(error, one.error) and (not one.kinds or kind in one.kinds))
