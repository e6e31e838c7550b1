"""What a program finds in its environment (FINDINGS-docker 2; scenario 43)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.release import Release

PREFIX = "BACALHAU_"


def environment(execution: Execution, release: Release) -> dict[str, str]:
    """Task, server and engine variables, sorted by name.

    The server's BACALHAU_* beat the task's, a docker engine's list beats both. Where a release does not pass the
    task's environment, only the engine's variables arrive. Wasm engines have variables of their own up to 1.6 and
    see nothing else; later they have none and see the task's and the server's.
    """
    task = execution.job.task
    is_wasm = task.engine.type.strip().lower() == "wasm"
    env: dict[str, str] = {}
    if release.task_env_passed and (not is_wasm or release.wasm_module_path or release.page_shapes):
        env |= task.env
        env |= _server_variables(execution)
    if not is_wasm or not release.wasm_module_path:
        env |= _engine_variables(task)
    return dict(sorted(env.items()))


def _server_variables(execution: Execution) -> dict[str, str]:
    job = execution.job
    env = {
        f"{PREFIX}EXECUTION_ID": execution.id,
        f"{PREFIX}JOB_ID": job.id,
        f"{PREFIX}JOB_TYPE": job.type,
        f"{PREFIX}PARTITION_COUNT": str(job.count or 0),
        f"{PREFIX}PARTITION_INDEX": str(execution.partition),
    }
    for port in job.task.network.ports:
        if port.static > 0:
            env[f"{PREFIX}HOST_PORT_{port.name}"] = str(port.static)
        if port.target > 0:
            env[f"{PREFIX}PORT_{port.name}"] = str(port.target)
    return env


def _engine_variables(task: Task) -> dict[str, str]:
    """A docker list ["A=b", ...], where the last of a name wins and an item without "=" is nothing, or a wasm map."""
    given = _param(task.engine.params, "environmentvariables")
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    if not isinstance(given, list):
        return {}
    items = [item.partition("=") for item in given if isinstance(item, str)]
    return {name: value for name, equals, value in items if equals and name}


def _param(params: Mapping[str, Any] | None, name: str) -> Any:
    """A parameter whatever the case of its key."""
    return next((value for key, value in (params or {}).items() if key.lower() == name), None)
