"""Which runner takes what; what cannot run is off and says why, never pretended."""

from __future__ import annotations

import importlib.util

import pytest

from orchestrator_stub.domain.errors import SettingsError, StepError
from orchestrator_stub.domain.job import SpecConfig, Task
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.runners.registry import build_runners
from orchestrator_stub.runners.trial import Trial

RELEASE = RELEASES["1.9.3"]
WORKS, BROKEN = Trial("", "/usr/bin/bwrap"), Trial("bubblewrap is not installed (package bubblewrap)")


def kinds(ready):
    """Engine -> name of its runner."""
    return {engine: runner.name for engine, runner in ready.runners.items()}


@pytest.mark.parametrize(
    ("choice", "tried", "expected"),
    [
        ("auto", WORKS, {"wasm": "wasm", "docker": "sandbox"}),
        ("auto", BROKEN, {"wasm": "wasm"}),
        ("sandbox", WORKS, {"wasm": "wasm", "docker": "sandbox"}),
        ("off", BROKEN, {"wasm": "wasm"}),
        ("scripted", BROKEN, {"wasm": "wasm", "docker": "scripted"}),
    ],
)
def test_choices(choice, tried, expected):
    """Docker jobs would run on something that nobody asked for."""
    ready = build_runners(choice, RELEASE, tried=tried)
    assert kinds(ready) == expected
    assert len(ready.notes) == 1
    assert ready.notes[0].startswith("docker: ")


def test_a_broken_sandbox_says_what_to_do():
    """The user would only see that docker is off; who insists gets an error."""
    assert "bubblewrap is not installed" in build_runners("auto", RELEASE, tried=BROKEN).notes[0]
    with pytest.raises(SettingsError, match="--docker-runner sandbox: bubblewrap is not installed"):
        build_runners("sandbox", RELEASE, tried=BROKEN)


def test_strict_knows_one_image():
    """Acceptance compares with servers that had one."""
    task = Task(name="main", engine=SpecConfig("docker", {"Image": "ubuntu"}))
    build_runners("auto", RELEASE, tried=WORKS).runners["docker"].check(task)
    with pytest.raises(StepError, match="image not available"):
        build_runners("auto", RELEASE, tried=WORKS, strict=True).runners["docker"].check(task)


def test_without_wasmtime_wasm_is_off(monkeypatch):
    """Wasm jobs would fail one by one instead of not being scheduled."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    ready = build_runners("off", RELEASE)
    assert kinds(ready) == {}
    assert "wasmtime" in ready.notes[0]
