"""Odd values, and JSON written the way no library would write it."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

TEXTS = (
    "", " ", "a", "main", "é", "名前", "a b", "a/b", "..", ".", "%", "%2F", "<b>&\u2028", "'\"\\", "\0", "\n", "\t\x7f",
    "\ud800", "\udfff\ud800", "\U0001f600", "j-", "n-", "null", "true", "0", "-1", "1e3", "default", "*",
    "../../../etc/passwd", "${HOME}", "{{x}}", "Infinity",
)  # fmt: skip
NUMBERS = (
    "0", "-0", "1", "-1", "2", "10", "1.0", "1.5", "-1.5", "1e2", "1E+2", "1e-7", "1e21", "1e999", "-1e999", "1e-999",
    "2147483647", "2147483648", "4294967295", "4294967296", "9007199254740993", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
    "18446744073709551616", "1000000000000", "9" * 30, "9" * 5000, "0." + "3" * 400,
)  # fmt: skip
NO_NUMBERS = ("NaN", "Infinity", "-Infinity", "-", "01", "1.", ".5", "+1", "1e", "0x10", "1_000", "'a'", "undefined", "True")
DEPTHS = (2, 20, 200, 990, 1100, 9_990, 10_010)
"""Levels of nesting: around what Python may call and around what servers read."""


@dataclass(frozen=True)
class Token:
    """Bytes that stand in the text as they are, JSON or not."""

    text: bytes


@dataclass
class Members:
    """An object whose keys may come more than once."""

    pairs: list[tuple[str, Any]]


def odd(rng: random.Random, depth: int = 0) -> Any:
    """Any JSON value, or what looks like one; mostly small."""
    kind = rng.randrange(14 if depth < 3 else 8)
    if kind == 0:
        return None
    if kind == 1:
        return rng.random() < 0.5
    if kind in (2, 3):
        return Token(rng.choice(NUMBERS).encode())
    if kind == 4:
        return Token(rng.choice(NO_NUMBERS).encode()) if rng.random() < 0.3 else rng.randint(-5, 5)
    if kind in (5, 6, 7):
        return text(rng)
    if kind == 8:
        return []
    if kind == 9:
        return {}
    if kind in (10, 11):
        return [odd(rng, depth + 1) for _ in range(rng.randint(1, 3))]
    if kind == 12 and rng.random() < 0.2:
        return nested(rng)
    return {text(rng): odd(rng, depth + 1) for _ in range(rng.randint(1, 3))}


def nested(rng: random.Random) -> Token:
    """Containers in containers."""
    depth = rng.choice(DEPTHS)
    if rng.random() < 0.5:
        return Token(b"[" * depth + b"]" * depth)
    return Token(b'{"a":' * depth + b"1" + b"}" * depth)


def text(rng: random.Random) -> str:
    """A text that some code may not expect; rarely a very long one."""
    kind = rng.random()
    if kind < 0.8:
        return rng.choice(TEXTS)
    if kind < 0.99:
        return "".join(chr(rng.choice((rng.randrange(128), rng.randrange(0x2100)))) for _ in range(rng.randint(1, 12)))
    return rng.choice("xé\\\"\0<") * rng.choice((300, 3_000, 100_000))


def encode(value: Any, rng: random.Random) -> bytes:
    """JSON of the value, tokens as they stand; spelling of texts and blanks between parts are random."""
    blank = rng.choice((b"", b"", b"", b" ", b"\n\t "))
    escaped = rng.random() < 0.5
    return b"".join(_parts(value, blank, escaped))


def _parts(value: Any, blank: bytes, escaped: bool) -> list[bytes]:
    if isinstance(value, Token):
        return [value.text]
    if isinstance(value, dict | Members):
        pairs = list(value.items()) if isinstance(value, dict) else value.pairs
        out = [b"{"]
        for at, (key, item) in enumerate(pairs):
            out += [b"," if at else b"", blank, _string(key, escaped), b":", blank, *_parts(item, blank, escaped)]
        return [*out, blank, b"}"]
    if isinstance(value, list):
        out = [b"["]
        for at, item in enumerate(value):
            out += [b"," if at else b"", blank, *_parts(item, blank, escaped)]
        return [*out, blank, b"]"]
    if isinstance(value, str):
        return [_string(value, escaped)]
    return [json.dumps(value).encode()]


def _string(value: str, escaped: bool) -> bytes:
    """A JSON string; unescaped halves of surrogate pairs become bytes that are no UTF-8."""
    return json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
