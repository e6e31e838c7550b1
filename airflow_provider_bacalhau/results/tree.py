"""A folder that hostile names may be written into: nothing leaves it, nothing is written twice or through a link."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from airflow_provider_bacalhau.errors import ArchiveRefused


class Tree:
    """Writes members below `root`, which must be private to the caller and start empty.

    The file system itself tells duplicates and overlaps, so memory does not grow with the number of members.
    """

    def __init__(self, root: Path, *, what: str) -> None:
        self.root = root
        self._what = what
        self._links = False
        self._parent: Path | None = None

    def refuse(self, reason: str) -> ArchiveRefused:
        """The error for this result, to be raised by the caller."""
        return ArchiveRefused(f"{self._what} was refused: {reason}. Nothing was written.")

    def name(self, raw: str) -> str:
        """The clean relative path of a member ("" for the root itself).

        Bytes that are no UTF-8 become U+FFFD.

        :raises ArchiveRefused: it is absolute, climbs out with "..", or holds a NUL.
        """
        text = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        parts = [part for part in text.split("/") if part not in ("", ".")]
        if text.startswith("/"):
            raise self.refuse(f"its member {text!r} has an absolute path")
        if ".." in parts:
            raise self.refuse(f"its member {text!r} leaves the folder with '..'")
        if "\0" in text:
            raise self.refuse(f"its member {text!r} has a NUL in its name")
        return "/".join(parts)

    def folder(self, name: str) -> None:
        """Make a folder (and its parents). :raises ArchiveRefused: a file or link has this name already."""
        self._folder(self.root / name if name else self.root)

    @contextmanager
    def file(self, name: str, *, executable: bool = False) -> Iterator[BinaryIO]:
        """Open a new file for writing; setuid, setgid and sticky bits never reach it.

        :raises ArchiveRefused: something has this name already, or one of its parents is a file or link.
        """
        path = self._place(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags, 0o777 if executable else 0o666)
        except FileExistsError:
            raise self.refuse(f"it holds {name!r} twice") from None
        with os.fdopen(descriptor, "wb") as file:
            yield file

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link; whether it stays inside is known only when all is there, see `check_links`.

        :raises ArchiveRefused: it is absolute, or something has this name already.
        """
        if not target or target.startswith("/") or "\0" in target:
            raise self.refuse(f"its member {name!r} links to {target!r}, outside of the folder")
        path = self._place(name)
        try:
            path.symlink_to(target)
        except FileExistsError:
            raise self.refuse(f"it holds {name!r} twice") from None
        self._links = True

    def check_links(self) -> None:
        """:raises ArchiveRefused: a link written with `link` leads out of the folder."""
        if not self._links:
            return
        escaping = escaping_link(self.root)
        if escaping is not None:
            raise self.refuse(f"its member {escaping!r} links outside of the folder")

    def _place(self, name: str) -> Path:
        path = self.root / name
        if path.parent != self._parent:
            self._folder(path.parent)
            self._parent = path.parent
        return path

    def _folder(self, path: Path) -> None:
        current = self.root
        for part in path.relative_to(self.root).parts:
            current /= part
            try:
                current.mkdir()
            except FileExistsError:
                if current.is_symlink() or not current.is_dir():
                    name = str(current.relative_to(self.root))
                    raise self.refuse(f"it holds {name!r} both as a folder and as something else") from None


def escaping_link(root: Path) -> str | None:
    """The relative path of a symbolic link below `root` that leads out of it, or None.

    Loops count as leading out: nothing could be read through them.
    """
    home = os.path.realpath(root)
    for name in files_of(root):
        path = root / name
        if not path.is_symlink():
            continue
        inside = os.path.commonpath([home, os.path.realpath(path)]) == home
        if inside:
            try:
                path.stat()
            except FileNotFoundError:
                continue
            except OSError:
                inside = False
        if not inside:
            return name
    return None


def files_of(root: Path) -> Iterator[str]:
    """Relative paths of all files and links below `root`, in byte order within each folder; links are not followed."""
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        links = {entry for entry in folders if (here / entry).is_symlink()}
        folders[:] = sorted(set(folders) - links)
        for entry in sorted((*files, *links)):
            yield str((here / entry).relative_to(root))
