"""Reads JSON with positions and complains like Go's scanner (golden 28): offsets count bytes, from 1 at a bad one.

`scan` checks a whole value and builds nothing; a `Node` reads its parts when somebody asks for them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator_stub.wire.gojson import decode_text, without_surrogates

Kind = Literal["object", "array", "string", "number", "bool", "null"]
DEEPEST = 10_000
"""Levels of nesting that are read."""

_BLANK = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"([^"\\\x00-\x1f]*)"')
_ESCAPED = re.compile(rb'"((?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+)"')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_TEXT_OR_NUMBER = re.compile(rb'"(?:[^"\\]++|\\.)*+"|(-?[0-9][0-9.eE+-]*+)')
_WORDS = (b"true", b"false", b"null")
_KINDS: dict[bytes, Kind] = {b"{": "object", b"[": "array", b'"': "string", b"t": "bool", b"f": "bool", b"n": "null"}

# What long bodies are made of is passed over many at a time: small values of a list with their commas, and members of
# an object that another one follows. Whatever is odd ends such a run and is looked at alone.
_SMALL = (
    r'(?:"[^"\\\x00-\x1f]*+"|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+(?=[ \t\r\n,])|true|false|null'
    r"|\[\]|\{\})[ \t\r\n]*+,[ \t\r\n]*+"
)
_ITEMS = re.compile(f"(?:{_SMALL})++".encode())
_MEMBERS = re.compile(rf'(?:"[^"\\\x00-\x1f]*+"[ \t\r\n]*+:[ \t\r\n]*+{_SMALL}(?="))++'.encode())


class JsonError(Exception):
    """The text is no JSON; the argument is Go's message."""


class JsonSyntaxError(JsonError):
    """A character is wrong where it stands; `offset` counts bytes up to and with it."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Node:
    """One well-formed value and where it stands: bytes `start` up to, not with, `end` of `data`."""

    data: bytes
    start: int
    end: int

    @property
    def kind(self) -> Kind:
        """What it is."""
        return _KINDS.get(self.data[self.start : self.start + 1], "number")

    @property
    def text(self) -> str:
        """How it is spelled."""
        return decode_text(self.data[self.start : self.end])

    @property
    def value(self) -> Any:
        """What it says, unless it is a container; of a number its text."""
        match self.kind:
            case "string":
                return _unquoted(self.data, self.start)
            case "bool":
                return self.end - self.start == len("true")
            case "null":
                return None
        return self.text

    def members(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of an object."""
        at = _blank(self.data, self.start + 1)
        while self.data[at : at + 1] != b"}":
            at, key_end = _value_of_key(self.data, at), at
            item = Node(self.data, at, _end(self.data, at))
            yield _unquoted(self.data, key_end), item
            at = _after_comma(self.data, item.end)

    def items(self) -> Iterator[Node]:
        """Values of a list."""
        at = _blank(self.data, self.start + 1)
        while self.data[at : at + 1] != b"]":
            item = Node(self.data, at, _end(self.data, at))
            yield item
            at = _after_comma(self.data, item.end)


def scan(data: bytes) -> Node:
    """The first value of `data`; whatever follows it is not looked at (FINDINGS 1 row 2.5).

    :raises JsonSyntaxError: the first value is malformed.
    :raises JsonError: the data ends before the value does ("unexpected EOF"), or there is none ("EOF").
    """
    start = _blank(data, 0)
    if start == len(data):
        raise JsonError("EOF")
    return Node(data, start, _end(data, start))


def check_depth(node: Node, deepest: int) -> None:
    """Raises JsonSyntaxError where the value nests deeper than so many levels."""
    _end(node.data, node.start, deepest)


def too_large(node: Node) -> Node | None:
    """The first number in a value that no 64 bit float can hold."""
    for match in _TEXT_OR_NUMBER.finditer(node.data, node.start, node.end):
        if match[1] and math.isinf(float(match[1])):
            return Node(node.data, *match.span())
    return None


def _end(data: bytes, at: int, deepest: int = DEEPEST) -> int:
    """Where a value ends, with an own stack: input nests deeper than Python may call."""
    stack: list[bytes] = []  # how each open container closes
    while True:
        letter = data[at : at + 1]
        if letter in (b"{", b"["):
            if len(stack) >= deepest:
                raise JsonSyntaxError(f"invalid character '{letter.decode()}' exceeded max depth", at + 1)
            closing = b"}" if letter == b"{" else b"]"
            at = _blank(data, at + 1)
            if data[at : at + 1] != closing:
                stack.append(closing)
                at = _next_value(data, at, closing)
                continue
            at += 1
        else:
            at = _scalar_end(data, at)
        while stack:
            at = _blank(data, at)
            letter = data[at : at + 1]
            if letter == stack[-1]:
                stack.pop()
                at += 1
                continue
            if letter != b",":
                in_object = stack[-1] == b"}"
                raise _wrong(data, at, "after object key:value pair" if in_object else "after array element")
            at = _next_value(data, _blank(data, at + 1), stack[-1])
            break
        else:
            return at


def _next_value(data: bytes, at: int, closing: bytes) -> int:
    """Where the next value of a container stands that has to be looked at alone."""
    run = (_MEMBERS if closing == b"}" else _ITEMS).match(data, at)
    at = run.end() if run else at
    if closing == b"}":
        return _value_of_key(data, at)
    if at == len(data):
        raise JsonError("unexpected EOF")
    return at


def _value_of_key(data: bytes, at: int) -> int:
    """Where the value of the key at `at` starts."""
    if data[at : at + 1] != b'"':
        raise _wrong(data, at, "looking for beginning of object key string")
    at = _blank(data, _string_end(data, at))
    if data[at : at + 1] != b":":
        raise _wrong(data, at, "after object key")
    at = _blank(data, at + 1)
    if at == len(data):
        raise JsonError("unexpected EOF")
    return at


def _after_comma(data: bytes, at: int) -> int:
    at = _blank(data, at)
    return _blank(data, at + 1) if data[at : at + 1] == b"," else at


def _scalar_end(data: bytes, at: int) -> int:
    letter = data[at : at + 1]
    if letter == b'"':
        return _string_end(data, at)
    if letter == b"-" or letter.isdigit():
        return _number_end(data, at)
    for word in _WORDS:
        if letter != word[:1]:
            continue
        for offset in range(1, len(word)):
            if data[at + offset : at + offset + 1] != word[offset : offset + 1]:
                expected = chr(word[offset])
                raise _wrong(data, at + offset, f"in literal {word.decode()} (expecting '{expected}')")
        return at + len(word)
    raise _wrong(data, at, "looking for beginning of value")


def _string_end(data: bytes, at: int) -> int:
    match = _STRING.match(data, at) or _ESCAPED.match(data, at)
    if match is None:
        raise _bad_string(data, at)
    return match.end()


def _unquoted(data: bytes, at: int) -> str:
    """The text of a well-formed string."""
    match = _STRING.match(data, at)
    if match is not None:
        return decode_text(match[1])
    match = _ESCAPED.match(data, at)
    assert match is not None  # it was looked at before
    return str(without_surrogates(json.loads(f'"{decode_text(match[1])}"')))


def _bad_string(data: bytes, at: int) -> JsonError:
    """What is wrong in a string that does not match."""
    at += 1
    while at < len(data):
        letter = data[at]
        if letter < 0x20:
            return _wrong(data, at, "in string literal")
        if letter == ord("\\"):
            at += 1
            if data[at : at + 1] == b"u":
                for digit in range(at + 1, at + 5):
                    if digit < len(data) and data[digit] not in b"0123456789abcdefABCDEF":
                        return _wrong(data, digit, "in \\u hexadecimal character escape")
                at += 4
            elif at < len(data) and data[at] not in b'"\\/bfnrt':
                return _wrong(data, at, "in string escape code")
        at += 1
    return JsonError("unexpected EOF")


def _number_end(data: bytes, at: int) -> int:
    match = _NUMBER.match(data, at)
    if match is None:  # a lone minus
        raise _wrong(data, at + 1, "in numeric literal")
    end = match.end()
    rest = data[end : end + 1]
    has_exponent = b"e" in match[0].lower()
    if rest == b"." and b"." not in match[0] and not has_exponent:
        raise _wrong(data, end + 1, "after decimal point in numeric literal")
    if rest in (b"e", b"E") and not has_exponent:
        sign = data[end + 1 : end + 2] in (b"+", b"-")
        raise _wrong(data, end + (2 if sign else 1), "in exponent of numeric literal")
    return end


def _blank(data: bytes, at: int) -> int:
    match = _BLANK.match(data, at)
    return match.end() if match else at


def _wrong(data: bytes, at: int, where: str) -> JsonError:
    if at >= len(data):
        return JsonError("unexpected EOF")
    return JsonSyntaxError(f"invalid character {_shown(data[at])} {where}", at + 1)


def _shown(code: int) -> str:
    """A byte in Go's quotes."""
    if code == ord("'"):
        return r"'\''"
    if code == ord('"'):
        return "'\"'"
    letter = chr(code)
    named = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", "\\": r"\\"}
    if letter in named:
        return f"'{named[letter]}'"
    if letter.isprintable():
        return f"'{letter}'"
    return f"'\\x{code:02x}'" if code < 0x80 else f"'\\u{code:04x}'"
