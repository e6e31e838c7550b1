"""Parameters of sources and publishers, read the way the servers' map decoder reads them: any case of keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator_stub.domain.errors import StepError


def text(params: Mapping[str, Any] | None, name: str) -> str:
    """A text parameter, "" when absent or null.

    :raises StepError: it is something else
    """
    value = value_of(params, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise StepError(_mismatch(name, "string", value))
    return value


def number(params: Mapping[str, Any] | None, name: str) -> int:
    """A whole number, 0 when absent or null.

    :raises StepError: it is something else
    """
    value = value_of(params, name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise StepError(_mismatch(name, "int", value))
    return int(value)


def flag(params: Mapping[str, Any] | None, name: str) -> bool:
    """A truth value; the text "true" counts too, any other text does not (as local inputs have it).

    :raises StepError: it is something else
    """
    value = value_of(params, name)
    if value is None or isinstance(value, str):
        return value == "true"
    if not isinstance(value, bool):
        raise StepError(_mismatch(name, "bool", value))
    return value


def value_of(params: Mapping[str, Any] | None, name: str) -> Any:
    """A parameter whatever the case of its key; the exact spelling wins; None when absent."""
    given = params or {}
    if name in given:
        return given[name]
    return next((value for key, value in given.items() if key.lower() == name.lower()), None)


def _mismatch(name: str, wanted: str, value: Any) -> str:
    return f"1 error(s) decoding:\n\n* '{name}' expected type '{wanted}', got unconvertible type '{_go_type(value)}'"


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"
