"""Unpacking what compute nodes packed: tar, tar.gz or zip, whole or not at all.

Kept: files, folders, and symbolic links that stay inside. Refused with the whole archive: absolute paths, "..", links
that lead out, hard links, devices, fifos, sparse files, names that occur twice or overlap, encrypted members, truncated
or damaged archives, and more bytes or members than `Limits` allow. Owners, times and special mode bits are dropped; of
the modes only "executable" is kept. Bacalhau's archives (FINDINGS-docker 4) hold files and folders only.
"""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from airflow_provider_bacalhau.errors import ArchiveRefused, ResultError
from airflow_provider_bacalhau.results.selection import Selection
from airflow_provider_bacalhau.results.tree import Tree, files_of

CHUNK = 1 << 16
_LONGEST_READ = 1 << 18
_HEADERS_PER_MEMBER = 4096
_EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may unpack to.

    :param total_bytes: sum of all members.
    :param members: number of members.
    :param ratio: unpacked bytes per packed byte, looked at above `ratio_floor` bytes. Logs reach 30, gzip's most is
        1,032 (zeros), so a bomb must lie or be sparse to get further.
    """

    total_bytes: int = 1 << 40
    members: int = 2_000_000
    ratio: int = 200
    ratio_floor: int = 1 << 30

    def budget(self, packed: int) -> int:
        """Bytes that an archive of `packed` bytes may unpack to."""
        return min(self.total_bytes, max(self.ratio_floor, self.ratio * packed))


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    kind: str
    size: int
    executable: bool
    target: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]


def unpack(
    path: Path,
    target: Path,
    *,
    only: Selection = _EVERYTHING,
    limits: Limits | None = None,
    inside: str = "",
    what: str = "",
) -> list[str]:
    """Unpack an archive into `target`, which must not exist or be an empty folder.

    Everything is written into a new folder beside `target`, which gets its name in one step when all was good.

    :param only: members to write; the others are checked by name and counted all the same.
    :param inside: members lie below this folder, which is left off (an IPFS gateway packs the CID around them).
    :param what: how messages call the archive; its file name when empty.
    :returns: relative paths of what was written, folders left out.
    :raises ArchiveRefused: see the module; nothing was written.
    :raises ResultError: the file system refused.
    """
    limits, what = limits or Limits(), what or path.name
    try:
        if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
            raise ResultError(f"{target} exists and is not an empty folder; nothing was unpacked.")
        stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    except OSError as error:
        raise ResultError(f"Cannot unpack into {target}: {error.strerror}.") from error
    try:
        root = stage / "tree"
        root.mkdir()
        tree = Tree(root, what=what)
        with _reading(tree):
            budget = limits.budget(path.stat().st_size)
            _write(_members(path, tree, limits), tree, only=only, budget=budget, inside=inside)
        tree.check_links()
        root.rename(target)
    except OSError as error:
        raise ResultError(f"Cannot unpack {what} into {target}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return list(files_of(target))


def read_member(
    path: Path, name: str, *, limit: int, limits: Limits | None = None, inside: str = "", what: str = ""
) -> tuple[bytes, bool] | None:
    """The first `limit` bytes of one member and whether these are all; None when there is no such file.

    :raises ArchiveRefused: the archive is hostile or damaged as far as it was read.
    """
    limits = limits or Limits()
    tree = Tree(path.parent, what=what or path.name)
    with _reading(tree), closing(_members(path, tree, limits)) as members:
        for member in members:
            if member.kind == "file" and _inner(tree.name(member.name), inside) == name:
                with member.open() as source:
                    data = _read_up_to(source, limit + 1)
                return data[:limit], len(data) <= limit
    return None


def is_archive(path: Path) -> bool:
    """Whether the bytes look like a tar, a tar in gzip, or a zip; a single file in gzip is none."""
    with path.open("rb") as file:
        start = file.read(4096)
    if start[:2] == b"\x1f\x8b":
        try:
            start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, tarfile.BLOCKSIZE)
        except zlib.error:
            return False
    return start[:4] in (b"PK\x03\x04", b"PK\x05\x06") or start[257:262] == b"ustar"


def _write(members: Iterator[_Member], tree: Tree, *, only: Selection, budget: int, inside: str) -> None:
    left = budget
    for member in members:
        name = _inner(tree.name(member.name), inside)
        if name in ("", inside) and member.kind == "folder":
            continue
        if member.kind not in ("file", "folder", "link"):
            raise tree.refuse(f"its member {name!r} is a {member.kind}")
        if member.size > left:
            raise tree.refuse(f"it would unpack to more than {budget:,} bytes")
        left -= member.size
        if not only.takes(name):
            continue
        if not name:
            raise tree.refuse("its root is not a folder")
        if member.kind == "folder":
            tree.folder(name)
        elif member.kind == "link":
            tree.link(name, member.target)
        else:
            with member.open() as source, tree.file(name, executable=member.executable) as file:
                shutil.copyfileobj(source, file, CHUNK)  # readers never give more than the member claims


def _inner(name: str, inside: str) -> str:
    return name.removeprefix(f"{inside}/") if inside else name


def _read_up_to(source: IO[bytes], count: int) -> bytes:
    data = b""
    while len(data) < count and (chunk := source.read(min(CHUNK, count - len(data)))):
        data += chunk
    return data


@contextmanager
def _reading(tree: Tree) -> Iterator[None]:
    """Turn what the readers raise on damaged bytes into one sentence."""
    try:
        yield
    except EOFError:
        raise tree.refuse("it is truncated") from None
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, ValueError) as error:
        text = str(error)
        reason = "it is truncated" if "unexpected end" in text or "Truncated" in text else f"it is damaged ({text})"
        raise tree.refuse(reason) from None
    except RecursionError:
        raise tree.refuse("its headers are nested without end") from None
    except NotImplementedError as error:
        raise tree.refuse(f"it is packed in a way that is not supported ({error})") from None


def _members(path: Path, tree: Tree, limits: Limits) -> Generator[_Member, None, None]:
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start in (b"PK\x03\x04", b"PK\x05\x06"):
            yield from _zip_members(file, tree, limits)
            return
        ceiling = limits.budget(path.stat().st_size) + _HEADERS_PER_MEMBER * limits.members
        if start[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=file) as packed:
                yield from _tar_members(_Forward(cast("BinaryIO", packed), tree, ceiling), tree, limits)
        else:
            yield from _tar_members(_Forward(file, tree, ceiling), tree, limits)


def _tar_members(stream: _Forward, tree: Tree, limits: Limits) -> Generator[_Member, None, None]:
    count = 0
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as tar:
        memory: Any = tar  # it remembers all members and global headers, which would grow with the archive
        while (info := tar.next()) is not None:
            memory.members, memory.pax_headers = [], {}
            count += 1
            if count > limits.members:
                raise tree.refuse(f"it holds more than {limits.members:,} members")
            yield _tar_member(tar, info)
    if not stream.ended_with_zeros:
        raise tree.refuse("it is truncated")
    stream.drain()


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    kind = (
        "sparse file" if info.issparse()
        else "file" if info.isreg()
        else "folder" if info.isdir()
        else "link" if info.issym()
        else "hard link" if info.islnk()
        else "device or fifo" if info.isdev()
        else "member of an unknown type"
    )  # fmt: skip

    def content() -> IO[bytes]:
        source = tar.extractfile(info)
        if source is None:
            raise tarfile.ReadError(f"no content for {info.name!r}")
        return source

    executable = bool(info.mode & stat.S_IXUSR)
    return _Member(info.name, kind, info.size if kind == "file" else 0, executable, info.linkname, content)


def _zip_members(file: BinaryIO, tree: Tree, limits: Limits) -> Generator[_Member, None, None]:
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        if len(infos) > limits.members:
            raise tree.refuse(f"it holds more than {limits.members:,} members")
        end = 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            if info.header_offset < end:
                raise tree.refuse(f"its member {info.filename!r} overlaps another one")
            end = info.header_offset + 30 + len(info.orig_filename) + info.compress_size
        for info in infos:
            yield _zip_member(archive, info, tree)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, tree: Tree) -> _Member:
    if info.flag_bits & 1:
        raise tree.refuse(f"its member {info.filename!r} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise tree.refuse(f"its member {info.filename!r} is packed by method {info.compress_type}, not deflate")
    mode = info.external_attr >> 16
    target = ""
    if info.is_dir():
        kind = "folder"
    elif stat.S_ISLNK(mode):
        kind = "link"
        with archive.open(info) as source:
            target = source.read(os.pathconf("/", "PC_PATH_MAX")).decode("utf-8", "surrogateescape")
    elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
        kind = "file"
    else:
        kind = "device or fifo"
    return _Member(info.filename, kind, info.file_size, bool(mode & stat.S_IXUSR), target, lambda: archive.open(info))


class _Forward:
    """A stream that `tarfile` reads once from start to end, without ever holding much of it.

    Headers are read in one piece, so a header that claims to be huge is refused; so is a stream that goes on for more
    than all members together may hold.
    """

    def __init__(self, source: BinaryIO, tree: Tree, ceiling: int) -> None:
        self._source = source
        self._tree = tree
        self._ceiling = ceiling
        self._position = 0
        self._last = b""

    def read(self, count: int = -1) -> bytes:
        if count < 0 or count > _LONGEST_READ:
            raise self._tree.refuse(f"one of its headers claims {count:,} bytes")
        data = self._source.read(count)
        self._position += len(data)
        self._last = data
        if self._position > self._ceiling:
            raise self._tree.refuse(f"it would unpack to more than {self._ceiling:,} bytes")
        return data

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET or position < self._position:
            raise ArchiveRefused("A tar archive was read backwards, which its own headers must have asked for.")
        while self._position < position:
            if not self.read(min(CHUNK, position - self._position)):
                raise EOFError
        return self._position

    def tell(self) -> int:
        return self._position

    @property
    def ended_with_zeros(self) -> bool:
        """The last block read is the mark that every complete tar ends with."""
        return len(self._last) == tarfile.BLOCKSIZE and not any(self._last)

    def drain(self) -> None:
        """Read the rest, so that gzip compares its checksum."""
        while self.read(CHUNK):
            pass
