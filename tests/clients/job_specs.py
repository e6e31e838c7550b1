"""Jobs as users write them, and as the programs of each release send them (fact sheet 12, "Body differences")."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import wasmtime
from programs import Program

HELLO = (
    '(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))'
    ' (memory (export "memory") 1) (data (i32.const 16) "hello from wasm\\n")'
    " (data (i32.const 0) \"\\10\\00\\00\\00\\10\\00\\00\\00\")"
    ' (func (export "_start") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))'
)
"""A module that says one line."""


def docker_job(*command: str, kind: str = "batch", **fields: Any) -> dict[str, Any]:
    """A spec as `docker run` makes it; `fields`: keys of the job, `task`: more keys of its task."""
    params = {
        "Entrypoint": None,
        "EnvironmentVariables": None,
        "Image": "busybox",
        "Parameters": list(command),
        "WorkingDirectory": "",
    }
    return _job({"Type": "docker", "Params": params}, kind, fields)


def shell_job(script: str, **fields: Any) -> dict[str, Any]:
    """A docker job that runs a shell script."""
    return docker_job("sh", "-c", script, **fields)


def wasm_job(program: Program, module: str = HELLO, parameters: Sequence[str] = (), **fields: Any) -> dict[str, Any]:
    """A spec as `wasm run FILE` makes it."""
    data = base64.b64encode(wasmtime.wat2wasm(module)).decode()
    source = {"Type": "inline", "Params": {"URL": f"data:application/wasm;base64,{data}"}}
    params: dict[str, Any] = {"Entrypoint": "_start", "ImportModules": None, "Parameters": list(parameters)}
    task = dict(fields.pop("task", {}))
    if program.wasm_module_is_path:
        params["EntryModule"] = "main.wasm"
        module_input = {"Source": source, "Alias": "", "Target": "main.wasm"}
        task["InputSources"] = [*task.get("InputSources", []), module_input]
    else:
        alias = source["Params"]["URL"]
        params["EntryModule"] = {"Alias": alias, "Source": dict(sorted(source.items())), "Target": ""}
        params |= {"ImportModules": [], "EnvironmentVariables": {}}
    return _job({"Type": "wasm", "Params": dict(sorted(params.items()))}, "batch", {**fields, "task": task})


def _job(engine: Mapping[str, Any], kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the flags of `docker run` and `wasm run` leave in a job even when nobody gives them."""
    job = {"Namespace": "default", "Type": kind, "Labels": {}} | dict(fields)
    task = {"Name": "main", "Engine": engine, "Resources": {}, "Timeouts": {}} | job.pop("task", {})
    return job | {"Count": job.get("Count", 1 if kind in ("batch", "service") else 0), "Tasks": [task]}


def as_sent(spec: Mapping[str, Any], program: Program) -> dict[str, Any]:
    """The job as the program of a release puts it into its request."""
    everywhere = spec["Type"] in ("ops", "daemon")
    count = spec.get("Count", program.lists_missing_count)
    if program.sends_normalised and everywhere:
        count = 1 if program.fills_everywhere_count else 0
    empty_list, empty_map = ([], {}) if program.sends_normalised else (None, None)
    return {
        "ID": spec.get("ID", ""),
        "Name": spec.get("Name", ""),
        "Namespace": spec.get("Namespace", "default" if program.sends_normalised else ""),
        "Type": spec["Type"],
        "Priority": spec.get("Priority", 0),
        "Count": count,
        "Constraints": spec.get("Constraints", empty_list),
        "Meta": spec.get("Meta", empty_map),
        "Labels": spec.get("Labels", empty_map),
        "Tasks": [_task_as_sent(task, program) for task in spec["Tasks"]],
        "State": {"StateType": "Undefined"},
        "Version": 0,
        "Revision": 0,
        "CreateTime": 0,
        "ModifyTime": 0,
    }


def _task_as_sent(task: Mapping[str, Any], program: Program) -> dict[str, Any]:
    """Nulls and missing keys since 1.7, empty objects before."""
    sent = {"Name": task["Name"], "Engine": task["Engine"], "Publisher": task.get("Publisher")}
    optional = ("Env", "Meta", "InputSources", "ResultPaths", "Resources", "Network", "Timeouts")
    always = {"Resources": {}, "Network": {"Type": program.networks[0]}, "Timeouts": {}}
    if program.sends_normalised:
        sent["Publisher"] = sent["Publisher"] or {"Type": ""}
        task = always | dict(task)
    return sent | {key: task[key] for key in optional if key in task}
