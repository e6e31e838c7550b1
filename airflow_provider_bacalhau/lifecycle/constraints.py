"""Node constraints: Kubernetes selector text, as people know it from the command line, to Constraint objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_bacalhau.errors import ConfigError

OPERATORS = ("in", "notin", "exists", "!", "=", "==", "!=", "gt", "lt")
_WITHOUT_VALUES = ("exists", "!")

_KEY = r"(?P<key>[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?)"
_SET = re.compile(rf"^{_KEY}\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)$")
_PAIR = re.compile(rf"^{_KEY}\s*(?P<op>==|!=|=|>|<)\s*(?P<value>[^\s=!<>(),]*)$")
_WORD = re.compile(rf"^{_KEY}\s+(?P<op>gt|lt)\s+(?P<value>\S+)$")
_LONE = re.compile(rf"^(?P<op>!?)\s*{_KEY}$")
_SPELLED = {">": "gt", "<": "lt"}


def parse_constraints(value: str | Iterable[Any] | None) -> list[dict[str, Any]]:
    """Constraint objects of a text, or of a list of texts and objects.

    Forms: `region=eu`, `region!=eu`, `region in (eu,us)`, `region notin (eu)`, `gpu`, `!spot`, `cores>4`; a text may
    hold several, separated by commas. Objects without values carry no empty `Values`: stored and sent job would differ
    and a repeated submit would restart the job (FINDINGS F9).

    :raises ConfigError: naming the text that cannot be read.
    """
    if value is None:
        return []
    items = [value] if isinstance(value, (str, Mapping)) else list(value)
    found: list[dict[str, Any]] = []
    for item in items:
        if isinstance(item, Mapping):
            found.append(_from_object(item))
        else:
            found.extend(_from_text(part) for part in _split(str(item)))
    return found


def _split(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _from_text(text: str) -> dict[str, Any]:
    if match := _SET.match(text):
        values = [part.strip() for part in match["values"].split(",") if part.strip()]
        if values:
            return {"Key": match["key"], "Operator": match["op"], "Values": values}
    elif match := _PAIR.match(text) or _WORD.match(text):
        operator = _SPELLED.get(match["op"], match["op"])
        if operator in ("gt", "lt") and not re.fullmatch(r"-?\d+", match["value"]):
            raise ConfigError(f"constraint {text!r}: {operator} needs a whole number, for example 'cores>4'")
        return {"Key": match["key"], "Operator": operator, "Values": [match["value"]]}
    elif match := _LONE.match(text):
        return {"Key": match["key"], "Operator": "!" if match["op"] else "exists"}
    raise ConfigError(f"constraint {text!r} cannot be read; for example 'region=eu', 'region in (eu,us)' or '!spot'")


def _from_object(value: Mapping[str, Any]) -> dict[str, Any]:
    named = {str(name).lower(): item for name, item in value.items()}
    constraint: dict[str, Any] = {"Key": named.get("key", ""), "Operator": named.get("operator", "")}
    values = named.get("values")
    if isinstance(values, str):
        values = [values]
    if values:
        constraint["Values"] = [str(item) for item in values]
    return constraint
