"""Decodes JSON into what a Go struct would hold, driven by tables, with Go's words for what does not fit.

Keys match without regard to case, unknown ones are ignored, the last of several wins (structs and maps are merged),
null leaves a plain field alone and empties a pointer. The first misfit is remembered, the rest is still read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

from orchestrator_stub.wire.reading import DEEPEST_KEPT, DoubtError, Quick, read
from orchestrator_stub.wire.scanner import JsonError, JsonSyntaxError, Node, check_depth, scan, too_large


class BindError(Exception):
    """A body or parameter that cannot be read; `args[0]` is the message of the 400."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """string, bool or an integer; `low` and `high` bound integers."""

    kind: str
    """"string", "bool" or "number"."""
    name: str
    """Go's name of the type."""
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True)
class Text:
    """A type that reads itself from text; `parse` raises ValueError with Go's message."""

    name: str
    parse: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Untyped:
    """A map with any values."""

    name: str = "map[string]interface {}"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map of texts to one type."""

    name: str
    of: Scalar


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; null elements of pointer types come as None."""

    name: str
    of: Type


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct; `through` names the embedded structs it comes from."""

    name: str
    type: Type
    pointer: bool = False
    through: tuple[str, ...] = ()

    @property
    def can_be_empty(self) -> bool:
        """Whether null undoes what it held: so it is with pointers, lists and maps."""
        return self.pointer or isinstance(self.type, ListOf | MapOf | Untyped)


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct; `apart` = it has its own decoder, so that offsets and struct names start again inside it."""

    name: str
    fields: tuple[Field, ...]
    apart: bool = False
    table: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", {f.name.lower(): f for f in self.fields})

    @property
    def short(self) -> str:
        """Name without package, as Go's messages use it for the struct."""
        head, bracket, rest = self.name.partition("[")
        return head.rpartition(".")[2] + bracket + rest


Type = Scalar | Text | Untyped | MapOf | ListOf | Struct

STRING = Scalar("string", "string")
BOOL = Scalar("bool", "bool")
INT = Scalar("number", "int", -(2**63), 2**63 - 1)
INT64 = Scalar("number", "int64", -(2**63), 2**63 - 1)
UINT64 = Scalar("number", "uint64", 0, 2**64 - 1)
UINT32 = Scalar("number", "uint32", 0, 2**32 - 1)
STRINGS = MapOf("map[string]string", STRING)


def unmarshal(body: bytes, schema: Struct, into: dict[str, Any]) -> dict[str, Any]:
    """Fields of `schema` that `body` gives, added to `into`; names are the schema's.

    :raises BindError: the body is no JSON or a value has the wrong type.
    """
    decoder = _Decoder()
    try:
        value = decoder.value(read(body), schema, dict(into))
    except (DoubtError, _MisfitError, ValueError):
        value = _exactly(body, schema, into)
    else:
        if decoder.misfit is not None:
            value = _exactly(body, schema, into)
    return value if isinstance(value, dict) else into


def _exactly(body: bytes, schema: Struct, into: dict[str, Any]) -> Any:
    """The slow way, which knows where everything stands. Raises BindError."""
    decoder = _Decoder()
    try:
        value = decoder.value(scan(body), schema, into)
        if decoder.misfit is not None:
            raise decoder.misfit
    except JsonSyntaxError as wrong:
        raise BindError(bind_text(f"Syntax error: offset={wrong.offset}, error={wrong}", str(wrong))) from wrong
    except JsonError as wrong:
        raise BindError(bind_text(str(wrong))) from wrong
    except _MisfitError as misfit:
        raise BindError(misfit.bind_text()) from misfit
    except ValueError as wrong:
        raise BindError(bind_text(str(wrong))) from wrong
    return value


def bind_text(message: str, internal: str = "") -> str:
    """How the server wraps a problem of reading a request."""
    return f"code=400, message={message}, internal={internal or message}"


class _MisfitError(Exception):
    """A value of the wrong type, as Go describes it."""

    def __init__(self, got: str, expected: str, offset: int) -> None:
        super().__init__(got, expected, offset)
        self.got, self.expected, self.offset = got, expected, offset
        self.struct = ""
        self.path: list[str] = []

    def located(self, struct: str, path: list[str]) -> _MisfitError:
        """Where it is, from outside: an outer struct's name replaces the inner one's."""
        if struct or path:
            self.struct = struct
            self.path = path + self.path
        return self

    def bind_text(self) -> str:
        """The 400's message."""
        name = ".".join(self.path)
        place = f"Go struct field {self.struct}.{name}" if self.struct or name else "Go value"
        return bind_text(
            f"Unmarshal type error: expected={self.expected}, got={self.got}, field={name}, offset={self.offset}",
            f"json: cannot unmarshal {self.got} into {place} of type {self.expected}",
        )


class _Decoder:
    """One run of Go's decoder: offsets count from `base`."""

    def __init__(self, base: int = 0) -> None:
        self.base = base
        self.misfit: _MisfitError | None = None
        self._struct = ""
        self._path: list[str] = []

    def value(self, node: Node | Quick, type_: Type, into: Any = None) -> Any:
        """The decoded value, `into` (the value so far) where it does not fit."""
        if isinstance(type_, Struct):
            return self._struct_value(node, type_, into)
        if node.kind == "null":
            return into
        if isinstance(type_, Scalar):
            return self._scalar(node, type_, into)
        if isinstance(type_, Text):
            return type_.parse(node.value) if node.kind == "string" else self._wrong(node, type_.name, into)
        if isinstance(type_, ListOf):
            if node.kind != "array":
                return self._wrong(node, type_.name, into)
            return self._list(node, type_.of, into or [])
        if node.kind != "object":
            return self._wrong(node, type_.name, into)
        if isinstance(type_, Untyped):
            return (into or {}) | self._untyped(node)
        return (into or {}) | {key: self.value(item, type_.of, "") for key, item in node.members()}

    def _list(self, node: Node | Quick, of: Type, before: list[Any]) -> list[Any]:
        """Elements are read over those that an earlier list of the same key left."""
        items: Iterable[Node | Quick] = node.items()
        return [
            None if item.kind == "null" else self.value(item, of, earlier)
            for item, earlier in zip(items, chain(before, repeat(None)), strict=False)
        ]

    def _untyped(self, node: Node | Quick) -> Any:
        if isinstance(node, Quick):
            return node.untyped()
        try:
            return read(node.data[node.start : node.end]).untyped()
        except DoubtError:
            check_depth(node, DEEPEST_KEPT)
            number = too_large(node)
            assert number is not None  # nothing else is doubtful in a value that is well-formed
            # Go counts one byte more where it looks for fractions.
            return self._wrong(number, "float64", {}, f"number {number.text}", further=1)

    def _scalar(self, node: Node | Quick, type_: Scalar, into: Any) -> Any:
        if node.kind != type_.kind:
            return self._wrong(node, type_.name, into)
        if node.kind != "number":
            return node.value
        text = node.text
        digits = text[1:] if type_.low and text[:1] == "-" else text
        whole = digits.isdigit() and len(text) < 25
        if not whole or not type_.low <= int(text) <= type_.high:
            return self._wrong(node, type_.name, into, f"number {text}")
        return int(text)

    def _struct_value(self, node: Node | Quick, type_: Struct, into: Any) -> Any:
        if node.kind == "null":
            return into
        if type_.apart:
            return self._apart(node, type_, into)
        if node.kind != "object":
            return self._wrong(node, type_.name, into)
        values: dict[str, Any] = into if into is not None else {}
        struct, depth = self._struct, len(self._path)
        for key, item in node.members():
            target = type_.table.get(key.lower())
            if target is None:
                continue
            self._struct = type_.short
            self._path[depth:] = [*target.through, target.name]
            if item.kind == "null":
                if target.can_be_empty:
                    values[target.name] = None
                continue
            values[target.name] = self.value(item, target.type, values.get(target.name))
        self._struct = struct
        del self._path[depth:]
        return values

    def _apart(self, node: Node | Quick, type_: Struct, into: Any) -> Any:
        inner = _Decoder(node.start)
        value = inner.value(node, Struct(type_.name, type_.fields), into)
        if inner.misfit is not None:  # a decoder's own failure ends the outer one at once
            raise inner.misfit.located(self._struct, list(self._path))
        return value

    def _wrong(self, node: Node | Quick, expected: str, into: Any, got: str = "", *, further: int = 0) -> Any:
        at = (node.start + 1 if node.kind in ("object", "array") else node.end) + further
        if self.misfit is None:
            found = _MisfitError(got or node.kind, expected, at - self.base)
            self.misfit = found.located(self._struct, list(self._path))
        return into

