"""Which runner takes what; what cannot run is off and says why, never pretended."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from orchestrator_stub.domain.errors import SettingsError, StepError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.job import Network, SpecConfig, Task
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.runners.registry import build_runners
from orchestrator_stub.runners.trial import Trial

RELEASE = RELEASES["1.9.3"]
WORKS, BROKEN = Trial("", "/usr/bin/bwrap"), Trial("bubblewrap is not installed (package bubblewrap)")


NOWHERE = "unix:///no/such.sock"
"""A DOCKER_HOST where no engine is."""


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
        ("process", BROKEN, {"wasm": "wasm", "docker": "process"}),
    ],
)
def test_choices(choice, tried, expected):
    """Docker jobs would run on something that nobody asked for."""
    ready = build_runners(choice, RELEASE, tried=tried, docker_host=NOWHERE)
    assert kinds(ready) == expected
    assert len(ready.notes) == 1
    assert ready.notes[0].startswith("docker: ")


def test_a_broken_sandbox_says_what_to_do():
    """The user would only see that docker is off; who insists gets an error."""
    note = build_runners("auto", RELEASE, tried=BROKEN, docker_host=NOWHERE).notes[0]
    assert note.startswith("docker: off, bubblewrap is not installed (package bubblewrap); no container engine answers at /no/such.sock: ")
    assert note.endswith("; or choose --docker-runner scripted")
    with pytest.raises(SettingsError, match="--docker-runner sandbox: bubblewrap is not installed.*; or choose --docker-runner docker, process or scripted$"):
        build_runners("sandbox", RELEASE, tried=BROKEN)


def test_an_engine_that_does_not_answer_says_what_to_do():
    """Every docker job would fail later, or nothing say why the stub does not start."""
    with pytest.raises(SettingsError, match="^--docker-runner docker: no container engine answers at /no/such.sock: start Docker or Podman .* DOCKER_HOST$"):
        build_runners("docker", RELEASE, docker_host=NOWHERE)


def test_without_a_sandbox_an_engine_is_taken(podman):
    """A laptop without bubblewrap could run no docker job though it has Docker; or with it, images would be ignored
    or not depending on what else is installed."""
    here = f"unix://{podman}"
    ready = build_runners("auto", RELEASE, tried=BROKEN, docker_host=here)
    assert kinds(ready) == {"wasm": "wasm", "docker": "docker"}
    assert ready.notes[0].startswith("docker: docker, Podman ")
    assert ready.notes[0].endswith(f" at {podman} (no sandbox: bubblewrap is not installed (package bubblewrap))")
    assert kinds(build_runners("auto", RELEASE, tried=WORKS, docker_host=here))["docker"] == "sandbox"


def test_an_engine_runs_images_as_they_are(podman):
    """The user would be told that an image is ignored that really runs, or not that a network is wider than it says."""
    rules = [ImageRule("acme/clean:*", mounts={"/srv/clean": "/app"}), ImageRule("acme/gone", missing=True)]
    ready = build_runners("docker", RELEASE, rules=rules, docker_host=f"unix://{podman}")
    assert ready.notes[1:] == ("image acme/clean:*: as it is", "image acme/gone: missing")
    assert ready.hint(docker()) == ""
    assert ready.hint(docker("acme/gone")) == 'this job fails here: image not available: "acme/gone"'
    assert "no gateway" in ready.hint(replace(docker(), network=Network("HTTP", ("example.com",))))


def test_what_nobody_asked_for_is_not_imported():
    """Every start would be slower for runners that few use."""
    code = (
        "import json, sys\nfrom orchestrator_stub.domain.release import RELEASES\n"
        "from orchestrator_stub.runners.registry import build_runners\nfrom orchestrator_stub.runners.trial import Trial\n"
        "for choice in ('off', 'scripted', 'auto'):\n"
        "    build_runners(choice, RELEASES['1.9.3'], tried=Trial('', '/usr/bin/bwrap'))\nprint(json.dumps(sorted(sys.modules)))"
    )
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    ours = ("orchestrator_stub.runners.docker", "orchestrator_stub.runners.process", "httpx", "tarfile")
    assert [name for name in loaded if name.startswith(ours) and not name.endswith("docker_spec")] == []


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
        ("process", BROKEN, "the programs of its own machine without walls"),
    ],
)
def test_whoever_submits_a_docker_job_learns_how_it_runs(choice, tried, words):
    """A user would take the sandbox, or a script, for the image, or wait for a network that is not there."""
    hint = build_runners(choice, RELEASE, tried=tried, docker_host=NOWHERE).hint
    assert words in hint(docker())
    assert hint(Task(name="main", engine=SpecConfig("wasm"))) == ""


@pytest.mark.parametrize("choice", ["sandbox", "scripted", "process"])
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
