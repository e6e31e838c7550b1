"""The docker engine's parameters: decoded, checked at the bid, turned into a command line (FINDINGS-docker 1, 2, 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.release import Release
from orchestrator_stub.runners.engine_spec import decode

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What images that say nothing else have."""
DAEMON = "Error response from daemon: "
"""How a container engine's own words begin (golden 73)."""
_RESERVED = "BACALHAU_"


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


def program_environment(given: Mapping[str, str], hostname: str, first: Sequence[str] = ()) -> dict[str, str]:
    """A container's environment: what engines set by themselves, then what the job gives.

    :param first: folders that come first in PATH, unless the job gives its own
    """
    return {"PATH": ":".join([*first, PATH]), "HOSTNAME": hostname, "HOME": "/root", **given}
