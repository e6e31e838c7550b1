"""The docker engine's parameters: decoded, checked at the bid, turned into a command line (FINDINGS-docker 1, 2, 6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.release import Release
from orchestrator_stub.runners.engine_spec import decode

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What images that say nothing else have."""
DAEMON = "Error response from daemon: "
"""How a container engine's own words begin (golden 73)."""
STRICT_IMAGES = frozenset({"localhost/busybox:latest"})
"""Images that exist under `--strict`: the one that the recorded servers had."""

_RESERVED = "BACALHAU_"
_MISSING_IMAGE_HINT = (
    "To resolve this, either:\n1. Check if the image exists in the registry and the name is correct\n"
    "2. If the image is private, supply the node with valid Docker login credentials using the "
    "DOCKER_USERNAME and DOCKER_PASSWORD environment variables"
)
_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_NAME_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_NAME_PART}(?:/{_NAME_PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class DockerSpec:
    """What to run."""

    image: str
    entrypoint: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    """`NAME=value` items as submitted."""
    working_directory: str = ""

    @property
    def argv(self) -> tuple[str, ...]:
        """The command line, run without a shell (images here have neither entrypoint nor command)."""
        return (*self.entrypoint, *self.parameters)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A well-formed reference, in its parts."""

    name: str
    tag: str = ""
    digest: str = ""


def docker_spec(task: Task, release: Release) -> DockerSpec:
    """The spec of a task.

    :raises StepError: what the servers refuse in their scan phase, in their words
    """
    try:
        values = decode(
            task.engine.params,
            {
                "Image": "string",
                "Entrypoint": "[]string",
                "Parameters": "[]string",
                "EnvironmentVariables": "[]string",
                "WorkingDirectory": "string",
            },
        )
    except ValueError as error:
        raise StepError(f"failed to decode docker engine specs. {error}") from None
    folder = values["WorkingDirectory"]
    if not values["Image"]:
        raise StepError("invalid docker engine param: 'Image' cannot be empty")
    if folder and not folder.startswith("/"):
        quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
        raise StepError(f"invalid docker engine param: 'WorkingDirectory' (\"{quoted}\") must contain absolute path")
    if release.env_and_network_checked:
        for item in values["EnvironmentVariables"]:
            name = item.partition("=")[0]
            if name.upper().startswith(_RESERVED):
                raise StepError(
                    f"invalid docker engine param: environment variable '{name}' cannot start with {_RESERVED}"
                )
    return DockerSpec(
        values["Image"], values["Entrypoint"], values["Parameters"], values["EnvironmentVariables"], folder
    )


def parse_image(text: str) -> ImageReference | None:
    """The reference in its parts; None when it is malformed."""
    match = _REFERENCE.fullmatch(text)
    if match is None or len(match["name"]) > _MAX_NAME or re.fullmatch("[a-f0-9]{64}", text):
        return None
    return ImageReference(match["name"], match["tag"] or "", match["digest"] or "")


def check_image(image: str, release: Release, known: frozenset[str] | None) -> None:
    """Refuse a malformed or unknown image at the bid.

    :param known: references that exist (with tag); None = all do
    :raises StepError: in the words of the release
    """
    reference = parse_image(image)
    if reference is None and not release.malformed_image_missing:
        raise StepError(f"{DAEMON}invalid reference format")
    if reference is None or (known is not None and _with_tag(image, reference) not in known):
        raise StepError(
            f'image not available: "{image}"',
            details={"ErrorCode": "Docker:ImageNotFound", "Hint": _MISSING_IMAGE_HINT, "Image": image},
        )


def program_environment(given: Mapping[str, str], hostname: str) -> dict[str, str]:
    """A container's environment: what engines set by themselves, then what the job gives."""
    return {"PATH": PATH, "HOSTNAME": hostname, "HOME": "/root", **given}


def _with_tag(image: str, reference: ImageReference) -> str:
    return image if reference.tag or reference.digest else f"{image}:latest"
