"""The folder of a stub that outlives its process: whose it is, what made it, and that nobody else works in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.store.codec import FORMAT

STATE, PUBLISHED, LOGS = "state.db", "published", "logs"
_ABOUT, _LOCK = "stub.json", "lock"
_NEW = frozenset({_LOCK, f"{_ABOUT}.new"})
"""What a stub that was killed in its first moments may have left."""


class DataDir:
    """A folder that belongs to this process until `close`."""

    def __init__(self, folder: Path, release: str) -> None:
        """Take the folder, or make it (blocking). `release`: what is emulated; a folder stays with one release.

        Raises SettingsError, and then nothing in it was touched.
        """
        self.folder = folder
        self._lock = -1
        try:
            _make(folder)
            _refuse_strangers(folder, release)
            self._lock = _locked(folder)
            try:
                _refuse_strangers(folder, release)  # somebody may have made it meanwhile
                _settle_in(folder, release)
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise _refused(folder, f"{error.strerror or error}; give a folder that can be written") from None

    def close(self) -> None:
        """Another stub may have it now."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @property
    def state(self) -> Path:
        """The SQLite file."""
        return self.folder / STATE

    def subfolder(self, name: str) -> Path:
        """A folder below it, made if missing. Raises OSError."""
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _make(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise _refused(folder, "is a file; give a folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _refuse_strangers(folder: Path, release: str) -> None:
    """Another format, another release, or something that is none of a stub's."""
    about = folder / _ABOUT
    try:
        known = json.loads(about.read_text())
        version, made_for = known["format"], known["release"]
    except FileNotFoundError:
        others = sorted({path.name for path in folder.iterdir()} - _NEW)
        if others:
            raise _refused(
                folder, f"holds {others[0]}, which no stub has put there; give a new or an empty folder"
            ) from None
        return
    except (ValueError, KeyError, TypeError):
        raise _refused(folder, f"its {_ABOUT} is not one of a stub; give another folder") from None
    if version != FORMAT:
        raise _refused(
            folder,
            f"has format {version}, this stub knows format {FORMAT}; use the stub that made it, or give another folder",
        )
    if made_for != release:
        raise _refused(
            folder, f"belongs to --emulate {made_for}, not {release}; serve that release, or give another folder"
        )


def _locked(folder: Path) -> int:
    """The lock, held for as long as it is open: it ends with the process, however that ends."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 32, 0).decode(errors="replace").strip()
        os.close(lock)
        who = f" (process {owner})" if owner else ""
        raise _refused(folder, f"in use by another stub{who}; stop that one, or give another folder") from None
    with contextlib.suppress(OSError):  # a full disk: then nobody learns who has it
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _settle_in(folder: Path, release: str) -> None:
    about = folder / _ABOUT
    if about.exists():
        return
    new = folder / f"{_ABOUT}.new"
    with new.open("w") as file:
        file.write(json.dumps({"format": FORMAT, "release": release}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(about)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _refused(folder: Path, why: str) -> SettingsError:
    return SettingsError(f"--data-dir {folder}: {why}")
