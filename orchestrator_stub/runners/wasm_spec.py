"""The wasm engine's parameters, in both shapes that releases know (fact sheet 3.4; pure)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource, SpecConfig, Task
from orchestrator_stub.domain.release import Release
from orchestrator_stub.runners.engine_spec import decode

PAGE = 65_536
"""Bytes of a wasm memory page."""
MAX_MEMORY = 65_536 * PAGE
"""Bytes that a wasm program can address."""
_ENTRY_TARGET = "/wasm/entry.wasm"
_IMPORT_TARGET = "/wasm/imports/module_{}.wasm"


@dataclass(frozen=True, slots=True)
class WasmSpec:
    """What to run: paths are targets of mounts."""

    entry_module: str
    entrypoint: str
    parameters: tuple[str, ...] = ()
    import_modules: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Import name -> path, for releases where modules are found by alias (up to 1.6)."""


def wasm_modules(task: Task) -> tuple[InputSource, ...]:
    """Modules that a legacy spec (up to 1.6) carries inside its parameters: to be fetched and mounted like inputs.

    Without a target of its own a module gets the one that 1.7 and later give it when they convert such a spec.
    """
    if task.engine.type.lower() != "wasm":
        return ()
    params = {key.lower(): value for key, value in (task.engine.params or {}).items()}
    entry = params.get("entrymodule")
    imports = params.get("importmodules")
    modules = [_input(entry, _ENTRY_TARGET)] if isinstance(entry, dict) else []
    for number, item in enumerate(imports if isinstance(imports, list) else []):
        if isinstance(item, dict):
            modules.append(_input(item, _IMPORT_TARGET.format(number)))
    return tuple(modules)


def wasm_spec(task: Task, release: Release) -> WasmSpec:
    """The spec of a task.

    :raises StepError: no module, or a parameter of a wrong type, in the words of the release (golden 14)
    """
    legacy = wasm_modules(task)
    if not release.wasm_module_path or legacy:
        return _legacy_spec(task, legacy)
    try:
        values = decode(
            task.engine.params,
            {
                "EntryModule": "string",
                "Entrypoint": "string",
                "Parameters": "[]string",
                "ImportModules": "[]string",
            },
        )
    except ValueError as error:
        raise StepError(f"invalid WASM spec: failed to decode wasm engine specs. {error}") from None
    if not values["EntryModule"]:
        raise StepError("invalid WASM spec: invalid wasm engine entry module. target path cannot be empty")
    return WasmSpec(values["EntryModule"], _entrypoint(task), values["Parameters"], values["ImportModules"])


def memory_limit(memory: int) -> int:
    """Bytes of memory a run may use: whole pages, 0 = no limit asked.

    :raises StepError: more than wasm can address
    """
    if memory > MAX_MEMORY:
        raise StepError(
            f"requested memory exceeds the wasm limit - {memory / 2**30:.2f} GB > {MAX_MEMORY / 2**30:.2f} GB"
        )
    return -(-memory // PAGE) * PAGE


def _legacy_spec(task: Task, modules: tuple[InputSource, ...]) -> WasmSpec:
    has_entry = any(key.lower() == "entrymodule" and isinstance(value, dict) for key, value in _params(task).items())
    if not has_entry:
        raise StepError("preparing arguments: invalid wasm engine entry module. cannot be nil")
    try:
        values = decode(task.engine.params, {"Parameters": "[]string"})
    except ValueError as error:
        raise StepError(f"preparing arguments: failed to decode wasm engine specs. {error}") from None
    aliases = {source.alias: source.target for source in (*modules, *task.input_sources) if source.alias}
    imports = tuple(module.target for module in modules[1:])
    return WasmSpec(modules[0].target, _entrypoint(task), values["Parameters"], imports, aliases)


def _entrypoint(task: Task) -> str:
    """Servers know no default: without one the function "" is looked for (golden 43, `no-entrypoint`)."""
    return next((str(value or "") for key, value in _params(task).items() if key.lower() == "entrypoint"), "")


def _params(task: Task) -> Mapping[str, Any]:
    return task.engine.params or {}


def _input(value: Mapping[str, Any], target: str) -> InputSource:
    fields = {key.lower(): item for key, item in value.items()}
    source = fields.get("source")
    source = {key.lower(): item for key, item in source.items()} if isinstance(source, dict) else {}
    given = str(fields.get("target") or "")
    params = source.get("params")
    return InputSource(
        SpecConfig(str(source.get("type") or ""), params if isinstance(params, dict) else None),
        posixpath.normpath(given) if given else target,
        str(fields.get("alias") or ""),
    )
