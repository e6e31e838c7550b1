"""The check of the version that a client says it has (fact sheet 2.4, golden 05)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from orchestrator_stub.domain.release import Release
from orchestrator_stub.wire.answers import FIRST_WITH_EVENTS, LOWEST_CLIENT
from orchestrator_stub.wire.gojson import decode_text

HEADER = b"x-bacalhau-git-version"
_WORDS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(-{_WORDS})?(\+{_WORDS})?")
_DEVELOPMENT = ("", "v0.0.0", "v0.0.0-xxxxxxx")
_MOST_DIGITS, _LARGEST = 19, 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Version:
    numbers: tuple[int, ...]
    early: str
    """What follows a dash: such a version comes before its release."""
    build: str

    def before(self, version: tuple[int, int, int]) -> bool:
        return self.numbers < version or (self.numbers == version and bool(self.early))


def refusal(header: bytes, release: Release) -> tuple[int, dict[str, Any]] | None:
    """Status and body for a client that is too old or says nonsense; None when it is welcome."""
    text = decode_text(header) if header else ""
    if text in _DEVELOPMENT:
        return None
    version = _parsed(text)
    if version is None:
        return 400, {"Error": f"Invalid client version {text}"}
    if not version.before(LOWEST_CLIENT):
        return None
    return 403, {
        "Error": "Client version is outdated. Update your client",
        "MinVersion": ".".join(str(number) for number in LOWEST_CLIENT),
        "ClientVersion": ".".join(str(number) for number in version.numbers) + version.early + version.build,
        "ServerVersion": release.git_version.removeprefix("v"),
    }


def wants_states(header: bytes) -> bool:
    """True for a client that says it is older than 1.5: its history items carry state objects."""
    text = decode_text(header)
    version = None if text in _DEVELOPMENT else _parsed(text)
    return version is not None and version.before(FIRST_WITH_EVENTS)


def _parsed(text: str) -> _Version | None:
    """None for what is no version: among them numbers that no 64 bits hold."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    parts = [(match[place] or "").lstrip("0") or "0" for place in (1, 2, 3)]
    if any(len(part) > _MOST_DIGITS or int(part) > _LARGEST for part in parts):
        return None
    return _Version(tuple(int(part) for part in parts), match[4] or "", match[5] or "")
