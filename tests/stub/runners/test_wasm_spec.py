"""Both shapes of the wasm engine's parameters (fact sheet 3.4; goldens 14, 43)."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource, SpecConfig, Task
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.runners.wasm_spec import MAX_MEMORY, WasmSpec, memory_limit, wasm_modules, wasm_spec

LEGACY = {
    "EntryModule": {"Source": {"Type": "inline", "Params": {"URL": "data:,"}}, "Target": ""},
    "EntryPoint": "_start",
    "Parameters": ["a"],
    "ImportModules": [{"Source": {"Type": "s3"}, "Target": "/lib.wasm", "Alias": "lib"}],
}


def task(params, inputs=()):
    """A wasm task."""
    return Task(name="main", engine=SpecConfig("wasm", params), input_sources=tuple(inputs))


def test_paths_of_newer_releases():
    """1.7 and later: everything is a path among the inputs."""
    params = {"EntryModule": "/app/main.wasm", "Entrypoint": "_start", "Parameters": ["a"], "ImportModules": ["/lib.wasm"]}
    assert wasm_spec(task(params), RELEASES["1.9.3"]) == WasmSpec("/app/main.wasm", "_start", ("a",), ("/lib.wasm",))
    assert wasm_modules(task(params)) == ()


def test_objects_of_older_releases():
    """Up to 1.6 modules stand in the parameters: they are fetched and mounted like inputs."""
    assert wasm_modules(task(LEGACY)) == (
        InputSource(SpecConfig("inline", {"URL": "data:,"}), "/wasm/entry.wasm"),
        InputSource(SpecConfig("s3"), "/lib.wasm", "lib"),
    )
    spec = wasm_spec(task(LEGACY), RELEASES["1.6.5"])
    assert spec == WasmSpec("/wasm/entry.wasm", "_start", ("a",), ("/lib.wasm",), {"lib": "/lib.wasm"})
    assert wasm_modules(Task(name="main", engine=SpecConfig("docker", LEGACY))) == ()


@pytest.mark.parametrize(
    ("release", "params", "message"),
    [
        ("1.9.3", None, "invalid WASM spec: invalid wasm engine entry module. target path cannot be empty"),
        ("1.6.5", None, "preparing arguments: invalid wasm engine entry module. cannot be nil"),
        ("1.5.2", {"EntryModule": "/a.wasm"}, "preparing arguments: invalid wasm engine entry module. cannot be nil"),
    ],
)
def test_no_module(release, params, message):
    """Golden 14, wasm-no-params."""
    with pytest.raises(StepError) as failure:
        wasm_spec(task(params), RELEASES[release])
    assert failure.value.message == message


@pytest.mark.parametrize("params", [{"EntryModule": "/a", "Entrypoint": ""}, {"EntryModule": "/a"}])
def test_there_is_no_default_entry_point(params):
    """Servers look for the function "" then (golden 43, no-entrypoint); a stub that helps would hide it."""
    assert wasm_spec(task(params), RELEASES["1.9.3"]).entrypoint == ""


def test_memory_is_counted_in_pages():
    """Limits are rounded up to 64 KiB; more than wasm can address is refused."""
    assert [memory_limit(size) for size in (0, 1, 65536, 65537)] == [0, 65536, 65536, 131072]
    assert memory_limit(MAX_MEMORY) == MAX_MEMORY
    with pytest.raises(StepError, match=r"^requested memory exceeds the wasm limit - 8\.00 GB > 4\.00 GB$"):
        memory_limit(8 * 2**30)
