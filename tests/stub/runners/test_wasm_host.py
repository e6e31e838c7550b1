"""The WASI functions that the stub provides itself."""

from __future__ import annotations

import struct
import threading

import pytest
import wasmtime

from orchestrator_stub.runners.wasm_host import WasiHost

SLEEP = """
(module (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "poll") (param i32) (result i32) (call $poll (i32.const 0) (i32.const 512) (local.get 0) (i32.const 1024)))
  (func (export "write") (param i32 i32) (result i32) (call $write (local.get 0) (local.get 1) (i32.const 1) (i32.const 8))))
"""


class Log:
    """Takes writes."""

    def __init__(self):
        self.writes = []

    def write(self, stream, data):
        self.writes.append((stream, data))


@pytest.fixture
def program(tmp_path):
    """A program whose exports call the functions; `memory` reads and writes its memory."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    config = wasmtime.WasiConfig()
    store.set_wasi(config)
    linker = wasmtime.Linker(engine)
    program = type("Program", (), {})()
    program.log = Log()
    program.host = WasiHost(linker, store, program.log)
    instance = linker.instantiate(store, wasmtime.Module(engine, SLEEP))
    program.host.attach(instance)
    exports = instance.exports(store)
    program.poll = lambda count: exports["poll"](store, count)
    program.write = lambda fd, vectors: exports["write"](store, fd, vectors)
    program.put = lambda data, at: exports["memory"].write(store, bytearray(data), at)
    program.get = lambda start, end: bytes(exports["memory"].read(store, start, end))
    return program


def clock(userdata, nanoseconds, *, number=1, flags=0):
    """A subscription to a clock."""
    return struct.pack("<QBxxxxxxxIxxxxQQHxxxxxx", userdata, 0, number, nanoseconds, 0, flags)


def file(userdata, fd, kind=1):
    """A subscription to a file."""
    return struct.pack("<QBxxxxxxxI", userdata, kind, fd).ljust(48, b"\0")


def test_a_sleep_reports_its_event(program):
    """Programs that sleep would think that it failed."""
    program.put(clock(7, 1000) + clock(8, 3_600_000_000_000), 0)
    assert program.poll(2) == 0
    assert struct.unpack("<I", program.get(1024, 1028)) == (1,)
    assert struct.unpack("<QHB", program.get(512, 523)) == (7, 0, 0)


def test_files_are_ready_at_once(program):
    """A program that waits for input or a timeout would sleep through."""
    program.put(clock(1, 3_600_000_000_000) + file(2, 0), 0)
    assert program.poll(2) == 0
    assert struct.unpack("<QHB", program.get(512, 523)) == (2, 0, 1)


@pytest.mark.parametrize("number", [0, 1])
def test_a_time_that_has_passed_is_due(program, number):
    """Absolute times of both clocks."""
    program.put(clock(3, 1, number=number, flags=1), 0)
    assert program.poll(1) == 0
    assert struct.unpack("<I", program.get(1024, 1028)) == (1,)


def test_stop_wakes_a_sleeper(program):
    """A stopped job would sleep on."""
    program.put(clock(1, 3_600_000_000_000), 0)
    threading.Timer(0.01, program.host.stop).start()
    assert program.poll(1) == 0


def test_bad_pointers_are_the_programs_fault(program):
    """An exception of ours would hit another run."""
    assert program.write(1, 65535) == 21
    program.put(struct.pack("<II", 65000, 10_000), 0)
    assert program.write(1, 0) == 21
    assert program.log.writes == []


def test_only_output_goes_to_the_log(program):
    """Other descriptors are files; one that is not open is an error of the program."""
    program.put(struct.pack("<II", 64, 2) + b"\0" * 56 + b"hi", 0)
    assert [program.write(fd, 0) for fd in (1, 2, 9)] == [0, 0, 8]
    assert program.log.writes == [(1, b"hi"), (2, b"hi")]


def test_without_exit_there_is_no_code(program):
    """A normal return would look like exit code 0."""
    assert program.host.exit_code is None
