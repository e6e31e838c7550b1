"""Engine parameters read as the servers' JSON library does: any case of keys, unknown ones ignored (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal["string", "[]string", "map[string]string"]
_ZERO: Mapping[str, Any] = {"string": "", "[]string": (), "map[string]string": {}}


def decode(params: Mapping[str, Any] | None, fields: Mapping[str, Kind]) -> dict[str, Any]:
    """Values by field name; absent and null ones are "", () or {}.

    :raises ValueError: a value of another type, in the servers' words (golden 73, `entrypoint-string`)
    """
    values: dict[str, Any] = {name: _ZERO[kind] for name, kind in fields.items()}
    names = {name.lower(): name for name in fields}
    for key in sorted(params or {}):
        name = names.get(key.lower())
        value = (params or {})[key]
        if name is not None and value is not None:
            values[name] = _convert(value, name, fields[name])
    return values


def _convert(value: Any, name: str, kind: Kind) -> Any:
    if kind == "[]string" and isinstance(value, list):
        return tuple(_text(item, name) for item in value)
    if kind == "map[string]string" and isinstance(value, dict):
        return {key: _text(item, name) for key, item in value.items()}
    if kind == "string" and isinstance(value, str):
        return value
    raise ValueError(_mismatch(value, name, kind))


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(_mismatch(value, name, "string"))  # noqa: TRY004 - the servers' decode error, not a wrong call
    return value


def _mismatch(value: Any, name: str, kind: str) -> str:
    return f"json: cannot unmarshal {_go_word(value)} into Go struct field EngineSpec.{name} of type {kind}"


def _go_word(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
