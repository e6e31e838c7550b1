"""JSON as Go's encoder writes it and its decoder reads it: the bytes of the released servers.

`dumps` is the fast path of every answer; the standard library writes, a few replacements make it Go's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

_ODD_NUMBER = re.compile(r"[:,\[]\s*-?\d+(?:\.\d+)?(?:e[+-]|(?<=\.0)[,}\]\s])")
_EXACT = 2**53
_SURROGATE = re.compile("[\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode

_indent = json.JSONEncoder(ensure_ascii=False, separators=(",", ": "), indent=2, check_circular=False).encode


def dumps(value: Any, *, pretty: bool = False, escape_html: bool = True) -> bytes:
    """UTF-8 bytes with the final newline; keys in the given order (sort maps before with `sorted_map`).

    `pretty` indents by two blanks; `escape_html` False leaves `<`, `>` and `&` as they are (results only).
    """
    text = (_indent if pretty else _encode)(value)
    if _ODD_NUMBER.search(text):
        text = "".join(_exact(value))
        text = _reindent(text) if pretty else text
    if escape_html:
        text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return (text + "\n").encode("utf-8", "replace")


def sorted_map(value: Any) -> Any:
    """Maps ordered by key at every level, as Go writes maps (struct-like parts must not pass through here)."""
    if isinstance(value, Mapping):
        return {key: sorted_map(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [sorted_map(item) for item in value]
    return value


def number_text(value: float) -> str:
    """A float as Go writes it: plain digits from 1e-6 up to 1e21, exponents without leading zero."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign, digits = exponent[0], exponent.lstrip("+-").lstrip("0")
    return f"{mantissa.removesuffix('.0')}e{sign}{digits}"


def plain(value: Any) -> Any:
    """A decoded JSON value as Go keeps it in an untyped place: every number is a 64 bit float.

    Whole numbers that a float holds exactly stay integers here.
    """
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    number = float(value)
    if number.is_integer() and abs(number) <= _EXACT and not (number == 0 and math.copysign(1, number) < 0):
        return int(number)
    return number


def decode_text(body: bytes) -> str:
    """Body bytes as text; each byte that is no UTF-8 becomes U+FFFD (FINDINGS 1 row 2.5)."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return _SURROGATE.sub("\ufffd", body.decode("utf-8", "surrogateescape"))


def without_surrogates(value: Any) -> Any:
    """Escaped halves of a surrogate pair become U+FFFD wherever they stand."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    return value


def _reindent(text: str) -> str:
    """Two blanks per level, `{}` and `[]` on one line, numbers untouched."""
    out: list[str] = []
    depth = 0
    for piece in _PIECES.findall(text):
        if piece in ("{", "["):
            depth += 1
            out.append(piece + "\n" + "  " * depth)
        elif piece in ("}", "]"):
            depth -= 1
            out.append("\n" + "  " * depth + piece)
        elif piece == ",":
            out.append(",\n" + "  " * depth)
        else:
            out.append(": " if piece == ":" else piece)
    return "".join(out)


_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|\{\}|\[\]|[{}\[\],:]|[^"{}\[\],:]+')


def _exact(value: Any) -> Iterator[str]:
    """The slow writer for the rare numbers that the standard library spells differently."""
    if isinstance(value, Mapping):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield ("," if number else "") + _encode(str(key)) + ":"
            yield from _exact(item)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for number, item in enumerate(value):
            yield "," if number else ""
            yield from _exact(item)
        yield "]"
    elif isinstance(value, float):
        yield number_text(value)
    else:
        yield _encode(value)
