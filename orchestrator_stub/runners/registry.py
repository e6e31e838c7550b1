"""Which runner takes which engine type, and what to tell the user about it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator_stub.domain.errors import SettingsError, StepError
from orchestrator_stub.domain.image import ImageRule
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.release import Release
from orchestrator_stub.runners.base import Runner
from orchestrator_stub.runners.busybox import find_busybox
from orchestrator_stub.runners.image import STRICT_IMAGES, Images
from orchestrator_stub.runners.sandbox import SandboxRunner
from orchestrator_stub.runners.scripted import ScriptedRunner
from orchestrator_stub.runners.trial import Trial, trial
from orchestrator_stub.runners.wasm import WasmRunner

DockerChoice = Literal["auto", "off", "sandbox", "scripted"]
Hint = Callable[[Task], str]
"""A warning for whoever submits a job with this task, "" when there is nothing to say."""


@dataclass(frozen=True, slots=True)
class RunnersReady:
    """What can be run here."""

    runners: Mapping[str, Runner]
    """Engine type in lower case -> its runner; what is missing is not advertised by nodes."""
    notes: tuple[str, ...] = ()
    """Lines for banner and board: what docker jobs run on, or why none can, and what stands in for images."""
    hint: Hint = lambda _: ""
    """How a task is run here, where that is not as on a real node."""


def build_runners(
    docker_runner: DockerChoice,
    release: Release,
    *,
    strict: bool = False,
    rules: Sequence[ImageRule] = (),
    tried: Trial | None = None,
) -> RunnersReady:
    """Runners for the choice of the user; with `auto` and `sandbox` the sandbox is tried first (blocking, < 0.2 s).

    :param strict: as on the recorded nodes: one image where no rule matches, and no bridge network
    :param rules: of `--images`
    :param tried: outcome of a trial that was made already
    :raises SettingsError: `sandbox` was asked for and does not work here
    """
    runners: dict[str, Runner] = {}
    notes: list[str] = []
    if importlib.util.find_spec("wasmtime"):
        runners["wasm"] = WasmRunner(release)
    else:
        notes.append("wasm: off, wasmtime is not installed (extra `stub`)")
    if docker_runner == "off":
        notes.append("docker: off")
        words = "no node of this stub runs docker jobs (--docker-runner off)"
        return RunnersReady(runners, tuple(notes), _always(words))
    if docker_runner == "scripted":
        images = Images(release, rules) if rules else None
        runners["docker"] = ScriptedRunner(images)
        notes += ["docker: scripted, every job succeeds at once", *_notes_of(rules)]
        words = "this stub runs nothing for docker jobs, they succeed at once (--docker-runner scripted)"
        return RunnersReady(runners, tuple(notes), _of_images(images, words) if images else _always(words))
    outcome = tried or trial()
    if outcome.works:
        images = Images(release, rules, only=STRICT_IMAGES if strict else None, busybox=find_busybox())
        runners["docker"] = SandboxRunner(
            release,
            outcome.bubblewrap,
            images=images,
            bridge_network=not strict,
            nested_users=outcome.nested_users,
        )
        ignored = "images are ignored (--images)" if not rules else "what stands in for images is below (--images)"
        notes += [f"docker: sandbox, {ignored}", *_notes_of(rules)]
        return RunnersReady(runners, tuple(notes), _of_images(images))
    if docker_runner == "sandbox":
        raise SettingsError(f"--docker-runner sandbox: {outcome.reason}")
    notes.append(f"docker: off, {outcome.reason}; or choose --docker-runner scripted")
    return RunnersReady(runners, tuple(notes), _always(f"no node of this stub runs docker jobs: {outcome.reason}"))


def _always(words: str) -> Hint:
    """The same for each docker task."""
    return lambda task: words if _is_docker(task) else ""


def _of_images(images: Images, words: str = "") -> Hint:
    """What stands in for the task's image.

    :param words: said in its place for every image that exists
    """

    def hint(task: Task) -> str:
        if not _is_docker(task):
            return ""
        try:
            stand_in = images.of(task)
        except StepError as error:
            return f"this job fails here: {error.message}"
        found = stand_in.words
        return words or f"the image's content is not used: this stub's sandbox runs {found}, without network"

    return hint


def _is_docker(task: Task) -> bool:
    return task.engine.type.lower() == "docker"


def _notes_of(rules: Sequence[ImageRule]) -> list[str]:
    """A line for each rule."""
    return [f"image {rule.pattern}: {_words_of(rule)}" for rule in rules]


def _words_of(rule: ImageRule) -> str:
    if rule.missing:
        return "missing"
    shown = [f"{folder} as {target}" for folder, target in rule.mounts.items()]
    return ", ".join([*shown, *(f"PATH {folder}" for folder in rule.path)]) or "the programs of this machine alone"
