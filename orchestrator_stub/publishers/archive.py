"""The archive of a run's files as released servers lay it out (FINDINGS-docker 4)."""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator_stub.publishers.base import Output

_FOLDER_MODE, _FILE_MODE = 0o755, 0o644
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Member:
    """One entry: name in the archive, where its bytes are, and what it is."""

    name: str
    mode: int
    source: Path | None = None
    """None for a folder or for `text`."""
    text: bytes | None = None
    link: str = ""


class _Entry(tarfile.TarInfo):
    """Folders are written without the final slash that Python adds."""

    def get_info(self) -> Mapping[str, Any]:
        info = dict(super().get_info())
        info["name"] = self.name
        return info


def write_archive(output: Output, path: Path) -> None:
    """Write the .tar.gz of a run; blocking. Raises OSError.

    As Go writes it, the compressed part names neither a file nor a time: the same run has the same bytes.
    """
    import gzip  # most stubs never pack anything

    with (
        path.open("wb") as target,
        gzip.GzipFile("", "wb", fileobj=target, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for member in members(output):
            entry = _Entry(member.name)
            entry.mode = member.mode
            entry.mtime = output.now // _SECOND
            if member.text is not None:
                entry.size = len(member.text)
                archive.addfile(entry, io.BytesIO(member.text))
            elif member.link:
                entry.type, entry.linkname = tarfile.SYMTYPE, member.link
                archive.addfile(entry)
            elif member.source is None:
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = member.source.stat().st_size
                with member.source.open("rb") as file:
                    archive.addfile(entry, file)


def members(output: Output) -> Iterator[Member]:
    """Everything in the order of the servers: names by byte, a folder before what is in it; links stay links."""
    yield Member(".", output.root_mode)
    top: dict[str, Member | Path] = {
        "exitCode": Member("exitCode", _FILE_MODE, text=str(output.exit_code).encode()),
        "stderr": Member("stderr", _FILE_MODE, output.stderr),
        "stdout": Member("stdout", _FILE_MODE, output.stdout),
        **output.folders,
    }
    for name in sorted(top, key=str.encode):
        item = top[name]
        if isinstance(item, Member):
            yield item
        else:
            yield Member(name, _FOLDER_MODE)
            yield from _below(item, name)


def files(output: Output) -> Iterator[Member]:
    """The same without folders and links: what is uploaded one by one."""
    return (member for member in members(output) if member.source is not None or member.text is not None)


def _below(folder: Path, name: str) -> Iterator[Member]:
    if folder.is_symlink():  # it must not lead out of the run's folder
        return
    for child in sorted(folder.iterdir(), key=lambda path: path.name.encode("utf-8", "surrogateescape")):
        kind = child.lstat().st_mode
        inner = f"{name}/{child.name}"
        if stat.S_ISDIR(kind):
            yield Member(inner, stat.S_IMODE(kind) & 0o777)
            yield from _below(child, inner)
        elif stat.S_ISLNK(kind):
            yield Member(inner, 0o777, link=str(child.readlink()))
        elif stat.S_ISREG(kind):
            yield Member(inner, stat.S_IMODE(kind) & 0o777, child)
