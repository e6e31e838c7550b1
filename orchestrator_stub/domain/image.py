"""Which container images exist for the stub, and what stands in for their content (design 4, runners)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from orchestrator_stub.domain.glob import glob

if TYPE_CHECKING:
    from orchestrator_stub.domain.stage import Stage

OWN_PLACES = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/dev"),
    *("/etc/alternatives", "/etc/group", "/etc/hosts", "/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/passwd"),
)
"""What the sandbox shows of this machine or of itself: nothing can stand there or below."""
_NEEDED_PLACES = ("/", "/etc", "/tmp")  # noqa: S108 - inside the sandbox
"""Folders that programs need as the sandbox makes them; something may stand below."""

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
_DIGEST_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_IMAGE_ID = re.compile("[a-f0-9]{64}")
_DEFAULT_REGISTRIES = ("docker.io/", "index.docker.io/")
_OFFICIAL = "library/"
_DEFAULT_TAG = "latest"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A well-formed reference, in its parts."""

    name: str
    """Registry and repository, e.g. `ghcr.io/acme/clean`."""
    tag: str = ""
    digest: str = ""
    """`ALGORITHM:HEX`."""

    @property
    def repository(self) -> str:
        """The last part of the name: `clean` of `ghcr.io/acme/clean`."""
        return self.name.rpartition("/")[2]

    @property
    def tagged(self) -> str:
        """Name and tag, `latest` when it has neither tag nor digest; "" for a reference by digest alone."""
        return "" if self.digest and not self.tag else f"{self.name}:{self.tag or _DEFAULT_TAG}"


@dataclass(frozen=True, slots=True)
class ImageRule:
    """What is known of the references that match a pattern; the first rule that matches counts."""

    pattern: str
    """Reference in which `*` stands for any text and `?` for one character, e.g. `acme/clean:*`."""
    missing: bool = False
    """No such image: its jobs fail as on a node that cannot pull it."""
    mounts: Mapping[str, str] = field(default_factory=dict)
    """Folder of this machine (absolute) -> where the sandbox shows it, read-only."""
    path: tuple[str, ...] = ()
    """Folders of the sandbox that come first in PATH."""
    stages: tuple[Stage, ...] | None = None
    """What is played in the place of its programs; None: they run."""

    def matches(self, reference: ImageReference) -> bool:
        """Whether the pattern covers it: with or without Docker's default registry, tag and `library/`.

        A pattern without tag covers every version; where a reference has only a digest, a tag of the pattern is
        compared with it.
        """
        pattern = glob(self.pattern)
        return any(pattern.fullmatch(spelling) for spelling in _spellings(reference))


def parse_image(text: str) -> ImageReference | None:
    """The reference in its parts by Docker's grammar; None when it is malformed."""
    match = _REFERENCE.fullmatch(text)
    if match is None or len(match["name"]) > _MAX_NAME or _IMAGE_ID.fullmatch(text):
        return None
    digest = match["digest"] or ""
    algorithm, _, digits = digest.partition(":")
    if digest and (_DIGEST_DIGITS.get(algorithm) != len(digits) or digits != digits.lower()):
        return None
    return ImageReference(match["name"], match["tag"] or "", digest)


def rule_for(reference: ImageReference, rules: Iterable[ImageRule]) -> ImageRule | None:
    """The first rule that covers the reference; None when there is none."""
    return next((rule for rule in rules if rule.matches(reference)), None)


def misplaced(target: str, others: Iterable[str] = ()) -> str:
    """Why nothing of `--images` can stand at a path of the sandbox, for a user to read; "" when it can.

    :param target: absolute path without backward or doubled steps
    :param others: targets of the same image that were accepted already
    """
    path = PurePosixPath(target)
    if path.root != "/" or ".." in path.parts or str(path) != target:
        return "is no absolute path"
    own = next((place for place in OWN_PLACES if path.is_relative_to(place)), None)
    if own is not None or target in _NEEDED_PLACES:
        return f"collides with the sandbox's own {own or target}"
    for other in others:
        if path.is_relative_to(other) or PurePosixPath(other).is_relative_to(path):
            return f"collides with {other} of the same image"
    return ""


def _spellings(reference: ImageReference) -> set[str]:
    versions = {"", f":{reference.tag or reference.digest or _DEFAULT_TAG}"}
    if reference.digest:
        tag = f":{reference.tag}" if reference.tag else ""
        versions |= {f"@{reference.digest}", f"{tag}@{reference.digest}"}
    return {name + version for name in _names(reference.name) for version in versions}


def _names(name: str) -> set[str]:
    """The name as given, without what Docker adds by default, and with it."""
    registry, slash, _ = name.partition("/")
    is_elsewhere = slash and (re.search("[.:A-Z]", registry) or registry == "localhost")
    if is_elsewhere and not name.startswith(_DEFAULT_REGISTRIES):
        return {name}
    path = next((name.removeprefix(each) for each in _DEFAULT_REGISTRIES if name.startswith(each)), name)
    short = path.removeprefix(_OFFICIAL)
    full = short if "/" in short else _OFFICIAL + short
    return {name, short, _DEFAULT_REGISTRIES[0] + short, _DEFAULT_REGISTRIES[0] + full}
