"""Which runner takes what; what cannot run is off and says why, never pretended."""

from __future__ import annotations

import importlib.util

import pytest

from orchestrator_stub.domain.errors import SettingsError, StepError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.job import Network, SpecConfig, Task
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


def docker(image="acme/clean:1", **params):
    """A docker task."""
    return Task(name="main", engine=SpecConfig("Docker", {"Image": image, **params}))


@pytest.mark.parametrize(
    ("choice", "tried", "words"),
    [
        ("sandbox", WORKS, "the image's content is not used: this stub's sandbox runs the programs of its own machine, without network"),
        ("scripted", BROKEN, "--docker-runner scripted"),
        ("off", BROKEN, "--docker-runner off"),
        ("auto", BROKEN, "bubblewrap is not installed"),
    ],
)
def test_whoever_submits_a_docker_job_learns_how_it_runs(choice, tried, words):
    """A user would take the sandbox, or a script, for the image, or wait for a network that is not there."""
    hint = build_runners(choice, RELEASE, tried=tried).hint
    assert words in hint(docker())
    assert hint(Task(name="main", engine=SpecConfig("wasm"))) == ""


@pytest.mark.parametrize("choice", ["sandbox", "scripted"])
def test_what_stands_in_for_images_is_noted(choice):
    """Nobody could see what `--images` did, or why a job fails."""
    rules = [
        ImageRule("acme/clean:*", mounts={"/srv/clean": "/app"}, path=("/app/bin",)),
        ImageRule("acme/gone", missing=True),
        ImageRule("*"),
    ]
    ready = build_runners(choice, RELEASE, tried=WORKS, rules=rules)
    assert ready.notes[1:] == (
        "image acme/clean:*: /srv/clean as /app, PATH /app/bin",
        "image acme/gone: missing",
        "image *: the programs of this machine alone",
    )
    assert ready.hint(docker("acme/gone")) == 'this job fails here: image not available: "acme/gone"'
    assert ("/srv/clean as /app" in ready.hint(docker())) is (choice == "sandbox")
    with pytest.raises(StepError, match="image not available"):
        ready.runners["docker"].check(docker("acme/gone"))


async def test_a_strict_stub_is_a_node_without_bridge_network(make_work):
    """Golden 73, network-bridge: acceptance compares with such nodes; everybody else wants such jobs to run."""
    work = make_work("docker", {"Image": "localhost/busybox", "Entrypoint": ["true"]}, network=Network("Bridge"))
    with pytest.raises(StepError, match="no bridge network"):
        await build_runners("sandbox", RELEASE, strict=True).runners["docker"].run(work)
    assert (await build_runners("sandbox", RELEASE).runners["docker"].run(work)).exit_code == 0


def test_without_wasmtime_wasm_is_off(monkeypatch):
    """Wasm jobs would fail one by one instead of not being scheduled."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    ready = build_runners("off", RELEASE)
    assert kinds(ready) == {}
    assert "wasmtime" in ready.notes[0]
