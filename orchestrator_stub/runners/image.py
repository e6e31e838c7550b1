"""What stands in for a container image here, and what a node says of one that does not exist (FINDINGS-docker 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.image import ImageRule, parse_image, rule_for
from orchestrator_stub.domain.job import Task
from orchestrator_stub.domain.release import Release
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.busybox import HOME, REPOSITORY, Busybox
from orchestrator_stub.runners.docker_spec import DAEMON, docker_spec

STRICT_IMAGES = frozenset({"localhost/busybox:latest"})
"""Images that exist under `--strict`: the one that the recorded servers had."""
_MISSING_IMAGE_HINT = (
    "To resolve this, either:\n1. Check if the image exists in the registry and the name is correct\n"
    "2. If the image is private, supply the node with valid Docker login credentials using the "
    "DOCKER_USERNAME and DOCKER_PASSWORD environment variables"
)


@dataclass(frozen=True, slots=True)
class StandIn:
    """What a program finds in the place of an image's content."""

    mounts: tuple[Mount, ...] = ()
    """Folders of this machine, read-only."""
    path: tuple[str, ...] = ()
    """Folders that come first in PATH."""
    busybox: Busybox | None = None
    """Its commands are in /bin, in the place of this machine's."""

    @property
    def words(self) -> str:
        """For people: "the programs of its own machine and /srv/clean as /app"."""
        programs = "busybox" if self.busybox else "the programs"
        return " and ".join([f"{programs} of its own machine", *(f"{m.source} as {m.target}" for m in self.mounts)])


class Images:
    """The images of this stub: all that exist, or those of a list, with what stands in for each."""

    def __init__(
        self,
        release: Release,
        rules: Sequence[ImageRule] = (),
        *,
        only: frozenset[str] | None = None,
        busybox: Busybox | None = None,
    ) -> None:
        """Ready to answer.

        :param rules: of `--images`; the first that matches decides
        :param only: references (name and tag) that exist where no rule matches; None = all
        :param busybox: what stands in for images of that name
        """
        self._release, self._rules, self._only, self._busybox = release, rules, only, busybox

    def of(self, task: Task) -> StandIn:
        """The same as `stand_in` for the image of a docker task.

        :raises StepError: also for a spec that the servers refuse
        """
        return self.stand_in(docker_spec(task, self._release).image)

    def stand_in(self, image: str) -> StandIn:
        """What a program of the image finds here.

        :param image: the reference as submitted
        :raises StepError: malformed or missing, in the words of the release
        """
        reference = parse_image(image)
        if reference is None and not self._release.malformed_image_missing:
            raise StepError(f"{DAEMON}invalid reference format")
        if reference is None:
            raise missing_image(image)
        rule = rule_for(reference, self._rules)
        if rule is None and self._only is not None and reference.tagged not in self._only:
            raise missing_image(image)
        if rule is not None and rule.missing:
            raise missing_image(image)
        rule = rule or ImageRule(image)
        busybox = self._busybox if reference.repository == REPOSITORY else None
        return StandIn(
            tuple(Mount(Path(folder), target, shared=True) for folder, target in rule.mounts.items()),
            (*rule.path, HOME) if busybox else rule.path,
            busybox,
        )


def missing_image(image: str) -> StepError:
    """What a node says of an image that it cannot get (FINDINGS-docker 6)."""
    details = {"ErrorCode": "Docker:ImageNotFound", "Hint": _MISSING_IMAGE_HINT, "Image": image}
    return StepError(f'image not available: "{image}"', details=details)
