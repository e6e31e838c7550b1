"""Really runs wasm jobs, in this process: memory limit, prompt stop, output write by write."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.release import Release
from orchestrator_stub.runners.base import Finished, Mount, Work
from orchestrator_stub.runners.results import refuse_taken_names
from orchestrator_stub.runners.threads import in_own_thread
from orchestrator_stub.runners.wasm_binary import MalformedModuleError, ModuleFacts, read_module
from orchestrator_stub.runners.wasm_files import WasmFiles
from orchestrator_stub.runners.wasm_host import WASI, WasiHost
from orchestrator_stub.runners.wasm_spec import PAGE, WasmSpec, memory_limit, wasm_spec

if TYPE_CHECKING:
    import wasmtime

log = logging.getLogger(__name__)

RETURNED = -1
"""Exit code of a program that returned without `proc_exit` (FINDINGS 1 row 3.8)."""
_MAX_FRAMES = 30
_TRAPS = {
    "STACK_OVERFLOW": "stack overflow",
    "MEMORY_OUT_OF_BOUNDS": "out of bounds memory access",
    "HEAP_MISALIGNED": "unaligned atomic",
    "TABLE_OUT_OF_BOUNDS": "invalid table access",
    "INDIRECT_CALL_TO_NULL": "invalid table access",
    "BAD_SIGNATURE": "indirect call type mismatch",
    "INTEGER_OVERFLOW": "integer overflow",
    "INTEGER_DIVISION_BY_ZERO": "integer divide by zero",
    "BAD_CONVERSION_TO_INTEGER": "invalid conversion to integer",
    "UNREACHABLE": "unreachable",
    "ATOMIC_WAIT_NON_SHARED_MEMORY": "expected shared memory",
}
"""wasmtime's names of traps -> the words of the released servers' engine."""


class WasmRunner:
    """Runs wasm tasks with wasmtime, which is imported at the first run."""

    name = "wasm"

    def __init__(self, release: Release) -> None:
        self._release = release

    def check(self, task: Task) -> None:
        """Nothing is refused at the bid: released servers read the spec when they run it (golden 14)."""

    async def run(self, work: Work) -> Finished:
        """Run the module to its end; exit code of `proc_exit`, -1 when it returned.

        :raises StepError: module, entry point or spec unusable, or the program trapped
        """
        spec = wasm_spec(work.task, self._release)
        program = _Program(work, spec, self._release)
        exit_code = await in_own_thread(f"wasm {work.execution.id}", program.run, program.stop)
        refuse_taken_names(work)
        return Finished(exit_code)


class _Program:
    """One run, in its own thread with its own engine, so that its epoch stops nobody else."""

    def __init__(self, work: Work, spec: WasmSpec, release: Release) -> None:
        self._work, self._spec, self._release = work, spec, release
        self._facts: ModuleFacts = ModuleFacts()
        self._engine: wasmtime.Engine | None = None
        self._host: WasiHost | None = None
        self._stopped = False

    def stop(self) -> None:
        """Make the run end at its next loop, call or sleep (thread-safe)."""
        self._stopped = True
        if self._host is not None:
            self._host.stop()
        if self._engine is not None:
            self._engine.increment_epoch()

    def run(self) -> int:
        memory = memory_limit(self._work.limits.memory)
        with WasmFiles(self._work.folder / "root", self._mounts()) as files:
            import wasmtime

            config = wasmtime.Config()
            config.epoch_interruption = True
            engine = self._engine = wasmtime.Engine(config)
            store = wasmtime.Store(engine)
            store.set_epoch_deadline(1)
            if memory:
                store.set_limits(memory_size=memory)
            store.set_wasi(self._wasi(files))
            linker = wasmtime.Linker(engine)
            try:
                host = self._host = WasiHost(linker, store, self._work.log)
                loader = _Loader(linker, store, files, self._spec, memory)
                return self._call(loader, host, store)
            finally:
                self._host = None
                store.close()
                linker.close()

    def _mounts(self) -> tuple[Mount, ...]:
        """As given, but a wasm program finds a result path under its name, not its path (as on released servers)."""
        paths = self._work.task.result_paths
        inputs = len(self._work.mounts) - len(paths)
        results = zip(self._work.mounts[inputs:], paths, strict=True)
        return (
            *self._work.mounts[:inputs],
            *(Mount(mount.source, "/" + path.name, writable=True) for mount, path in results),
        )

    def _wasi(self, files: WasmFiles) -> wasmtime.WasiConfig:
        import wasmtime

        config = wasmtime.WasiConfig()
        config.argv = ["", *self._spec.parameters]
        config.env = sorted(self._work.env.items())
        for preopen in files.preopens:
            config.preopen_dir(str(preopen.source), preopen.target, preopen.writable)
        return config

    def _call(self, loader: _Loader, host: WasiHost, store: wasmtime.Store) -> int:
        import wasmtime

        try:
            for path in self._spec.import_modules:
                loader.instantiate(path)
            instance = loader.instantiate(self._spec.entry_module)
        except _LoadError as error:
            raise StepError(self._load_failure(error)) from None
        self._facts = loader.facts[self._spec.entry_module]
        entry = instance.exports(store).get(self._spec.entrypoint)
        if not isinstance(entry, wasmtime.Func):
            raise StepError(f"unable to find the entrypoint '{self._spec.entrypoint}' in the WASM module")
        wanted = len(entry.type(store).params)
        if wanted:
            raise StepError(f"expected {wanted} params, but passed 0")
        host.attach(instance)
        if self._stopped:
            return RETURNED
        try:
            entry(store)
        except wasmtime.Trap as trap:
            code = host.exit_code
            if code is None:
                raise StepError(self._trap_text(trap)) from None
            return code
        except wasmtime.WasmtimeError as error:
            raise StepError(f"wasm error: {str(error).splitlines()[-1].strip()}") from None
        return RETURNED

    def _load_failure(self, error: _LoadError) -> str:
        if self._release.wasm_module_path:
            kind = "entry" if error.root == self._spec.entry_module else "import"
            return f"failed to load {kind} module {error.root}: {error}"
        return f"failed to instantiate entry module module (inline): {error.reason}"

    def _trap_text(self, trap: wasmtime.Trap) -> str:
        """The recorded form (golden 12); frames of source lines, which need debug information, are left out."""
        code = trap.trap_code
        words = _TRAPS.get(code.name, code.name.lower().replace("_", " ")) if code else trap.message.splitlines()[-1]
        frames = [self._facts.frame(frame.func_index) for frame in trap.frames]
        if code and code.name == "STACK_OVERFLOW" and len(frames) < _MAX_FRAMES:
            frames.append("... maybe followed by omitted frames")
        return "\n\t".join([f"wasm error: {words}\nwasm stack trace:", *frames])


class _LoadError(Exception):
    """A module cannot be used; `str` is what 1.7 and later say, `reason` the engine's part of it."""

    def __init__(self, root: str, text: str, reason: str) -> None:
        super().__init__(text)
        self.root = root
        self.reason = reason


class _Loader:
    """Finds, compiles and instantiates modules and what they import, each once."""

    def __init__(
        self, linker: wasmtime.Linker, store: wasmtime.Store, files: WasmFiles, spec: WasmSpec, memory: int
    ) -> None:
        self.facts: dict[str, ModuleFacts] = {}
        self._linker, self._store, self._files, self._spec, self._memory = linker, store, files, spec, memory
        self._instances: dict[str, wasmtime.Instance] = {}
        self._known = {WASI}

    def instantiate(self, path: str) -> wasmtime.Instance:
        """The instance of the module at a path of the program's file system.

        :raises _LoadError: the module or one that it imports is missing or broken
        """
        import wasmtime

        if path in self._instances:
            return self._instances[path]
        data = self._read(path)
        try:
            facts = self.facts[path] = read_module(data)
            self._check_memory(facts)
            module = wasmtime.Module(self._linker.engine, data)
        except MalformedModuleError as error:
            raise self._compile_error(path, str(error)) from None
        except wasmtime.WasmtimeError as error:
            raise self._compile_error(path, str(error).splitlines()[-1].strip()) from None
        for name in facts.imports:
            self._provide(path, name)
        try:
            instance = self._linker.instantiate(self._store, module)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            reason = str(error).splitlines()[-1].strip()
            raise _LoadError(path, f'failed to load module at "{path}": {reason}', reason) from None
        self._instances[path] = instance
        return instance

    def _provide(self, importer: str, name: str) -> None:
        if name in self._known:
            return
        self._known.add(name)
        path = self._spec.aliases.get(name, name)
        if not _is(self._files.path(path).exists):
            reason = f'unknown module "{name}"'
            raise _LoadError(importer, f'failed to load module at "{importer}": {reason}', reason)
        self._linker.define_instance(self._store, name, self.instantiate(path))

    def _read(self, path: str) -> bytes:
        place = self._files.path(path)
        if _is(place.is_dir):
            modules = [item for item in place.iterdir() if item.suffix == ".wasm" and item.is_file()]
            place = modules[0] if len(modules) == 1 else Path("/nonexistent")
        if not _is(place.is_file):
            reason = f'module not found: "{path}"'
            raise _LoadError(path, reason, reason)
        return place.read_bytes()

    def _check_memory(self, facts: ModuleFacts) -> None:
        pages = self._memory // PAGE
        if self._memory and facts.memory_pages > pages:
            raise MalformedModuleError(
                f"section memory: min {facts.memory_pages} pages ({_pages(facts.memory_pages)}) "
                f"over limit of {pages} pages ({_pages(pages)})"
            )

    def _compile_error(self, path: str, reason: str) -> _LoadError:
        return _LoadError(path, f'failed to compile module at "{path}": {reason}', reason)


def _is(so: Callable[[], bool]) -> bool:
    """What a path says of itself; a name that no file can have says no."""
    try:
        return so()
    except OSError:
        return False


def _pages(count: int) -> str:
    kib = count * PAGE // 1024
    if kib < 1024:
        return f"{kib} Ki"
    return f"{kib // 1024} Mi" if kib < 1024 * 1024 else f"{kib // 1024 // 1024} Gi"
