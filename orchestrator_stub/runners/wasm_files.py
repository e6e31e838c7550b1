"""The file system that a wasm program sees: one root with everything mounted in it, as released servers give it.

What belongs to the run is moved into the root and back afterwards, so nothing is copied and a module without a
library, which only knows the first preopened folder, finds its inputs (golden 43, module `cat`).
"""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.runners.base import Mount


@dataclass(frozen=True, slots=True)
class Preopen:
    """A folder of this machine that the program gets as an open one."""

    source: Path
    target: str
    writable: bool


@dataclass(slots=True)
class WasmFiles:
    """A root folder with mounts; a context manager that puts everything back."""

    root: Path
    """Own folder, does not exist yet."""
    mounts: Sequence[Mount]
    preopens: list[Preopen] = field(default_factory=list)
    _moved: list[tuple[Path, Path, bool]] = field(default_factory=list)
    """Place in the root, where it came from, whether it is a folder."""

    def __enter__(self) -> Self:
        self.root.mkdir()
        self.preopens.append(Preopen(self.root, "/", writable=True))
        try:
            for mount in sorted(self.mounts, key=lambda mount: len(_parts(mount.target))):
                self._mount(mount)
        except StepError:
            self._restore()
            raise
        except OSError as error:
            self._restore()
            raise StepError(f"input configuration error: {error.strerror}: {error.filename}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def path(self, target: str) -> Path:
        """Where something that the program knows as `target` is on this machine."""
        clean = "/" + "/".join(_parts(target))
        for preopen in reversed(self.preopens):
            if preopen.target in ("/", clean) or clean.startswith(preopen.target + "/"):
                return preopen.source.joinpath(*_parts(clean.removeprefix(preopen.target)))
        return self.root.joinpath(*_parts(clean))

    def _mount(self, mount: Mount) -> None:
        place = self.root.joinpath(*_parts(mount.target))
        if place != self.root and place.exists():
            raise StepError(f'input configuration error: failed to mount input "{mount.target}": it is already mounted')
        place.parent.mkdir(parents=True, exist_ok=True)
        if not mount.shared:
            if place == self.root:
                place.rmdir()
            is_folder = mount.source.is_dir()
            shutil.move(mount.source, place)
            self._moved.append((place, mount.source, is_folder))
        elif mount.source.is_dir():
            place.mkdir(exist_ok=True)
            self.preopens.append(Preopen(mount.source, "/" + "/".join(_parts(mount.target)), mount.writable))
        else:
            shutil.copyfile(mount.source, place)
            if mount.writable:
                self._moved.append((place, mount.source, False))

    def _restore(self) -> None:
        while self._moved:
            place, source, is_folder = self._moved.pop()
            if place.is_symlink():  # the program put a link in its place; it must not lead out of the run's folder
                place.unlink()
            if place.exists():
                shutil.move(place, source)
            elif is_folder:
                source.mkdir()


def _parts(target: str) -> tuple[str, ...]:
    clean = posixpath.normpath("/" + target)
    return tuple(part for part in clean.split("/") if part)
