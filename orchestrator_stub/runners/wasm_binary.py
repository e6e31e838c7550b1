"""What a wasm binary says about itself: names and types for stack traces, imports, exports, memory (pure).

Only the sections that the released servers' texts depend on are read; the engine validates the module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_VALUE_TYPES = {
    0x7F: "i32",
    0x7E: "i64",
    0x7D: "f32",
    0x7C: "f64",
    0x7B: "v128",
    0x70: "funcref",
    0x6F: "externref",
}
_CUSTOM, _TYPE, _IMPORT, _FUNCTION, _MEMORY, _EXPORT = 0, 1, 2, 3, 5, 7
_FUNC_KIND, _TABLE_KIND, _MEMORY_KIND, _GLOBAL_KIND, _TAG_KIND = range(5)


class MalformedModuleError(ValueError):
    """The bytes are no wasm module; the text is the one of the released servers' engine where it is known."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Parameter and result types of a function."""

    params: tuple[str, ...] = ()
    results: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As the released servers' stack traces print it: `(i32,i32) i32`, `()`, `() (i32,i32)`."""
        text = f"({','.join(self.params)})"
        if len(self.results) > 1:
            return f"{text} ({','.join(self.results)})"
        return text + "".join(f" {result}" for result in self.results)


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """A module's own description."""

    name: str = ""
    """From the name section."""
    signatures: tuple[Signature, ...] = ()
    """By function index, imported functions first."""
    function_names: Mapping[int, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    """Names of the modules it imports from, each once, in order."""
    exported_functions: Mapping[str, int] = field(default_factory=dict)
    memory_pages: int = 0
    """Pages of 64 KiB that its own memory has from the start."""

    def frame(self, index: int) -> str:
        """A line of a stack trace: `.$2()` for the unnamed function 2 of an unnamed module (golden 12)."""
        name = self.function_names.get(index) or f"${index}"
        signature = self.signatures[index] if index < len(self.signatures) else Signature()
        return f"{self.name}.{name}{signature}"


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def more(self) -> bool:
        return self.at < len(self.data)

    def byte(self) -> int:
        if not self.more():
            raise MalformedModuleError("unexpected end of section or function")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise MalformedModuleError("unexpected end of section or function")
        self.at += size
        return self.data[self.at - size : self.at]

    def text(self) -> str:
        return self.take(self.number()).decode("utf-8", "replace")

    def types(self) -> tuple[str, ...]:
        return tuple(_VALUE_TYPES.get(self.byte(), "unknown") for _ in range(self.number()))

    def limits(self) -> int:
        flags = self.byte()
        least = self.number()
        if flags & 1:
            self.number()
        return least


def read_module(data: bytes) -> ModuleFacts:
    """Facts of a module.

    :raises MalformedModuleError: not a wasm binary, or cut short
    """
    if data[:4] != b"\0asm":
        raise MalformedModuleError("invalid magic number")
    if data[4:8] != b"\1\0\0\0":
        raise MalformedModuleError("invalid version header")
    sections: dict[int, bytes] = {}
    names = b""
    reader = _Reader(data[8:])
    while reader.more():
        kind = reader.byte()
        body = reader.take(reader.number())
        if kind == _CUSTOM:
            custom = _Reader(body)
            if custom.text() == "name":
                names = body[custom.at :]
        else:
            sections[kind] = body
    types = _read_types(sections.get(_TYPE))
    imports, imported = _read_imports(sections.get(_IMPORT))
    indexes = imported + _read_functions(sections.get(_FUNCTION))
    module_name, function_names = _read_names(names)
    return ModuleFacts(
        name=module_name,
        signatures=tuple(types[index] if index < len(types) else Signature() for index in indexes),
        function_names=function_names,
        imports=imports,
        exported_functions=_read_exports(sections.get(_EXPORT)),
        memory_pages=_read_memory(sections.get(_MEMORY)),
    )


def _read_types(body: bytes | None) -> list[Signature]:
    reader = _Reader(body or b"\0")
    types = []
    for _ in range(reader.number()):
        if reader.byte() != 0x60:
            break  # a proposal's type: what follows cannot be told apart
        types.append(Signature(reader.types(), reader.types()))
    return types


def _read_imports(body: bytes | None) -> tuple[tuple[str, ...], list[int]]:
    reader = _Reader(body or b"\0")
    modules: dict[str, None] = {}
    functions: list[int] = []
    for _ in range(reader.number()):
        modules[reader.text()] = None
        reader.text()
        kind = reader.byte()
        if kind == _FUNC_KIND:
            functions.append(reader.number())
        elif kind == _TABLE_KIND:
            reader.byte()
            reader.limits()
        elif kind == _MEMORY_KIND:
            reader.limits()
        elif kind == _GLOBAL_KIND:
            reader.take(2)
        elif kind == _TAG_KIND:
            reader.byte()
            reader.number()
    return tuple(modules), functions


def _read_functions(body: bytes | None) -> list[int]:
    reader = _Reader(body or b"\0")
    return [reader.number() for _ in range(reader.number())]


def _read_memory(body: bytes | None) -> int:
    reader = _Reader(body or b"\0")
    return reader.limits() if reader.number() else 0


def _read_exports(body: bytes | None) -> dict[str, int]:
    reader = _Reader(body or b"\0")
    exports: dict[str, int] = {}
    for _ in range(reader.number()):
        name, kind, index = reader.text(), reader.byte(), reader.number()
        if kind == _FUNC_KIND:
            exports[name] = index
    return exports


def _read_names(body: bytes) -> tuple[str, dict[int, str]]:
    reader = _Reader(body)
    module, functions = "", dict[int, str]()
    while reader.more():
        kind = reader.byte()
        part = _Reader(reader.take(reader.number()))
        if kind == 0:
            module = part.text()
        elif kind == 1:
            for _ in range(part.number()):
                index = part.number()
                functions[index] = part.text()
    return module, functions
