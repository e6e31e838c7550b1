"""Arguments of operators that are refused, and how: one sentence that names the cause and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_bacalhau.errors import ConfigError

WORDS: Mapping[str, tuple[Any, ...]] = {
    "stream_logs": (None, "live", "end", "off"),
    "on_kill_action": ("stop", "leave"),
    "on_existing": (None, "new", "replace", "keep"),
    "xcom_value": ("handle", "results", "result", "stdout"),
}
"""The arguments that take one of a few words."""

_MOVED = {
    "api_version": "api_version is gone, the release is read from the server: name the server in bacalhau_conn_id.",
    "input_volumes": (
        "input_volumes is now inputs, a mapping of target to uri, of BacalhauDockerOperator: "
        "inputs={'/inputs': 's3://bucket/key'}."
    ),
}


def refuse_strangers(arguments: Mapping[str, Any]) -> None:
    """Say where the arguments of the `bacalhau-airflow` package have gone.

    :raises ConfigError: one of them was given.
    """
    for name, sentence in _MOVED.items():
        if name in arguments:
            raise ConfigError(sentence)


def refuse_specs(operator: str, arguments: Mapping[str, Any]) -> None:
    """A whole spec is another operator's business.

    :raises ConfigError: one was given.
    """
    for name in ("job_spec", "job_file"):
        if name in arguments:
            raise ConfigError(f"{operator} builds the spec itself: use BacalhauSubmitJobOperator for {name}.")


def check_words(operator: Any) -> None:
    """Check what can be checked before anything is rendered.

    :raises ConfigError: an argument has a value that it does not take.
    """
    for name, known in WORDS.items():
        value = getattr(operator, name)
        if value not in known:
            words = ", ".join(repr(word) for word in known if word is not None)
            raise ConfigError(f"{operator.task_id}: {name}={value!r} is unknown; it is one of {words}.")
    if operator.on_existing in ("replace", "keep"):
        raise ConfigError(
            f"{operator.task_id}: on_existing={operator.on_existing!r} is not available yet; "
            "every run submits a new job (on_existing='new')."
        )
    if operator.xcom_value != "handle" and not operator.wait_for_completion:
        raise ConfigError(
            f"{operator.task_id}: xcom_value={operator.xcom_value!r} needs the job's end; "
            "leave it out, or set wait_for_completion=True."
        )


def exit_codes_to_skip(value: Any) -> frozenset[int]:
    """`skip_on_exit_code` as a set."""
    if value is None:
        return frozenset()
    return frozenset([value]) if isinstance(value, int) else frozenset(int(code) for code in value)


def check_scheduled(spec: Mapping[str, Any], *, scheduled: bool, on_existing: str | None) -> None:
    """A job that never ends, submitted by every scheduled run, piles up.

    :raises ConfigError: it was not said that this is wanted.
    """
    if spec.get("Type") in ("service", "daemon") and scheduled and on_existing is None:
        raise ConfigError(
            f"Every scheduled run would add one more {spec['Type']} job beside those of earlier runs: "
            "pass on_existing='new' if that is wanted, or trigger the DAG by hand."
        )
