"""The check of the version that a client says it has (fact sheet 2.4, golden 05)."""

from __future__ import annotations

import re
from typing import Any

from orchestrator_stub.domain.release import Release
from orchestrator_stub.wire.answers import FIRST_WITH_EVENTS, LOWEST_CLIENT

HEADER = b"x-bacalhau-git-version"
_VERSION = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_DEVELOPMENT = ("", "v0.0.0", "v0.0.0-xxxxxxx")


def refusal(header: bytes, release: Release) -> tuple[int, dict[str, Any]] | None:
    """Status and body for a client that is too old or says nonsense; None when it is welcome."""
    text = header.decode("latin-1")
    if text in _DEVELOPMENT:
        return None
    match = _VERSION.fullmatch(text)
    if match is None:
        return 400, {"Error": f"Invalid client version {text}"}
    if not _before(match, LOWEST_CLIENT):
        return None
    numbers = ".".join(match[part] or "0" for part in (1, 2, 3))
    return 403, {
        "Error": "Client version is outdated. Update your client",
        "MinVersion": ".".join(str(number) for number in LOWEST_CLIENT),
        "ClientVersion": numbers + (match[4] or "") + (match[5] or ""),
        "ServerVersion": release.git_version.removeprefix("v"),
    }


def wants_states(header: bytes) -> bool:
    """True for a client that says it is older than 1.5: its history items carry state objects."""
    match = _VERSION.fullmatch(header.decode("latin-1"))
    return match is not None and header.decode("latin-1") not in _DEVELOPMENT and _before(match, FIRST_WITH_EVENTS)


def _before(match: re.Match[str], version: tuple[int, int, int]) -> bool:
    """A pre-release comes before its release."""
    numbers = tuple(int(match[part] or 0) for part in (1, 2, 3))
    return numbers < version or (numbers == version and match[4] is not None)
