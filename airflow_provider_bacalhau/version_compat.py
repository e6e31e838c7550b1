"""The one file that knows Airflow's versions: 3.1 keeps under old paths what 3.3 moved, and lacks what 3.3 added.

Only names that cost nothing on top of `airflow.sdk` are imported here; the rest are functions.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
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
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowOptionalProviderFeatureException",
    "AirflowSkipException",
    "TaskDeferralError",
    "TaskDeferralTimeout",
    "XComNotFound",
    "conf",
    "default_deferrable",
    "masks",
    "remembered",
    "run_clears_are_counted",
    "state_store",
    "store_forever",
    "trigger_has_on_kill",
    "use_stored_connections",
]

STORE_KEY = "bacalhau_job"
"""The one key of the task state store that the provider writes."""


def default_deferrable() -> bool:
    """`[operators] default_deferrable` of the installation."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def state_store(context: Mapping[str, Any]) -> Any | None:
    """The task's own key-value store, which outlives its tries; None before Airflow 3.3."""
    return context.get("task_state_store")


def remembered(context: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of what is in flight, as `store_forever` left it; None when there is none or no store."""
    store = state_store(context)
    value = store.get(STORE_KEY) if store is not None else None
    return dict(value) if isinstance(value, Mapping) else None


def store_forever(context: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Write the record of what is in flight; False when this Airflow has no store.

    Airflow 3.3 answers 404 for a task instance that another try has replaced, so a write that raises means
    that this process no longer owns the task (protocol F5).
    """
    store = state_store(context)
    if store is None:
        return False
    store.set(STORE_KEY, dict(record), retention=getattr(import_module("airflow.sdk"), "NEVER_EXPIRE", None))
    return True


def run_clears_are_counted(context: Mapping[str, Any]) -> bool:
    """Whether `dag_run.clear_number` moves with every clear (3.3), or only with clears of finished runs (3.1)."""
    return state_store(context) is not None


def trigger_has_on_kill() -> bool:
    """Whether a trigger is told that a user ended its task (3.3); before, only `cleanup` hears of it."""
    from airflow.triggers.base import BaseTrigger

    return hasattr(BaseTrigger, "on_kill")


def use_stored_connections() -> None:
    """From now on this process finds the connections in Airflow's database, as `airflow connections test` does; without
    that it knows only those of the environment and of secrets backends."""
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"


def masks(value: Any) -> bool:
    """Whether Airflow would mask something inside `value` in a log, by content or by a key's name."""
    try:
        masker = import_module("airflow.sdk._shared.secrets_masker")
    except ImportError:  # before 3.2
        masker = import_module("airflow.sdk.execution_time.secrets_masker")
    return bool(masker.redact(value) != value)
