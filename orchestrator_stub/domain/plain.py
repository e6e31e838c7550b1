"""Plain values that users wrote (files, requests, labels) read with care: what is wrong is named by its key.

`scriptreading`, `faultreading` and `shapereading` make things of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from orchestrator_stub.domain.quantity import parse_duration, tidy

Path = tuple[str | int, ...]
"""Keys of mappings, numbers from 0 in lists."""
_LONGEST = 40  # characters of a value in an error


class PlainError(Exception):
    """A value is not understood; the text names its key and says what would be right."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{written(path)}: {reason}" if path else reason)
        self.path = path
        """The way to what is wrong."""
        self.reason = reason


def mapping(
    plain: Any,
    known: Sequence[str],
    path: Path,
    what: str,
    advice: Callable[[str], str] = lambda _: "",
) -> dict[str, Any]:
    """A mapping that has known keys only.

    :param what: it describes: "a script"
    :param advice: what to say of a key that is unknown here; "" for nothing in particular
    :raises PlainError: it is none, or has another key
    """
    if not isinstance(plain, dict):
        keys = f"a mapping with the key{'s' * (len(known) > 1)} {named(known)}"
        is_named = bool(path) and isinstance(path[-1], str)
        raise PlainError(path, f"give {keys}" if is_named else f"{what} is {keys}")
    for key in plain:
        if key not in known:
            raise PlainError((*path, shown(key)), f"unknown key; {advice(str(key)) or _nearest(str(key), known)}")
    return plain


def _nearest(key: str, known: Sequence[str]) -> str:
    import difflib  # only for who is wrong

    close = difflib.get_close_matches(key, known, 1)
    return f"{f'did you mean {close[0]}? ' if close else ''}known {'are' if len(known) > 1 else 'is'} {named(known)}"


def text(plain: Any, path: Path) -> str:
    """A text. Raises PlainError."""
    if not isinstance(plain, str):
        raise PlainError(path, f"{shown(plain)} is no text: put it into quotes")
    return plain


def whole(plain: Any, path: Path, least: int, most: int | None = None) -> int:
    """A whole number from `least` on, or to `most`. Raises PlainError."""
    if not is_whole(plain) or plain < least or (most is not None and plain > most):
        span = f"from {least} on" if most is None else f"from {least} to {most}"
        raise PlainError(path, f"{shown(plain)} is no whole number {span}")
    return int(plain)


def seconds(plain: Any, path: Path, longest: float) -> float:
    """Seconds from 0 to `longest`, of a number or of a text such as "40m". Raises PlainError."""
    found = plain
    if isinstance(plain, str):
        try:
            found = parse_duration(tidy(plain))
        except ValueError:
            found = None
    if not is_number(found) or found < 0:
        what = "missing" if plain is None else f"{shown(plain)} is no duration"
        raise PlainError(path, f'{what}; give seconds, or a text such as "40m" or "500ms"')
    if found > longest:
        raise PlainError(path, f"{shown(plain)} is too long; at most {longest:.0f} seconds")
    return float(found)


def is_whole(plain: Any) -> bool:
    """Whether it is a whole number; truth values are none."""
    return isinstance(plain, int) and not isinstance(plain, bool)


def is_number(plain: Any) -> bool:
    """Whether it is a finite number; truth values are none."""
    return is_whole(plain) or (isinstance(plain, float) and math.isfinite(plain))


def named(words: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    *first, final = words
    return f"{', '.join(first)} {last} {final}" if first else final


def shown(plain: Any) -> str:
    """A value in an error, cut short; what is no text is shown as JSON."""
    found = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)
    return found if len(found) <= _LONGEST else f"{found[:_LONGEST]}..."


def written(path: Path) -> str:
    """`[1].stages[0].after`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
