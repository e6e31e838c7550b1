"""The base of all models: frozen, tolerant readers of what servers send."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class WireModel(BaseModel):
    """A frozen value read from an answer; construct it with field names, read it from JSON with its `read`."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


def fold(data: Any) -> dict[str, Any]:
    """A JSON object with lower-case keys and without nulls.

    Go reads keys in any case and so do we: the user's document prints `exitCode` where 1.5.2 sends `ExitCode`, and
    `gitversion` where the document prints `GitVersion`. A null means the default.

    :raises ValueError: the value is not a JSON object.
    """
    if not isinstance(data, dict):
        msg = f"expected a JSON object, got {type(data).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - pydantic and callers expect ValueError for bad data
    return {str(key).lower(): value for key, value in data.items() if value is not None}


def part(data: dict[str, Any], key: str) -> dict[str, Any]:
    """The folded object under `key`, empty when it is missing or null."""
    return fold(data.get(key, {}))


def text(value: Any) -> str:
    """Text for a field that should be text; anything else in its JSON-like form, None as empty."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object as it is, else empty."""
    return value if isinstance(value, dict) else {}
