"""Inputs that lie on this machine, only below folders that the user has opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator_stub.domain import params
from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.domain.job import InputSource
from orchestrator_stub.inputs.base import WHOLE, Part
from orchestrator_stub.inputs.failures import refused
from orchestrator_stub.runners.base import Mount

_FOLDER, _FILE, _NOTHING = "dir", "file", "nocreate"
_HINT = "Verify Compute.AllowListedLocalPaths configuration property"
_CONFIGURATION = {"ErrorCode": "Bacalhau:ConfigurationError", "Hint": _HINT}


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """A folder that local inputs may come from."""

    folder: Path
    """Absolute."""
    writable: bool = False


@dataclass(frozen=True, slots=True)
class _Wish:
    path: Path
    """Without links: what would really be mounted."""
    shown: str
    writable: bool
    create_as: str


class LocalSource:
    """Mounts local inputs; the file or folder itself, not a copy."""

    def __init__(self, kind: str, opened: Sequence[OpenFolder]) -> None:
        """For one of the types `localdirectory` and `local` (which may also create what is missing)."""
        self.type = kind
        self._opened = tuple(OpenFolder(each.folder.resolve(), each.writable) for each in opened)

    async def check(self, source: InputSource, part: Part = WHOLE) -> int:  # noqa: ARG002 - local data is not divided
        """0: nothing is copied.

        :raises StepError: outside of what is open, or missing
        """
        wish = self._wish(source)
        if not wish.path.exists() and not (wish.writable and wish.create_as in (_FOLDER, _FILE)):
            raise refused(f"volume {wish.shown} does not exist and creation is not allowed", {"ErrorCode": "Bacalhau:"})
        return 0

    async def fetch(self, source: InputSource, folder: Path, part: Part = WHOLE) -> tuple[Mount, ...]:  # noqa: ARG002
        """The thing itself at the target, made first where the job asks for that.

        :raises StepError: as `check`
        """
        await self.check(source)
        wish = self._wish(source)
        await asyncio.to_thread(_create, wish)
        return (Mount(wish.path, source.target, wish.writable, shared=True),)

    def _wish(self, source: InputSource) -> _Wish:
        given = source.source.params
        shown = params.text(given, "SourcePath")
        create_as = params.text(given, "CreateAs").lower() or _NOTHING
        if create_as not in (_FOLDER, _FILE, _NOTHING):
            raise refused(f"invalid CreateAs value {create_as}", {"ErrorCode": "Bacalhau:ValidationError"})
        writable = params.flag(given, "ReadWrite")
        if not shown.startswith("/"):
            raise refused(f"volume {shown} is not allowlisted", _CONFIGURATION)
        path = Path(shown).resolve()
        matching = [each for each in self._opened if path.is_relative_to(each.folder)]
        if not matching:
            raise refused(f"volume {shown} is not allowlisted", _CONFIGURATION)
        if writable and not any(each.writable for each in matching):
            raise refused(f"volume {shown} is not granted write access", _CONFIGURATION)
        return _Wish(path, shown, writable, create_as if self.type == "local" else _NOTHING)


def _create(wish: _Wish) -> None:
    if wish.path.exists():
        return
    try:
        if wish.create_as == _FOLDER:
            wish.path.mkdir(parents=True)
        else:
            wish.path.parent.mkdir(parents=True, exist_ok=True)
            wish.path.touch()
    except OSError as error:
        raise StepError(f"could not create source at {wish.shown}: {error.strerror}") from None
