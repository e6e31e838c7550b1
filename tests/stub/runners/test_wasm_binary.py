"""What a module says about itself is read right."""

from __future__ import annotations

import pytest
import wasmtime

from orchestrator_stub.runners.wasm_binary import MalformedModuleError, Signature, read_module

MODULE = """
(module $app
  (import "env" "memory" (memory 1 2)) (import "env" "table" (table 1 funcref)) (import "env" "g" (global i32))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (func $two (param i64 f32) (result i32 f64) (unreachable))
  (func (export "run") (param externref))
  (export "two" (func $two)))
"""


def test_facts_of_a_module():
    """Stack traces and load errors would name the wrong things."""
    facts = read_module(bytes(wasmtime.wat2wasm(MODULE)))
    assert facts.name == "app"
    assert facts.imports == ("env", "wasi_snapshot_preview1")
    assert facts.exported_functions == {"run": 2, "two": 1}
    assert [facts.frame(index) for index in range(4)] == [
        "app.fd_write(i32,i32,i32,i32) i32",
        "app.two(i64,f32) (i32,f64)",
        "app.$2(externref)",
        "app.$3()",
    ]
    assert facts.memory_pages == 0


def test_memory_and_no_names():
    """A module that is too big for its job must be told before it is loaded."""
    facts = read_module(bytes(wasmtime.wat2wasm("(module (memory 7 9))")))
    assert (facts.name, facts.memory_pages, facts.signatures) == ("", 7, ())


def test_recorded_modules(modules):
    """All of them are read; `_start` of the trap module is its function 2 (golden 12)."""
    assert {name: read_module(data).exported_functions["_start"] for name, data in modules.items()}["trap"] == 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "invalid magic number"), (b"\0asm\2\0\0\0", "invalid version header"), (b"\0asm\1\0\0\0\1\x7f", "unexpected end")],
)
def test_what_is_no_module(data, reason):
    """The error says so instead of a traceback."""
    with pytest.raises(MalformedModuleError, match=reason):
        read_module(data)


def test_signatures_without_results():
    """As in the recorded trace."""
    assert str(Signature()) == "()"
