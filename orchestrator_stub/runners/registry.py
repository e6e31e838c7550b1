"""Which runner takes which engine type, and what to tell the user about it."""

from __future__ import annotations

import importlib.util
import sys
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

DockerChoice = Literal["auto", "off", "sandbox", "docker", "process", "scripted"]
Hint = Callable[[Task], str]
"""A warning for whoever submits a job with this task, "" when there is nothing to say."""
_FILTERED = "http"


@dataclass(frozen=True, slots=True)
class RunnersReady:
    """What can be run here."""

    runners: Mapping[str, Runner]
    """Engine type in lower case -> its runner; what is missing is not advertised by nodes."""
    notes: tuple[str, ...] = ()
    """Lines for banner and board: what docker jobs run on, or why none can, and what stands in for images."""
    hint: Hint = lambda _: ""
    """How a task is run here, where that is not as on a real node."""


@dataclass(frozen=True, slots=True)
class _Docker:
    """What runs docker jobs."""

    runner: Runner | None
    note: str
    hint: Hint
    more: tuple[str, ...] = ()


def build_runners(
    docker_runner: DockerChoice,
    release: Release,
    *,
    strict: bool = False,
    rules: Sequence[ImageRule] = (),
    tried: Trial | None = None,
    docker_host: str = "",
) -> RunnersReady:
    """Runners for the choice of the user; with `auto` and `sandbox` the sandbox is tried first (blocking, < 0.2 s).

    `auto` takes the sandbox, else a container engine that answers, else nothing.

    :param strict: as on the recorded nodes: one image where no rule matches, and no bridge network
    :param rules: of `--images`
    :param tried: outcome of a trial that was made already
    :param docker_host: where the container engine is; "" = looked for
    :raises SettingsError: what was asked for does not work here
    """
    runners: dict[str, Runner] = {}
    notes: list[str] = []
    if importlib.util.find_spec("wasmtime"):
        runners["wasm"] = WasmRunner(release)
    else:
        notes.append("wasm: off, wasmtime is not installed (extra `stub`)")
    if docker_runner == "off":
        docker = _Docker(None, "off", _always("no node of this stub runs docker jobs (--docker-runner off)"))
    elif docker_runner == "scripted":
        docker = _scripted(release, rules)
    elif docker_runner == "process":
        docker = _process(release, rules)
    elif docker_runner == "docker":
        docker = _engine(release, rules, docker_host)
    else:
        outcome = tried or trial()
        if outcome.works:
            docker = _sandbox(release, rules, outcome, strict=strict)
        elif docker_runner == "sandbox":
            raise SettingsError(
                f"--docker-runner sandbox: {outcome.reason}; or choose --docker-runner docker, process or scripted"
            )
        else:
            docker = _engine_or_nothing(release, rules, docker_host, outcome.reason)
    if docker.runner is not None:
        runners["docker"] = docker.runner
    return RunnersReady(runners, (*notes, f"docker: {docker.note}", *docker.more), docker.hint)


def _scripted(release: Release, rules: Sequence[ImageRule]) -> _Docker:
    images = Images(release, rules) if rules else None
    words = "this stub runs nothing for docker jobs, they succeed at once (--docker-runner scripted)"
    return _Docker(
        ScriptedRunner(images),
        "scripted, jobs do what scripts say; without any they succeed at once",
        _of_images(images, words) if images else _always(words),
        _notes_of(rules),
    )


def _sandbox(release: Release, rules: Sequence[ImageRule], outcome: Trial, *, strict: bool) -> _Docker:
    images = Images(release, rules, only=STRICT_IMAGES if strict else None, busybox=find_busybox())
    runner = SandboxRunner(
        release,
        outcome.bubblewrap,
        images=images,
        bridge_network=not strict,
        nested_users=outcome.nested_users,
    )
    return _Docker(runner, f"sandbox, {_ignored(rules)}", _of_images(images), _notes_of(rules))


def _process(release: Release, rules: Sequence[ImageRule]) -> _Docker:
    if sys.platform == "win32":
        raise SettingsError("--docker-runner process: it needs Linux or macOS; choose --docker-runner scripted")
    from orchestrator_stub.runners.process import ProcessRunner

    images = Images(release, rules)
    return _Docker(
        ProcessRunner(release, images=images),
        f"process, this machine's programs without walls, {_ignored(rules)}",
        _of_images(
            images,
            "the image's content is not used: this stub runs the programs of its own machine without walls, and puts "
            "its own paths of inputs and results into command line and variables (--docker-runner process)",
        ),
        _notes_of(rules),
    )


def _engine(release: Release, rules: Sequence[ImageRule], docker_host: str) -> _Docker:
    """Raises SettingsError when none answers."""
    from orchestrator_stub.runners.docker import DockerRunner  # its client is imported only where it is used
    from orchestrator_stub.runners.docker_sockets import find_engine, remove_left_overs

    found = find_engine(docker_host)
    if found.engine is None:
        raise SettingsError(f"--docker-runner docker: {found.reason}")
    removed = remove_left_overs(found.engine)
    images = Images(release, rules)
    left = (f"{removed} containers of killed stubs were removed",) if removed else ()
    shown = tuple(f"image {rule.pattern}: {'missing' if rule.missing else 'as it is'}" for rule in rules)
    return _Docker(
        DockerRunner(release, found.engine, images=images),
        f"docker, {found.engine.name} at {found.engine.socket}",
        _of_engine(images),
        (*left, *shown),
    )


def _engine_or_nothing(release: Release, rules: Sequence[ImageRule], docker_host: str, reason: str) -> _Docker:
    try:
        docker = _engine(release, rules, docker_host)
    except SettingsError as error:
        reasons = f"{reason}; {str(error).removeprefix('--docker-runner docker: ')}"
        return _Docker(
            None,
            f"off, {reasons}; or choose --docker-runner scripted",
            _always(f"no node of this stub runs docker jobs: {reasons}"),
        )
    return _Docker(docker.runner, f"{docker.note} (no sandbox: {reason})", docker.hint, docker.more)


def _ignored(rules: Sequence[ImageRule]) -> str:
    return "what stands in for images is below (--images)" if rules else "images are ignored (--images)"


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


def _of_engine(images: Images) -> Hint:
    """An engine does what a node does, but no gateway filters what a job may reach."""
    fails = _of_images(images, " ")

    def hint(task: Task) -> str:
        open_to_all = "network HTTP is the whole network here: this stub has no gateway that knows the domains"
        filtered = _is_docker(task) and task.network.type.lower() == _FILTERED
        return fails(task).strip() or (open_to_all if filtered else "")

    return hint


def _is_docker(task: Task) -> bool:
    return task.engine.type.lower() == "docker"


def _notes_of(rules: Sequence[ImageRule]) -> tuple[str, ...]:
    """A line for each rule."""
    return tuple(f"image {rule.pattern}: {_words_of(rule)}" for rule in rules)


def _words_of(rule: ImageRule) -> str:
    if rule.missing:
        return "missing"
    if rule.stages is not None:
        return "a script"
    shown = [f"{folder} as {target}" for folder, target in rule.mounts.items()]
    return ", ".join([*shown, *(f"PATH {folder}" for folder in rule.path)]) or "the programs of this machine alone"
