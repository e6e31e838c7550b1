"""Which members of a result are wanted: the patterns of `only=`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_bacalhau.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Selection:
    """Compiled patterns; without any, everything is selected. Build it with `Selection.of`."""

    patterns: tuple[str, ...] = ()
    expression: re.Pattern[str] | None = None

    @classmethod
    def of(cls, only: str | Sequence[str] | None) -> Selection:
        """Compile patterns such as `outputs/**` or `**/*.csv`.

        `*` and `?` stay within one folder, `**` crosses folders, a folder's name selects all below it.

        :raises ConfigError: a pattern is empty or starts outside the result.
        """
        patterns = tuple([only] if isinstance(only, str) else only or ())
        for pattern in patterns:
            if not pattern.strip("/") or ".." in pattern.split("/") or pattern.startswith("/"):
                raise ConfigError(f"only={pattern!r} selects nothing; write paths as in the result, e.g. 'outputs/**'.")
        if not patterns:
            return cls()
        return cls(patterns, re.compile("|".join(f"(?:{_translate(pattern)})" for pattern in patterns), re.DOTALL))

    def takes(self, name: str) -> bool:
        """Whether the member with this path ("outputs/a.csv") is wanted."""
        return self.expression is None or self.expression.fullmatch(name) is not None


def _translate(pattern: str) -> str:
    text = pattern.removeprefix("./").rstrip("/")
    out = ""
    while text:
        if text.startswith("**/"):
            out, text = out + "(?:.*/)?", text[3:]
        elif text.startswith("**"):
            out, text = out + ".*", text[2:]
        elif text[0] == "*":
            out, text = out + "[^/]*", text[1:]
        elif text[0] == "?":
            out, text = out + "[^/]", text[1:]
        else:
            out, text = out + re.escape(text[0]), text[1:]
    return out + "(?:/.*)?"
