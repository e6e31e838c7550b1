"""Reads JSON with positions and complains like Go's scanner (golden 28): offsets count bytes, from 1 at a bad one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator_stub.wire.gojson import decode_text, without_surrogates

Kind = Literal["object", "array", "string", "number", "bool", "null"]
DEEPEST = 10_000
"""Levels of nesting that are read."""

_BLANK = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"([^"\\\x00-\x1f]*)"')
_ESCAPED = re.compile(rb'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS: tuple[tuple[bytes, Kind, Any], ...] = (
    (b"true", "bool", True),
    (b"false", "bool", False),
    (b"null", "null", None),
)


class JsonError(Exception):
    """The text is no JSON; the argument is Go's message."""


class JsonSyntaxError(JsonError):
    """A character is wrong where it stands; `offset` counts bytes up to and with it."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Node:
    """One value and where it stands: bytes `start` up to, not with, `end`."""

    kind: Kind
    value: Any
    """object: list of (key, Node); array: list of Node; number: its text; else the value itself."""
    start: int
    end: int


def scan(data: bytes) -> Node:
    """The first value of `data`; whatever follows it is not looked at (FINDINGS 1 row 2.5).

    :raises JsonSyntaxError: the first value is malformed.
    :raises JsonError: the data ends before the value does ("unexpected EOF"), or there is none ("EOF").
    """
    start = _blank(data, 0)
    if start == len(data):
        raise JsonError("EOF")
    return _values(data, start)


def _values(data: bytes, at: int) -> Node:
    """One value, with an own stack: input nests deeper than Python may call."""
    # Each open container: (kind, start, its parts so far, the key that waits for its value).
    stack: list[tuple[Kind, int, list[Any], str]] = []
    while True:
        node, at = _begin(data, at, stack)
        while node is not None:
            if not stack:
                return node
            node, at = _add(data, at, stack, node)


def _begin(data: bytes, at: int, stack: list[tuple[Kind, int, list[Any], str]]) -> tuple[Node | None, int]:
    """A scalar or empty container as a node; None when a container was opened (its first value follows)."""
    letter = data[at : at + 1]
    if letter == b"{":
        _check_depth(stack, letter, at)
        inside = _blank(data, at + 1)
        if data[inside : inside + 1] == b"}":
            return Node("object", [], at, inside + 1), inside + 1
        key, after = _key(data, inside, "looking for beginning of object key string")
        stack.append(("object", at, [], key))
        return None, after
    if letter == b"[":
        _check_depth(stack, letter, at)
        inside = _blank(data, at + 1)
        if data[inside : inside + 1] == b"]":
            return Node("array", [], at, inside + 1), inside + 1
        if inside == len(data):
            raise JsonError("unexpected EOF")
        stack.append(("array", at, [], ""))
        return None, inside
    node = _scalar(data, at)
    return node, node.end


def _add(
    data: bytes, at: int, stack: list[tuple[Kind, int, list[Any], str]], node: Node
) -> tuple[Node | None, int]:
    """Put a finished value into the innermost container; returns that container when it closes."""
    kind, start, parts, key = stack.pop()
    parts.append((key, node) if kind == "object" else node)
    at = _blank(data, at)
    letter = data[at : at + 1]
    if letter == (b"}" if kind == "object" else b"]"):
        return Node(kind, parts, start, at + 1), at + 1
    if letter != b",":
        raise _wrong(data, at, "after object key:value pair" if kind == "object" else "after array element")
    at = _blank(data, at + 1)
    if kind == "object":
        key, at = _key(data, at, "looking for beginning of object key string")
    elif at == len(data):
        raise JsonError("unexpected EOF")
    stack.append((kind, start, parts, key))
    return None, at


def _key(data: bytes, at: int, where: str) -> tuple[str, int]:
    """An object key; returns it and where its value starts."""
    if data[at : at + 1] != b'"':
        raise _wrong(data, at, where)
    node = _string(data, at)
    at = _blank(data, node.end)
    if data[at : at + 1] != b":":
        raise _wrong(data, at, "after object key")
    at = _blank(data, at + 1)
    if at == len(data):
        raise JsonError("unexpected EOF")
    return str(node.value), at


def _scalar(data: bytes, at: int) -> Node:
    letter = data[at : at + 1]
    if letter == b'"':
        return _string(data, at)
    if letter == b"-" or letter.isdigit():
        return _number(data, at)
    for word, kind, value in _WORDS:
        if letter != word[:1]:
            continue
        for offset in range(1, len(word)):
            if data[at + offset : at + offset + 1] != word[offset : offset + 1]:
                expected = chr(word[offset])
                raise _wrong(data, at + offset, f"in literal {word.decode()} (expecting '{expected}')")
        return Node(kind, value, at, at + len(word))
    raise _wrong(data, at, "looking for beginning of value")


def _string(data: bytes, at: int) -> Node:
    match = _STRING.match(data, at)
    if match is not None:
        return Node("string", decode_text(match[1]), at, match.end())
    match = _ESCAPED.match(data, at)
    if match is not None:
        return Node("string", without_surrogates(json.loads(f'"{decode_text(match[1])}"')), at, match.end())
    raise _bad_string(data, at)


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


def _number(data: bytes, at: int) -> Node:
    match = _NUMBER.match(data, at)
    if match is None:  # a lone minus
        raise _wrong(data, at + 1, "in numeric literal")
    end = match.end()
    rest = data[end : end + 1]
    if rest == b".":
        raise _wrong(data, end + 1, "after decimal point in numeric literal")
    if rest in (b"e", b"E"):
        sign = data[end + 1 : end + 2] in (b"+", b"-")
        raise _wrong(data, end + (2 if sign else 1), "in exponent of numeric literal")
    return Node("number", match[0].decode(), at, end)


def _blank(data: bytes, at: int) -> int:
    match = _BLANK.match(data, at)
    return match.end() if match else at


def _check_depth(stack: list[tuple[Kind, int, list[Any], str]], letter: bytes, at: int) -> None:
    if len(stack) >= DEEPEST:
        raise JsonSyntaxError(f"invalid character '{letter.decode()}' exceeded max depth", at + 1)


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
