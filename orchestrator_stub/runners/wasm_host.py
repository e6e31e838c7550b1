"""The few WASI functions that the stub provides itself, so that output comes write by write and sleeps can be stopped.

The engine's own `fd_write` hides where one write ends, its `poll_oneoff` cannot be interrupted, and its `proc_exit`
refuses codes from 126 on. None of these functions raises: the engine's Python binding keeps a raised exception in one
variable of the process, which concurrent runs would steal from each other.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import wasmtime

    from orchestrator_stub.logs.buffer import LogBuffer

WASI = "wasi_snapshot_preview1"
_SUCCESS, _BADF, _FAULT, _IO = 0, 8, 21, 29
_CLOCK, _REALTIME = 0, 0
_ABSOLUTE = 1

_EXIT = """
(module (global (export "exited") (mut i32) (i32.const 0)) (global (export "code") (mut i32) (i32.const 0))
  (func (export "proc_exit") (param i32)
    (global.set 1 (local.get 0)) (global.set 0 (i32.const 1)) (unreachable)))
"""
"""`proc_exit` in wasm: it notes the code and traps, whatever the code is."""

_FILES = f"""
(module (import "program" "memory" (memory 0))
  (import "{WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (export "memory" (memory 0))
  (func (export "fd_write") (param i32 i32 i32 i32) (result i32)
    (call $write (local.get 0) (local.get 1) (local.get 2) (local.get 3))))
"""
"""The engine's own `fd_write` for files: it works on the memory of its caller, so the caller must be wasm."""


class WasiHost:
    """Own WASI functions of one run, defined in its linker."""

    def __init__(self, linker: wasmtime.Linker, store: wasmtime.Store, log: LogBuffer) -> None:
        import wasmtime

        self._linker, self._store, self._log = linker, store, log
        self._stopped = threading.Event()
        self._started = time.monotonic_ns()
        self._write_file: Callable[..., Any] | None = None
        linker.define_wasi()
        linker.allow_shadowing = True
        i32 = wasmtime.ValType.i32()
        kind = wasmtime.FuncType([i32] * 4, [i32])
        linker.define_func(WASI, "fd_write", kind, self._fd_write, access_caller=True)
        linker.define_func(WASI, "poll_oneoff", kind, self._poll_oneoff, access_caller=True)
        exits = wasmtime.Linker(linker.engine).instantiate(store, _module(linker, _EXIT))
        self._exits = exits.exports(store)
        linker.define(store, WASI, "proc_exit", self._exits["proc_exit"])

    @property
    def exit_code(self) -> int | None:
        """What the program gave to `proc_exit`, as an unsigned number; None when it did not call it."""
        exited, code = self._exits["exited"], self._exits["code"]
        if not exited.value(self._store):  # type: ignore[union-attr]  # both are globals
            return None
        return int(code.value(self._store)) & 0xFFFF_FFFF  # type: ignore[union-attr]

    def attach(self, instance: wasmtime.Instance) -> None:
        """Let the program of this instance write files (its memory is only known now)."""
        import wasmtime

        memory = instance.exports(self._store).get("memory")
        if isinstance(memory, wasmtime.Memory):
            linker = wasmtime.Linker(self._linker.engine)
            linker.define_wasi()
            linker.define(self._store, "program", "memory", memory)
            files = linker.instantiate(self._store, _module(self._linker, _FILES))
            self._write_file = files.exports(self._store)["fd_write"]  # type: ignore[assignment]  # a function

    def stop(self) -> None:
        """Wake the program from any sleep (thread-safe)."""
        self._stopped.set()

    def _fd_write(self, caller: wasmtime.Caller, fd: int, vectors: int, count: int, written: int) -> int:
        try:
            if fd not in (1, 2):
                write = self._write_file
                return _BADF if write is None else int(write(caller, fd, vectors, count, written))
            memory = _memory(caller)
            parts = struct.iter_unpack("<II", _read(memory, caller, vectors, 8 * _u32(count)))
            data = b"".join(_read(memory, caller, start, size) for start, size in parts)
            self._log.write(1 if fd == 1 else 2, data)
            memory.write(caller, bytearray(struct.pack("<I", len(data))), _u32(written))
            return _SUCCESS
        except OSError:
            return _IO
        except Exception:  # a bad pointer of the program; see above why nothing may be raised
            return _FAULT

    def _poll_oneoff(self, caller: wasmtime.Caller, wishes: int, events: int, count: int, happened: int) -> int:
        try:
            memory = _memory(caller)
            table = _read(memory, caller, wishes, 48 * _u32(count))
            subscriptions = [table[place : place + 48] for place in range(0, len(table), 48)]
            delays = [self._delay(subscription) for subscription in subscriptions]
            first = min(delays, default=0)
            if first > 0:
                self._stopped.wait(first / 1e9)
            due = [_event(s) for s, delay in zip(subscriptions, delays, strict=True) if delay <= max(first, 0)]
            memory.write(caller, bytearray(b"".join(due)), _u32(events))
            memory.write(caller, bytearray(struct.pack("<I", len(due))), _u32(happened))
            return _SUCCESS
        except Exception:  # as above
            return _FAULT

    def _delay(self, subscription: bytes) -> int:
        """Nanoseconds until a subscription is due; files are always ready."""
        if subscription[8] != _CLOCK:
            return 0
        clock, timeout, _, flags = struct.unpack_from("<IxxxxQQH", subscription, 16)
        if not flags & _ABSOLUTE:
            return int(timeout)
        now = time.time_ns() if clock == _REALTIME else time.monotonic_ns() - self._started
        return int(timeout) - now


def _event(subscription: bytes) -> bytes:
    userdata, kind = struct.unpack_from("<QB", subscription)
    return struct.pack("<QHBxxxxxQHxxxxxx", userdata, 0, kind, 0, 0)


def _memory(caller: wasmtime.Caller) -> wasmtime.Memory:
    memory: wasmtime.Memory = caller["memory"]  # type: ignore[assignment]  # KeyError or a memory in any WASI program
    return memory


def _read(memory: wasmtime.Memory, caller: wasmtime.Caller, start: int, size: int) -> bytes:
    data = bytes(memory.read(caller, _u32(start), _u32(start) + size))
    if len(data) < size:
        raise IndexError("the program's pointer leads out of its memory")
    return data


def _module(linker: wasmtime.Linker, text: str) -> wasmtime.Module:
    import wasmtime

    return wasmtime.Module(linker.engine, text)


def _u32(value: int) -> int:
    return value & 0xFFFF_FFFF
