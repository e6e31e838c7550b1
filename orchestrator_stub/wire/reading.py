"""Reads well-formed JSON at the standard library's speed, as values that know their kind but not their place.

Where anything is doubtful there is no answer, and `scanner`, which is slow and exact, decides.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from orchestrator_stub.wire.gojson import decode_text, without_surrogates
from orchestrator_stub.wire.scanner import Kind

DEEPEST_KEPT = 250
"""Levels of nesting of values that are kept as they are (engine parameters and such): each one is a call here.

Released servers keep 10,000; deeper values are refused in their words for what is deeper than that.
"""
_EXACT = 2**53
_BLANK = re.compile(r"[ \t\r\n]*")
_MINUS_ZERO = re.compile(r"-0(?![0-9.eE])")
_KINDS: dict[type, Kind] = {
    list: "array",
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    type(None): "null",
}


class DoubtError(Exception):
    """The quick way does not know what the value is."""


class _Members(list[tuple[str, Any]]):
    """An object's members in their order, repeated keys and all."""


_KINDS[_Members] = "object"


def _refuse(word: str) -> NoReturn:
    raise DoubtError(word)


def _signed(digits: str) -> float:
    return -0.0 if digits == "-0" else int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_Members, parse_constant=_refuse)
_CAREFUL = json.JSONDecoder(object_pairs_hook=_Members, parse_constant=_refuse, parse_int=_signed)
"""The same, but slower: it keeps the sign of -0."""


class Quick:
    """One value of a text that was read at once; what `scanner.Node` is to the exact way."""

    __slots__ = ("_has_escapes", "_value", "kind")
    start = end = 0
    """Places are not known."""

    def __init__(self, value: Any, has_escapes: bool) -> None:
        """`has_escapes`: texts may hold halves of surrogate pairs."""
        self._value = value
        self._has_escapes = has_escapes
        self.kind: Kind = _KINDS[type(value)]

    @property
    def text(self) -> str:
        """How it is spelled; a fraction's own spelling is lost."""
        return str(self._value)

    @property
    def value(self) -> Any:
        """What it says, unless it is a container."""
        return without_surrogates(self._value) if self._has_escapes and self.kind == "string" else self._value

    def members(self) -> Iterator[tuple[str, Quick]]:
        """Keys and values of an object."""
        for key, item in self._value:
            yield without_surrogates(key) if self._has_escapes else key, Quick(item, self._has_escapes)

    def items(self) -> Iterator[Quick]:
        """Values of a list."""
        for item in self._value:
            yield Quick(item, self._has_escapes)

    def untyped(self) -> Any:
        """The value where any may stand, as Go keeps it: every number is a 64 bit float, whole ones are int here.

        :raises DoubtError: a number is too large, or the value nests too deep.
        """
        value = _untyped(self._value, DEEPEST_KEPT)
        return without_surrogates(value) if self._has_escapes else value


def read(data: bytes) -> Quick:
    """The first value of `data`.

    :raises DoubtError: it is malformed, or written in a way that only the exact reader understands.
    """
    text = decode_text(data)
    start = _BLANK.match(text)
    decoder = _CAREFUL if "-0" in text and _MINUS_ZERO.search(text) else _DECODER
    try:
        value, _ = decoder.raw_decode(text, start.end() if start else 0)
    except (ValueError, RecursionError) as doubt:
        raise DoubtError(str(doubt)) from doubt
    return Quick(value, "\\u" in text)


def _untyped(value: Any, levels: int) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int and -_EXACT <= value <= _EXACT:
        return value
    if kind is int or kind is float:
        return _float(value)
    if not levels:
        raise DoubtError("too deep")
    if kind is _Members:
        return {key: _untyped(item, levels - 1) for key, item in value}
    return [_untyped(item, levels - 1) for item in value]


def _float(value: float) -> float:
    try:
        number = float(value)
    except OverflowError as doubt:
        raise DoubtError(str(doubt)) from doubt
    if math.isinf(number):
        raise DoubtError("too large")
    if number.is_integer() and abs(number) <= _EXACT and not (number == 0 and math.copysign(1, number) < 0):
        return int(number)
    return number
