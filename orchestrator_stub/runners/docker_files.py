"""Files of a run on their way into a container and out of it, as tar archives in a stream; blocking, for threads."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, cast

from orchestrator_stub.domain.errors import StepError
from orchestrator_stub.runners.base import Mount
from orchestrator_stub.runners.docker_engine import BlockingEngine, EngineAt
from orchestrator_stub.runners.walls import clean, depth, inside

_CHUNK = 256 * 1024
_BLOCK = tarfile.BLOCKSIZE


class StoppedError(Exception):
    """The run is not wanted any more."""


class Courier:
    """Carries the files of one run."""

    def __init__(self, at: EngineAt, container: str) -> None:
        """`container`: id of one that was made and does not run."""
        self._at, self._container = at, container
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Make whatever is under way end soon (thread-safe)."""
        self._stopped.set()

    def bring(self, inputs: Sequence[Mount], results: Sequence[Mount]) -> None:
        """Copy inputs to their targets; those inside of a result path go into its volume.

        :raises EngineError: the engine refused them
        """
        with BlockingEngine(self._at) as engine:
            for folder, below in _by_volume(inputs, results).items():
                engine.put_files(self._container, folder, self._watched(tar_of(below)))

    def fetch(self, inputs: Sequence[Mount], results: Sequence[Mount], limit: int) -> None:
        """Copy result paths into their folders here; an input inside of one leaves an empty file (FINDINGS-docker 4).

        :param limit: bytes that the results may have together
        :raises StepError: they have more
        :raises EngineError: the engine does not give them
        """
        with BlockingEngine(self._at) as engine:
            for result in results:
                with engine.files(self._container, clean(result.target)) as pieces:
                    limit -= untar(Pieces(self._watched(pieces)), result.source, limit)
        for mount in inputs:
            for result in results:
                if rest := inside(mount.target, result.target):
                    _empty(_place(result.source, rest))

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self._stopped.is_set():
                raise StoppedError
            yield piece


def tar_of(files: Sequence[tuple[str, Path]]) -> Iterator[bytes]:
    """A tar archive, piece by piece, whose files all belong to root.

    :param files: name in the archive and the file or folder, with everything in it, that goes there
    """
    for name, path in files:
        yield from _entries(name, path)
    yield tarfile.NUL * (2 * _BLOCK)


def untar(pieces: Pieces, folder: Path, limit: int) -> int:
    """Unpack what a program left; nothing of it comes to lie outside of the folder. Bytes of all files.

    Links stay what they are, devices and sockets are left out; everything is made readable for the publisher.

    :param limit: bytes that may be written
    :raises StepError: it is more
    """
    written = 0
    with tarfile.open(fileobj=cast("IO[bytes]", pieces), mode="r|") as archive:
        for member in archive:
            path = _place(folder, member.name)
            if path is None or (os.path.lexists(path) and not (member.isdir() and not path.is_symlink())):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if member.isdir():
                path.mkdir(exist_ok=True)
                path.chmod(member.mode & 0o777 | stat.S_IRWXU)
            elif member.issym():
                path.symlink_to(member.linkname)
            elif member.islnk():
                _link(folder, member.linkname, path)
            elif member.isreg():
                written += member.size
                if written > limit:
                    raise StepError(f"docker: the job wrote more than its disk limit of {limit} bytes")
                with path.open("xb") as file:
                    shutil.copyfileobj(cast("IO[bytes]", archive.extractfile(member)), file, _CHUNK)
                path.chmod(member.mode & 0o777 | stat.S_IRUSR | stat.S_IWUSR)
    return written


class Pieces(io.RawIOBase):
    """Pieces of bytes as a file that can be read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """`pieces`: of any length."""
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer only at the end."""
        found = bytearray(self._rest)
        while size < 0 or len(found) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            found += piece
        cut = len(found) if size < 0 else size
        self._rest = bytes(found[cut:])
        return bytes(found[:cut])


def _by_volume(inputs: Sequence[Mount], results: Sequence[Mount]) -> dict[str, list[tuple[str, Path]]]:
    """Folder of the container -> names below it and what goes there; an engine looks for no volume inside of "/"."""
    found: dict[str, list[tuple[str, Path]]] = {}
    for mount in sorted(inputs, key=lambda mount: depth(mount.target)):
        around = [result.target for result in results if inside(mount.target, result.target)]
        folder = clean(max(around, key=depth, default="/"))
        name = inside(mount.target, folder) or ""
        found.setdefault(folder, []).append((name, mount.source))
    return found


def _entries(name: str, path: Path) -> Iterator[bytes]:
    facts = path.lstat()
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.mode = int(facts.st_mtime), stat.S_IMODE(facts.st_mode)
    if stat.S_ISLNK(facts.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
        yield entry.tobuf()
    elif stat.S_ISDIR(facts.st_mode):
        if name:
            entry.type = tarfile.DIRTYPE
            yield entry.tobuf()
        for child in sorted(path.iterdir()):
            yield from _entries(f"{name}/{child.name}".lstrip("/"), child)
    elif stat.S_ISREG(facts.st_mode):
        entry.size = facts.st_size
        yield entry.tobuf()
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                yield data
        yield tarfile.NUL * (-entry.size % _BLOCK)


def _place(folder: Path, name: str) -> Path | None:
    """Where a member is; None for the folder itself and for what lies outside, or behind a link."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", ".")]
    if not parts or ".." in parts:
        return None
    above = (folder.joinpath(*parts[:count]) for count in range(1, len(parts)))
    return None if any(each.is_symlink() for each in above) else folder.joinpath(*parts)


def _link(folder: Path, name: str, path: Path) -> None:
    """A second name of a file that was unpacked already."""
    first = _place(folder, name)
    if first is not None and first.is_file() and not first.is_symlink():
        path.hardlink_to(first)


def _empty(path: Path | None) -> None:
    """Only the place of an input is left of it, as where it was mounted."""
    if path is None or not os.path.lexists(path):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        path.mkdir()
    else:
        path.unlink()
        path.touch()
        path.chmod(0o755)
