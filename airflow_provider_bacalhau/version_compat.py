"""The one file that knows Airflow's versions: 3.1 keeps under old paths what 3.3 moved, and lacks what 3.3 added.

Only names that cost nothing on top of `airflow.sdk` are imported here; the rest are functions.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowOptionalProviderFeatureException,
        AirflowSkipException,
        TaskDeferralError,
        TaskDeferralTimeout,
        XComNotFound,
    )
else:
    try:
        from airflow.sdk.configuration import conf
        from airflow.sdk.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowOptionalProviderFeatureException,
            AirflowSkipException,
            TaskDeferralError,
            TaskDeferralTimeout,
            XComNotFound,
        )
    except ImportError:  # before 3.2
        from airflow.configuration import conf
        from airflow.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowOptionalProviderFeatureException,
            AirflowSkipException,
            TaskDeferralError,
            TaskDeferralTimeout,
            XComNotFound,
        )

__all__ = [
    "STORE_KEY",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowOptionalProviderFeatureException",
    "AirflowSkipException",
    "TaskDeferralError",
    "TaskDeferralTimeout",
    "XComNotFound",
    "alive_triggerers",
    "amask",
    "conf",
    "dag_bag",
    "default_deferrable",
    "mask",
    "redacted",
    "remembered",
    "retry_policy_parts",
    "run_clears_are_counted",
    "state_store",
    "store_forever",
    "trigger_has_on_kill",
    "use_stored_connections",
]

STORE_KEY = "bacalhau_job"
"""The key of the task state store that holds the record of an operator's job; those of hook calls begin with it."""


def default_deferrable() -> bool:
    """`[operators] default_deferrable` of the installation."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def state_store(context: Mapping[str, Any]) -> Any | None:
    """The task's own key-value store, which outlives its tries; None before Airflow 3.3."""
    return context.get("task_state_store")


def remembered(context: Mapping[str, Any], key: str = STORE_KEY) -> dict[str, Any] | None:
    """The record of what is in flight, as `store_forever` left it; None when there is none or no store."""
    store = state_store(context)
    value = store.get(key) if store is not None else None
    return dict(value) if isinstance(value, Mapping) else None


def store_forever(context: Mapping[str, Any], record: Mapping[str, Any], key: str = STORE_KEY) -> bool:
    """Write the record of what is in flight; False when this Airflow has no store.

    Airflow 3.3 answers 404 for a task instance that another try has replaced, so a write that raises means
    that this process no longer owns the task (protocol F5).
    """
    store = state_store(context)
    if store is None:
        return False
    store.set(key, dict(record), retention=getattr(import_module("airflow.sdk"), "NEVER_EXPIRE", None))
    return True


def run_clears_are_counted(context: Mapping[str, Any]) -> bool:
    """Whether `dag_run.clear_number` moves with every clear (3.3), or only with clears of finished runs (3.1)."""
    return state_store(context) is not None


def trigger_has_on_kill() -> bool:
    """Whether a trigger is told that a user ended its task (3.3); before, only `cleanup` hears of it."""
    from airflow.triggers.base import BaseTrigger

    return hasattr(BaseTrigger, "on_kill")


def dag_bag(folder: str, *, safe_mode: bool = True) -> Any:
    """Airflow's `DagBag` of a file or folder, without its example DAGs; nothing is stored.

    :param safe_mode: leave out files that do not look like DAGs.
    """
    try:
        bags, more = import_module("airflow.dag_processing.dagbag"), {}
    except ImportError:  # before 3.2
        bags, more = import_module("airflow.models.dagbag"), {"include_examples": False}
    return bags.DagBag(dag_folder=folder, load_op_links=False, safe_mode=safe_mode, **more)


def alive_triggerers() -> list[str] | None:
    """Host names of the triggerers with a fresh heartbeat, as `airflow jobs check` sees them; None when this process
    does not reach Airflow's database, or it was never set up."""
    jobs = import_module("airflow.jobs.job")
    sql = import_module("sqlalchemy")
    wanted = sql.select(jobs.Job).where(jobs.Job.job_type == "TriggererJob", jobs.Job.state == "running")
    try:
        with import_module("airflow.utils.session").create_session() as session:
            return [str(job.hostname) for job in session.scalars(wanted) if job.is_alive()]
    except import_module("sqlalchemy.exc").SQLAlchemyError:
        return None


def retry_policy_parts() -> tuple[Any, Any]:
    """`RetryPolicy` and `RetryDecision`, which came with Airflow 3.3.

    :raises AirflowOptionalProviderFeatureException: this Airflow knows no retry policies.
    """
    sdk = import_module("airflow.sdk")
    try:
        return sdk.RetryPolicy, sdk.RetryDecision
    except AttributeError:
        raise AirflowOptionalProviderFeatureException(
            "BacalhauRetryPolicy needs Airflow 3.3 or newer: leave it out; what no retry can mend fails at "
            "once without it, too."
        ) from None


def use_stored_connections() -> None:
    """From now on this process finds the connections in Airflow's database, as `airflow connections test` does; without
    that it knows only those of the environment and of secrets backends."""
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"


def redacted(value: Any) -> Any:
    """A plain value with everything exchanged that Airflow would mask in a log, by content or by a key's name.

    Airflow looks five levels deep unless told, and the arguments of a job's command lie on the sixth.
    """
    return _masker().redact(value, max_depth=64)


def mask(secrets: Sequence[str]) -> None:
    """Have Airflow mask these values in the logs of this process, and of the supervisor that writes its task log."""
    if not secrets:
        return
    tell = getattr(import_module("airflow.sdk.log"), "mask_secret", None) or _masker().mask_secret
    tell(list(secrets))


async def amask(secrets: Sequence[str]) -> None:
    """As `mask`, for a running event loop, which must not wait for the supervisor."""
    if not secrets:
        return
    tell = getattr(import_module("airflow.sdk.log"), "amask_secret", None)
    if tell is not None:
        await tell(list(secrets))
        return
    _masker().mask_secret(list(secrets))  # before 3.2 the supervisor is told by hand
    with suppress(Exception):
        comms = import_module("airflow.sdk.execution_time.task_runner").SUPERVISOR_COMMS
        await comms.asend(import_module("airflow.sdk.execution_time.comms").MaskSecret(value=list(secrets)))


def _masker() -> Any:
    try:
        return import_module("airflow.sdk._shared.secrets_masker")
    except ImportError:  # 3.1.0
        return import_module("airflow.sdk.execution_time.secrets_masker")
