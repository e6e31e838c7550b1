"""Secrets in a job spec, which everybody who may read the cluster's jobs can read: where they are, never what.

What a secret is, is the caller's to say: a function that gives a value back with its secrets exchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_bacalhau.errors import ConfigError, SpecError

RULES = ("warn", "refuse", "allow")
_FROM_NODE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)

WAY_OUT = (
    "write env:NAME as the value of an upper-case name in Env, and Bacalhau 1.6.4 or newer reads NAME from the compute "
    "node's own environment (the node's Compute.Env.AllowList has to name it)"
)


def check_secrets(spec: Mapping[str, Any], *, rule: str, redact: Callable[[Any], Any]) -> tuple[str, ...]:
    """Lines for the log about the secrets in a spec.

    :param rule: `[bacalhau] secrets_in_spec`: warn, refuse or allow.
    :param redact: as for `secret_paths`.
    :raises SpecError: there are some and the rule is to refuse. ConfigError: the rule is an unknown word.
    """
    rule = rule.strip().lower()
    if rule not in RULES:
        raise ConfigError(f"[bacalhau] secrets_in_spec is {rule!r}: it is one of {', '.join(RULES)}.")
    paths = () if rule == "allow" else secret_paths(spec, redact)
    if not paths:
        return ()
    what = f"{', '.join(paths)}: Airflow masks what stands there, and whoever may read the cluster's jobs could read it"
    if rule == "refuse":
        raise SpecError([f"{what}; {WAY_OUT} ([bacalhau] secrets_in_spec = refuse)"])
    return (f"The job spec holds a secret at {what}; {WAY_OUT}, or set [bacalhau] secrets_in_spec = allow.",)


def secret_paths(spec: Mapping[str, Any], redact: Callable[[Any], Any]) -> tuple[str, ...]:
    """Paths of the spec's leaves that `redact` would change, as `Tasks[0].Env.DB_PASSWORD`.

    An item `NAME=value` of an engine's environment counts as a value under its name. What only names a variable of the
    compute node (`env:NAME`) is no secret.

    :param redact: gives a plain value with its secrets exchanged, by key names and by content.
    """
    shown = _opened(spec)
    return differing(shown, redact(shown))


def differing(spec: Any, redacted: Any, path: str = "") -> tuple[str, ...]:
    """Paths of the leaves in which two plain values differ; empty text and `env:NAME` never count."""
    if isinstance(spec, Mapping) and isinstance(redacted, Mapping):
        parts = [(f"{path}.{name}" if path else str(name), one, redacted.get(name)) for name, one in spec.items()]
    elif isinstance(spec, list | tuple) and isinstance(redacted, list | tuple) and len(spec) == len(redacted):
        parts = [(f"{path}[{index}]", one, redacted[index]) for index, one in enumerate(spec)]
    elif spec in ("", redacted) or (isinstance(spec, str) and _FROM_NODE.fullmatch(spec)):
        return ()
    else:
        return (path or "the whole spec",)
    return tuple(found for where, one, other in parts for found in differing(one, other, where))


def _opened(value: Any) -> Any:
    """The spec with every engine's environment as a mapping, whose names say what is secret."""
    if isinstance(value, Mapping):
        return {
            name: _by_name(one) if str(name).lower() == "environmentvariables" else _opened(one)
            for name, one in value.items()
        }
    return [_opened(one) for one in value] if isinstance(value, list | tuple) else value


def _by_name(env: Any) -> Any:
    if not isinstance(env, list | tuple):
        return _opened(env)
    pairs = [(_ASSIGNMENT.fullmatch(str(one)), f"[{index}]", one) for index, one in enumerate(env)]
    return {match[1] if match else name: match[2] if match else one for match, name, one in pairs}
