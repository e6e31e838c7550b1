"""A retry policy that knows why Bacalhau jobs fail (Airflow 3.3, AIP-105): `retry_policy=BacalhauRetryPolicy()`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_bacalhau.errors import BacalhauError, ConfigError, JobError
from airflow_provider_bacalhau.version_compat import retry_policy_parts

if TYPE_CHECKING:
    from airflow.sdk import Context, RetryDecision, RetryPolicy
else:
    RetryPolicy, RetryDecision = retry_policy_parts()


class BacalhauRetryPolicy(RetryPolicy):
    """Retry what another try can mend, when it can; the table is `lifecycle.retries.TABLE`, the README prints it.

    It may end a task before its `retries` are used up, never go beyond them. Errors that are not ours, and exit codes
    and kinds that the table leaves to the task, follow the task's own `retries` and `retry_delay`.

    :param never: kinds (`JobError.kind`) that are not retried beside those of the table, e.g. {"input"}.
    :param final_exit_codes: exit codes that no retry mends, e.g. {2} for wrong arguments.
    :param delays: kind -> seconds or timedelta until the next try, in place of the table's.
    :raises ConfigError: a kind is unknown, or a delay is no time.
    """

    def __init__(
        self,
        *,
        never: Collection[str] = (),
        final_exit_codes: Collection[int] = (),
        delays: Mapping[str, float | timedelta] | None = None,
    ) -> None:
        self.never = frozenset([never] if isinstance(never, str) else never)
        self.final_exit_codes = frozenset(final_exit_codes)
        self.delays = {kind: _seconds(kind, value) for kind, value in (delays or {}).items()}
        _check_kinds(self.never | self.delays.keys())

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - Airflow fixes the signature
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """What follows from a failure; the reason goes to the task's log."""
        if not isinstance(exception, BacalhauError):
            return RetryDecision.default()
        from airflow_provider_bacalhau.lifecycle.retries import rule_for

        rule = rule_for(exception)
        job = exception if isinstance(exception, JobError) else None
        kind = job.kind if job is not None else type(exception).__name__
        if not (rule.retried if job is None else job.retryable):
            return RetryDecision.fail(f"{kind}: {rule.because}; no retry mends it")
        if job is not None and kind in self.never:
            return RetryDecision.fail(f"{kind}: not to be retried, says the policy")
        if job is not None and kind == "exit_code" and (bad := self.final_exit_codes & set(job.exit_codes)):
            return RetryDecision.fail(f"exit code {min(bad)}: not to be retried, says the policy")
        delay = self.delays.get(kind, rule.delay)
        if delay is None:
            return RetryDecision.default()
        return RetryDecision.retry(timedelta(seconds=delay), f"{kind}: {rule.because}")

    def serialize(self) -> dict[str, Any]:
        """Plain JSON values; a DAG's stored form does not need them, its file is read again."""
        return {
            "__type": "BacalhauRetryPolicy",
            "never": sorted(self.never),
            "final_exit_codes": sorted(self.final_exit_codes),
            "delays": self.delays,
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> BacalhauRetryPolicy:
        """Read what `serialize` wrote."""
        return cls(never=data["never"], final_exit_codes=data["final_exit_codes"], delays=data["delays"])


def _seconds(kind: str, value: Any) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise ConfigError(f"BacalhauRetryPolicy: delays[{kind!r}]={value!r} is no time; pass seconds or a timedelta.")
    return float(seconds)


def _check_kinds(kinds: Collection[str]) -> None:
    """A policy is made where a DAG is read: what it does not need, it does not import."""
    if not kinds:
        return
    from airflow_provider_bacalhau.lifecycle.retries import KINDS

    if unknown := sorted(set(kinds) - set(KINDS)):
        raise ConfigError(f"BacalhauRetryPolicy: {unknown[0]!r} is no kind of failure; choose from {', '.join(KINDS)}.")
