"""Which runner takes which engine type, and what to tell the user about it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.domain.release import Release
from orchestrator_stub.runners.base import Runner
from orchestrator_stub.runners.docker_spec import STRICT_IMAGES
from orchestrator_stub.runners.sandbox import SandboxRunner
from orchestrator_stub.runners.scripted import ScriptedRunner
from orchestrator_stub.runners.trial import Trial, trial
from orchestrator_stub.runners.wasm import WasmRunner

DockerChoice = Literal["auto", "off", "sandbox", "scripted"]


@dataclass(frozen=True, slots=True)
class RunnersReady:
    """What can be run here."""

    runners: Mapping[str, Runner]
    """Engine type in lower case -> its runner; what is missing is not advertised by nodes."""
    notes: tuple[str, ...] = ()
    """Lines for banner and board: what docker jobs run on, or why none can."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """Engine type -> a warning for whoever submits such a job."""


def build_runners(
    docker_runner: DockerChoice, release: Release, *, strict: bool = False, tried: Trial | None = None
) -> RunnersReady:
    """Runners for the choice of the user; with `auto` and `sandbox` the sandbox is tried first (blocking, < 0.2 s).

    :param strict: only the image that the recorded servers had exists
    :param tried: outcome of a trial that was made already
    :raises SettingsError: `sandbox` was asked for and does not work here
    """
    runners: dict[str, Runner] = {}
    notes: list[str] = []
    hints: dict[str, str] = {}
    if importlib.util.find_spec("wasmtime"):
        runners["wasm"] = WasmRunner(release)
    else:
        notes.append("wasm: off, wasmtime is not installed (extra `stub`)")
    if docker_runner == "scripted":
        runners["docker"] = ScriptedRunner()
        notes.append("docker: scripted, every job succeeds at once")
        hints["docker"] = "this stub runs nothing for docker jobs, they succeed at once (--docker-runner scripted)"
    elif docker_runner == "off":
        notes.append("docker: off")
        hints["docker"] = "no node of this stub runs docker jobs (--docker-runner off)"
    else:
        outcome = tried or trial()
        if outcome.works:
            runners["docker"] = SandboxRunner(
                release,
                outcome.bubblewrap,
                images=STRICT_IMAGES if strict else None,
                nested_users=outcome.nested_users,
            )
            notes.append("docker: sandbox, images are ignored (--images)")
            hints["docker"] = (
                "the image's content is not used: this stub's sandbox runs the programs of its own machine"
            )
        elif docker_runner == "sandbox":
            raise SettingsError(f"--docker-runner sandbox: {outcome.reason}")
        else:
            notes.append(f"docker: off, {outcome.reason}; or choose --docker-runner scripted")
            hints["docker"] = f"no node of this stub runs docker jobs: {outcome.reason}"
    return RunnersReady(runners, tuple(notes), hints)
