"""The folder that a stub works in: its own, gone with it, and if it was killed, cleared away by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "bacalhau-stub-"
_LOCK = "in-use"


class Workplace:
    """A new folder that nobody else clears away while this process lives."""

    def __init__(self, where: Path | None = None) -> None:
        """Make it below `where`, default the folder for temporary files. Raises OSError."""
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=where))
        unlocked = self.folder / "new"
        self._lock = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unlocked.rename(self.folder / _LOCK)  # never seen without its lock

    def close(self) -> None:
        """Delete it with all that is in it (blocking)."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # closed already
            os.close(self._lock)


def clear_abandoned(where: Path | None = None) -> int:
    """Delete folders of stubs of this user that were killed (blocking); returns how many."""
    cleared = 0
    for folder in Path(where or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or another stub is just clearing it
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                cleared += 1
            finally:
                os.close(lock)
    return cleared
