"""Wasm jobs really run, and end as recorded servers say (goldens 12, 13, 14, 42, 43)."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
import wasmtime

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.wasm import WasmRunner, _Program
from orchestrator_stub.runners.wasm_spec import wasm_spec

TARGET = "/app/main.wasm"


@pytest.fixture
def runner(release):
    """A wasm runner of the release."""
    return WasmRunner(release)


@pytest.fixture
def wasm_work(make_work):
    """Builds a run of one module."""

    def make(module, *, inputs=None, entrypoint="_start", **more):
        params = {"EntryModule": TARGET, "Entrypoint": entrypoint, **more.pop("params", {})}
        return make_work("wasm", params, inputs={TARGET: module, **(inputs or {})}, **more)

    return make


def wat(text):
    """A module from its text form."""
    return bytes(wasmtime.wat2wasm(text))


@pytest.mark.parametrize(
    ("name", "code", "stdout", "stderr"),
    [
        ("exit0", 0, b"hello stdout\n", b"hello stderr\n"),
        ("exit3", 3, b"hello stdout\n", b"hello stderr\n"),
        ("hello", -1, b"hello stdout\n", b""),
        ("stderr", -1, b"", b"hello stderr\n"),
    ],
)
async def test_exit_code_and_output(runner, wasm_work, modules, printed, name, code, stdout, stderr):
    """A module's exit code or output would differ from a real server's; -1 is a normal return."""
    work = wasm_work(modules[name])
    assert (await runner.run(work)).exit_code == code
    assert (printed(work), printed(work, 2)) == (stdout, stderr)


@pytest.mark.parametrize("code", [126, 137, 255, -1])
async def test_exit_codes_above_125_are_exit_codes(runner, wasm_work, code):
    """The engine refuses them, a real server reports them (as unsigned numbers)."""
    module = wat(
        '(module (import "wasi_snapshot_preview1" "proc_exit" (func $e (param i32))) (memory (export "memory") 1)'
        f' (func (export "_start") (call $e (i32.const {code}))))'
    )
    assert (await runner.run(wasm_work(module))).exit_code == code & 0xFFFFFFFF


async def test_each_write_of_the_program_is_one_chunk(runner, wasm_work, modules):
    """RunOutput of a wasm job shows the first write only; it could not be told from the rest."""
    work = wasm_work(modules["big"])
    await runner.run(work)
    assert [len(chunk.data) for chunk in work.log.snapshot()] == [50] * 100
    assert work.log.head(1, first_write_only=True) == ("0123456789012345678901234567890123456789012345678\n", False)


async def test_a_trap_fails_with_the_recorded_text(runner, wasm_work, modules):
    """The error of a broken program would read differently than on a real server (golden 12, executions-trap)."""
    with pytest.raises(StepError) as failure:
        await runner.run(wasm_work(modules["trap"]))
    assert failure.value.message == "wasm error: unreachable\nwasm stack trace:\n\t.$2()"


async def test_a_trap_names_functions_and_their_types(runner, wasm_work):
    """Stack traces of real programs, which have names, would be useless."""
    module = wat(
        '(module $app (func $inner (param i32 i64) (result i32) (i32.div_u (i32.const 1) (i32.const 0)))'
        ' (func $outer (export "_start") (drop (call $inner (i32.const 1) (i64.const 2)))))'
    )
    with pytest.raises(StepError) as failure:
        await runner.run(wasm_work(module))
    assert failure.value.message == (
        "wasm error: integer divide by zero\nwasm stack trace:\n\tapp.inner(i32,i64) i32\n\tapp.outer()"
    )


async def test_endless_recursion_is_a_stack_overflow(runner, wasm_work):
    """It would take the process down or read like another failure."""
    with pytest.raises(StepError, match="^wasm error: stack overflow\n"):
        await runner.run(wasm_work(wat('(module (func $f (export "_start") (call $f)))')))


@pytest.mark.parametrize("entrypoint", ["nope", ""])
async def test_a_missing_entry_point(runner, wasm_work, modules, entrypoint):
    """Golden 14 `wasm-garbage-module` and 43 `no-entrypoint`."""
    with pytest.raises(StepError) as failure:
        await runner.run(wasm_work(modules["exit0"], entrypoint=entrypoint))
    assert failure.value.message == f"unable to find the entrypoint '{entrypoint}' in the WASM module"


async def test_a_module_whose_name_no_file_can_have(runner, make_work):
    """The runner would break and say so in Python's words."""
    name = "/a" * 3000
    with pytest.raises(StepError) as failure:
        await runner.run(make_work("wasm", {"EntryModule": name, "Entrypoint": "_start"}))
    assert failure.value.message == f'failed to load entry module {name}: module not found: "{name}"'


async def test_a_missing_module(runner, make_work):
    """The path is no input: the error names it."""
    with pytest.raises(StepError) as failure:
        await runner.run(make_work("wasm", {"EntryModule": "/nope.wasm", "Entrypoint": "_start"}))
    assert failure.value.message == 'failed to load entry module /nope.wasm: module not found: "/nope.wasm"'


async def test_bytes_that_are_no_module(runner, wasm_work):
    """The error says that the module is the problem."""
    with pytest.raises(StepError) as failure:
        await runner.run(wasm_work(b"#!/bin/sh\n"))
    assert failure.value.message == (
        f'failed to load entry module {TARGET}: failed to compile module at "{TARGET}": invalid magic number'
    )


async def test_arguments_and_environment(runner, wasm_work, modules, printed):
    """Environment arrives sorted, as recorded (golden 43, executions-env)."""
    work = wasm_work(modules["env"], env={"HELLO": "world", "A": "b"})
    await runner.run(work)
    assert printed(work) == b"A=b\0HELLO=world\0"


async def test_parameters_follow_an_empty_program_name(runner, wasm_work, printed):
    """argv[0] is "" on real servers; parameters would be off by one."""
    module = wat(
        '(module (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))'
        ' (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))'
        ' (memory (export "memory") 1)'
        ' (func (export "_start") (drop (call $get (i32.const 64) (i32.const 256)))'
        " (i32.store (i32.const 0) (i32.const 256)) (i32.store (i32.const 4) (i32.const 6))"
        " (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"
    )
    work = wasm_work(module, params={"Parameters": ["a", "bc"]})
    await runner.run(work)
    assert printed(work) == b"\0a\0bc\0"


async def test_an_input_file(runner, wasm_work, modules, printed):
    """A program that knows only the first open folder must find its input there (golden 43, executions-cat)."""
    work = wasm_work(modules["cat"], inputs={"/in/data": b"hello input\n"})
    assert (await runner.run(work)).exit_code == -1
    assert printed(work) == b"hello input\n"


async def test_an_input_folder(runner, wasm_work, modules, printed, tmp_path):
    """An S3 object arrives as a folder with the object in it (golden 42, executions-in-object)."""
    folder = tmp_path / "object"
    folder.mkdir()
    (folder / "data").write_bytes(b"hello from s3\n")
    work = wasm_work(modules["cat"], mounts=[Mount(folder, "/in/")])
    await runner.run(work)
    assert printed(work) == b"hello from s3\n"


async def test_a_missing_input_is_the_programs_business(runner, wasm_work, modules):
    """Golden 43, executions-cat-missing: the module exits with 4."""
    assert (await runner.run(wasm_work(modules["cat"]))).exit_code == 4


async def test_files_of_a_result_path_come_back(runner, wasm_work, modules):
    """What a program publishes would be lost; results are found under the name of the path."""
    work = wasm_work(modules["outputs"], results={"outputs": "/somewhere/else"})
    await runner.run(work)
    assert (work.folder.parent / "results" / "outputs" / "result.txt").read_bytes() == b"hello result\n"


async def test_a_local_input_stays_where_it_is(runner, wasm_work, modules, tmp_path):
    """A folder of the user would be moved away."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "data").write_bytes(b"precious")
    await runner.run(wasm_work(modules["hello"], mounts=[Mount(folder, "/in", shared=True)]))
    assert (folder / "data").read_bytes() == b"precious"


async def test_imported_modules_are_found_by_path(runner, wasm_work):
    """Programs of several modules would not start."""
    lib = wat('(module (func (export "code") (result i32) (i32.const 7)))')
    main = wat(
        '(module (import "/lib.wasm" "code" (func $code (result i32)))'
        ' (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)'
        ' (func (export "_start") (call $exit (call $code))))'
    )
    assert (await runner.run(wasm_work(main, inputs={"/lib.wasm": lib}))).exit_code == 7


async def test_an_unknown_import_is_named(runner, wasm_work):
    """The error says which module is missing."""
    main = wat('(module (import "env" "f" (func)) (func (export "_start")))')
    with pytest.raises(StepError) as failure:
        await runner.run(wasm_work(main))
    assert failure.value.message == (
        f'failed to load entry module {TARGET}: failed to load module at "{TARGET}": unknown module "env"'
    )


async def test_memory_beyond_the_limit_is_refused(runner, wasm_work):
    """A job could take all memory of the machine: growing fails, a module that starts too big does not load."""
    grow = wat(
        '(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)'
        ' (func (export "_start") (call $exit (i32.eq (memory.grow (i32.const 100)) (i32.const -1)))))'
    )
    assert (await runner.run(wasm_work(grow, memory=2**20))).exit_code == 1
    assert (await runner.run(wasm_work(grow, memory=2**24))).exit_code == 0
    with pytest.raises(StepError, match=r"section memory: min 100 pages \(6 Mi\) over limit of 16 pages \(1 Mi\)"):
        await runner.run(wasm_work(wat('(module (memory 100) (func (export "_start")))'), memory=2**20))


HEAD = (
    '(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))'
    ' (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))'
    ' (memory (export "memory") 1) (func (export "_start")'
    " (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 1))"
    " (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"
)
"""Says one byte, so that a test knows when it runs."""
SPIN = HEAD + " (loop $l (br $l))))"
HOUR = "(i64.const 3600000000000)"
SLEEP = HEAD + (
    f" (i32.store (i32.const 80) (i32.const 1)) (i64.store (i32.const 88) {HOUR})"
    " (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 12)))))"
)
"""One call that sleeps for an hour."""


@pytest.mark.parametrize("program", [SPIN, SLEEP], ids=["spinning", "sleeping"])
async def test_a_stopped_run_ends_at_once(runner, wasm_work, program):
    """A stopped job would go on, in a loop or asleep, and hold its thread for ever."""
    work = wasm_work(wat(program))
    task = asyncio.create_task(runner.run(work))
    async for _ in work.log.follow():
        break
    thread = next(thread for thread in threading.enumerate() if thread.name == "wasm e-1")
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert time.monotonic() - began < 1
    thread.join(1)
    assert not thread.is_alive()


async def test_a_run_that_is_stopped_before_it_begins(release, wasm_work):
    """A stop in the moment of the start would be lost, and the run would spin for ever."""
    work = wasm_work(wat(SPIN))
    program = _Program(work, wasm_spec(work.task, release), release)
    program.stop()
    await asyncio.wait_for(asyncio.to_thread(program.run), 5)
    assert work.log.snapshot() == []


async def test_runs_do_not_stop_each_other(runner, wasm_work, modules):
    """Stopping one job would end its neighbours, or hand them its exit code."""
    spinning = asyncio.create_task(runner.run(wasm_work(wat(SPIN))))
    others = [runner.run(wasm_work(modules[name])) for name in ("exit3", "exit0", "hello") * 4]
    codes = [finished.exit_code for finished in await asyncio.gather(*others)]
    spinning.cancel()
    assert codes == [3, 0, -1] * 4
    with pytest.raises(asyncio.CancelledError):
        await spinning


@pytest.mark.parametrize("release", ["1.6.5"], indirect=True)
async def test_a_legacy_module_is_found_at_its_default_target(runner, make_work, modules, printed):
    """Up to 1.6 the module stands in the engine parameters; the engine mounts it where `wasm_modules` says."""
    params = {"EntryModule": {"Source": {"Type": "inline", "Params": {"URL": "data:,"}}}, "EntryPoint": "_start"}
    work = make_work("wasm", params, inputs={"/wasm/entry.wasm": modules["exit3"]})
    assert (await runner.run(work)).exit_code == 3


async def test_a_result_path_named_stdout_fails_the_run(runner, wasm_work, modules):
    """FINDINGS-docker 4: the captured file collides with it."""
    with pytest.raises(StepError, match=r"^open /.*/stdout: is a directory$"):
        await runner.run(wasm_work(modules["hello"], results={"stdout": "/s"}))


def test_nothing_is_refused_at_the_bid(make_work):
    """Real servers find errors of a wasm spec only when they run it."""
    WasmRunner(RELEASES["1.9.3"]).check(object())
