"""A job spec in the shape that one server release understands. Capabilities decide, no version number is compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from airflow_provider_bacalhau.errors import SpecError
from airflow_provider_bacalhau.models.capabilities import Capabilities

ENTRY_TARGET = "/wasm/entry.wasm"
"""Where the entry module lies in the job unless the spec says otherwise; the server's own default."""

_TASK_ENV_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_SAME_NETWORK = {"Full": "Host", "Host": "Full"}


def for_server(spec: Mapping[str, Any], capabilities: Capabilities) -> dict[str, Any]:
    """The spec as this release wants it; equal specs and equal capabilities give equal results.

    Absorbed here: a missing Count means none before 1.6; a task's Env does not reach the program before 1.6.4 and takes
    upper-case names only after; a wasm module is an object before 1.7 and a path after; network words differ; an empty
    `Values` or a legacy module would be stored differently from what was sent, so that a repeated submit restarts the
    job (FINDINGS F9); 1.1.x refuses a missing publisher.

    :raises SpecError: when the release cannot do what the spec wants.
    """
    job = deepcopy(dict(spec))
    if job.get("Type") in ("batch", "service") and job.get("Count") is None:
        job["Count"] = 1
    if job.get("Constraints"):
        job["Constraints"] = [_constraint(one) for one in job["Constraints"]]
    problems: list[str] = []
    for index, task in enumerate(job.get("Tasks") or ()):
        where = f"Tasks[{index}]"
        engine = str((task.get("Engine") or {}).get("Type", "")).strip().lower()
        if engine == "wasm":
            problems += _wasm_modules(task, capabilities, where)
        problems += _env(task, engine, capabilities, where)
        problems += _network(task, capabilities, where)
        if not task.get("Publisher"):
            task["Publisher"] = {"Type": ""}
    if problems:
        raise SpecError(problems)
    return job


def _constraint(one: Any) -> Any:
    empty = isinstance(one, Mapping) and not one.get("Values")
    return {name: item for name, item in one.items() if name != "Values"} if empty else one


def _params(task: dict[str, Any]) -> dict[str, Any]:
    engine = task["Engine"] = dict(task.get("Engine") or {})
    engine["Params"] = dict(engine.get("Params") or {})
    params: dict[str, Any] = engine["Params"]
    return params


def _key(params: Mapping[str, Any], name: str) -> str:
    """The key as the user spelled it: the server reads parameters in any case."""
    return next((key for key in params if key.lower() == name.lower()), name)


def _env(task: dict[str, Any], engine: str, capabilities: Capabilities, where: str) -> list[str]:
    env: dict[str, str] = dict(task.pop("Env", None) or {})
    movable = engine == "docker" or (engine == "wasm" and not capabilities.env_in_task)
    kept, moved, problems = {}, {}, []
    for name, value in env.items():
        fits = capabilities.env_in_task and _TASK_ENV_NAME.fullmatch(name) and value != ""
        if fits or not movable:
            kept[name] = value
        else:
            moved[name] = value
        if not fits and not movable and capabilities.env_in_task and engine == "wasm":
            problems.append(f"{where}.Env.{name}: wasm takes upper-case names and values that are not empty only")
    if kept:
        task["Env"] = kept
    if moved:
        params = _params(task)
        key = _key(params, "EnvironmentVariables")
        params[key] = _joined(params.get(key), moved, as_list=engine == "docker")
    return problems


def _joined(own: Any, moved: Mapping[str, str], *, as_list: bool) -> Any:
    """The engine's environment with ours before it; the engine's own settings win, as they do on the server."""
    if not as_list:
        return {**moved, **(own or {})}
    own = list(own or ())
    taken = {str(item).partition("=")[0] for item in own}
    return [f"{name}={value}" for name, value in moved.items() if name not in taken] + own


def _network(task: dict[str, Any], capabilities: Capabilities, where: str) -> list[str]:
    network = task.get("Network")
    word = network.get("Type") if isinstance(network, dict) else None
    if network is None or not word or word in capabilities.network_words:
        return []
    other = _SAME_NETWORK.get(word, "")
    if other in capabilities.network_words:
        task["Network"] = {**network, "Type": other}
        return []
    if word == "Default":
        del task["Network"]
        return []
    known = ", ".join(capabilities.network_words)
    return [f"{where}.Network.Type: this server ({capabilities.release}) does not know {word}; it knows {known}"]


def _wasm_modules(task: dict[str, Any], capabilities: Capabilities, where: str) -> list[str]:
    params = _params(task)
    inputs = list(task.get("InputSources") or ())
    entry, imports = _key(params, "EntryModule"), _key(params, "ImportModules")
    try:
        if capabilities.wasm_module_path:
            params[entry] = _to_path(params.get(entry), ENTRY_TARGET, inputs)
            if params.get(imports):
                params[imports] = [
                    _to_path(one, f"/wasm/imports/module_{number}.wasm", inputs)
                    for number, one in enumerate(params[imports])
                ]
            legacy = params.pop(_key(params, "EnvironmentVariables"), None)
            if legacy:  # the server would drop it
                task["Env"] = {**(task.get("Env") or {}), **legacy}
        else:
            params[entry] = _to_object(params.get(entry), inputs)
            if params.get(imports):
                params[imports] = [_to_object(one, inputs) for one in params[imports]]
    except LookupError as error:
        return [f"{where}.Engine.Params.EntryModule: {error.args[0]}"]
    task["InputSources"] = inputs
    if not inputs:
        del task["InputSources"]
    return []


def _to_path(module: Any, default: str, inputs: list[Any]) -> str:
    """The path of a module; one given as an object becomes an input."""
    if isinstance(module, str) and module:
        if all(one.get("Target") != module for one in inputs):
            raise LookupError(f"no input has the target {module}; add the module to InputSources")
        return module
    if not isinstance(module, Mapping) or not module.get("Source"):
        raise LookupError("missing; the target of an input, for example /wasm/entry.wasm")
    target = str(module.get("Target") or default)
    inputs.append({**module, "Target": target})
    return target


def _to_object(module: Any, inputs: list[Any]) -> dict[str, Any]:
    """The module as an input object, taken out of the inputs when it was given by path.

    Without one the server of 1.1.x dies (FINDINGS-1.1.0 3), so it is never sent.
    """
    if isinstance(module, Mapping) and module.get("Source"):
        return dict(module)
    for one in inputs:
        if module and one.get("Target") == module:
            inputs.remove(one)
            return dict(one)
    raise LookupError(f"no input has the target {module or '(missing)'}; add the module to InputSources")
