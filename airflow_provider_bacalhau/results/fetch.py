"""Bringing results back: each item is fetched, checked, unpacked safely and put where the user wants it."""

from __future__ import annotations

import logging
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from airflow_provider_bacalhau.errors import ArchiveRefused, ConfigError, ResultError
from airflow_provider_bacalhau.results import objects
from airflow_provider_bacalhau.results.archive import Limits, is_archive, read_member, unpack
from airflow_provider_bacalhau.results.checksum import Check, verify
from airflow_provider_bacalhau.results.hosts import AllowedHosts
from airflow_provider_bacalhau.results.layout import LAYOUTS, Unpacked, arrange
from airflow_provider_bacalhau.results.manifest import IPFS, Item
from airflow_provider_bacalhau.results.selection import Selection
from airflow_provider_bacalhau.results.sources import Folder, Renew, Sources
from airflow_provider_bacalhau.results.target import OVERWRITES, parse_target, place_in_folder, place_in_s3, staging
from airflow_provider_bacalhau.results.transfer import Opener, Pace, Policy, copy
from airflow_provider_bacalhau.results.tree import Tree, files_of
from airflow_provider_bacalhau.results.urls import Http, Resolve, resolve

_ARCHIVE_NAMES = (".tar.gz", ".tgz", ".tar", ".zip")


@dataclass(frozen=True, slots=True)
class MemberText:
    """Text of one member; `complete` is False when there is more than the limit let through."""

    text: str
    complete: bool


class Fetcher:
    """Downloads the results of one job (or of several, when `renew` gives the results of all).

    :param renew: asks `/results`; called when a URL is needed, and again when one expired.
    :param allowed: hosts that results may come from, see `hosts.allowed_hosts`.
    :param open_s3: gives a boto3 client for a place: for results without a signed URL, and for S3 targets.
    :param ipfs_gateway: base URL of the gateway for `ipfs` results, empty for none.
    :param verify: TLS verification as httpx takes it.
    :param note: gets one line per event worth logging; never a credential.
    """

    def __init__(
        self,
        renew: Renew,
        allowed: AllowedHosts,
        *,
        open_s3: objects.OpenS3 | None = None,
        ipfs_gateway: str = "",
        verify: ssl.SSLContext | bool = True,
        connect_timeout: float = 5.0,
        read_timeout: float = 35.0,
        limits: Limits | None = None,
        policy: Policy | None = None,
        note: Callable[[str], None] | None = None,
        resolve: Resolve = resolve,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.checks: dict[str, Check] = {}
        """What the checksum said of each object downloaded so far, by uri."""
        self._note = note or logging.getLogger(__name__).info
        self._sources = Sources(renew, allowed, open_s3=open_s3, gateway=ipfs_gateway, note=self._note)
        self._open_s3 = open_s3
        self._http = partial(
            Http, verify=verify, connect_timeout=connect_timeout, read_timeout=read_timeout, resolve=resolve
        )
        self._limits = limits or Limits()
        self._policy = policy or Policy()
        self._clock = clock
        self._sleep = sleep

    def download(
        self,
        items: Sequence[Item],
        *,
        target: str,
        layout: str = "per-execution",
        only: str | Sequence[str] | None = None,
        overwrite: str = "replace",
        allow_empty: bool = False,
    ) -> list[str]:
        """Fetch, check and unpack items, then put them at the target; on any error the target stays as it was.

        :param items: of a manifest, in its order.
        :param target: "/folder" or "s3://bucket/prefix".
        :param layout: "per-execution" (a folder each) or "merged" (one folder; stdout, stderr and exitCode of all are
            concatenated as `bacalhau job get` does, any other collision is an error).
        :param only: patterns such as "outputs/**"; None for everything.
        :param overwrite: "replace" (per-execution: each execution's folder whole; merged and S3: file by file), or
            "fail" when anything that would be written is there already.
        :param allow_empty: nothing published, or nothing selected, is no error.
        :returns: absolute paths, or s3 uris, of all files written.
        :raises ConfigError: an argument is wrong. :raises ResultError: a result cannot be had.
        :raises HostRefused: its URL points where it must not. :raises ArchiveRefused: it must not be unpacked.
        """
        place, selection = parse_target(target), Selection.of(only)
        for value, known, name in ((layout, LAYOUTS, "layout"), (overwrite, OVERWRITES, "overwrite")):
            if value not in known:
                raise ConfigError(f"{name}={value!r} is unknown; it is one of {', '.join(known)}.")
        if not items:
            return _nothing(allow_empty, "The job published nothing: give it a publisher, or set allow_empty=True.")
        with staging(place) as stage:
            trees = []
            with self._call() as call:
                for number, item in enumerate(items):
                    root = self._unpacked(item, stage / f"item-{number}", selection, call)
                    trees.append(Unpacked(item.execution_id or f"result-{number}", root))
            tree = stage / "tree"
            arrange(trees, tree, layout)
            if next(files_of(tree), None) is None:
                wanted = (
                    f"No published file matches only={list(selection.patterns)}" if only else "The results are empty"
                )
                return _nothing(allow_empty, f"{wanted}; set allow_empty=True if that is right.")
            if place.folder is not None:
                return place_in_folder(tree, place.folder, layout=layout, overwrite=overwrite)
            return place_in_s3(tree, place, self._open_s3, overwrite=overwrite, note=self._note)

    def read_member(
        self, item: Item, member: str = "stdout", *, limit: int = 1 << 20, max_archive: int = 256 << 20
    ) -> MemberText:
        """The start of one member ("stdout", "stderr", "exitCode", "outputs/a.txt") as text, nothing kept on disk.

        :param limit: bytes of the member.
        :param max_archive: bytes of the archive that may be downloaded for it.
        :raises ResultError: the result cannot be had, is larger, or has no such member.
        """
        found: tuple[bytes, bool] | None
        with tempfile.TemporaryDirectory(prefix="bacalhau-member-") as folder, self._call() as call:
            source = self._sources.open(item, call.http)
            if isinstance(source, Folder):
                found = source.start_of(member, limit)
            else:
                raw = Path(folder) / "raw"
                policy = replace(self._policy, max_bytes=min(self._policy.max_bytes, max_archive))
                self._arrive(item, source, raw, policy, call)
                if not is_archive(raw):
                    _refuse_lost_archive(item, source.what)
                    raise ResultError(f"{source.what} is a single file and has no {member}.")
                inside, what = _wrapper(item), source.what
                found = read_member(raw, member, limit=limit, limits=self._limits, inside=inside, what=what)
        if found is None:
            raise ResultError(f"{item.uri} holds no {member}.")
        return MemberText(found[0].decode("utf-8", "replace"), found[1])

    def read_text(
        self, item: Item, member: str = "stdout", *, limit: int = 1 << 20, max_archive: int = 256 << 20
    ) -> str:
        """All of one member as text; see `read_member`.

        :raises ResultError: additionally when it is larger than `limit`.
        """
        found = self.read_member(item, member, limit=limit, max_archive=max_archive)
        if not found.complete:
            raise ResultError(f"{member} of {item.label} is larger than {limit:,} bytes; read it from {item.uri}.")
        return found.text

    @contextmanager
    def _call(self) -> Iterator[_Call]:
        seconds = self._policy.seconds
        deadline = None if seconds is None else self._clock() + seconds
        with self._http() as http:
            yield _Call(http, Pace(self._clock, self._sleep, deadline))

    def _unpacked(self, item: Item, root: Path, only: Selection, call: _Call) -> Path:
        """Make the new folder `root` with the selected content of an item."""
        source = self._sources.open(item, call.http)
        if isinstance(source, Folder):
            self._copy_folder(source, root, only, call)
            return root
        raw = root.with_name(f"{root.name}.raw")
        self._arrive(item, source, raw, self._policy, call)
        if is_archive(raw):
            unpack(raw, root, only=only, limits=self._limits, inside=_wrapper(item), what=source.what)
            raw.unlink()
            return root
        _refuse_lost_archive(item, source.what)
        root.mkdir()
        name = Tree(root, what=source.what).name(PurePosixPath(source.what).name)
        if only.takes(name):
            raw.rename(root / name)
        return root

    def _copy_folder(self, folder: Folder, root: Path, only: Selection, call: _Call) -> None:
        root.mkdir()
        tree = Tree(root, what=folder.source.uri)
        count = size = 0
        with objects.final(folder.source.uri):
            for key, length in objects.list_folder(folder.client, folder.source):
                count, size, name = count + 1, size + length, tree.name(key)
                if count > self._limits.members or size > self._limits.total_bytes:
                    raise tree.refuse(
                        f"it holds more than {self._limits.members:,} objects or {self._limits.total_bytes:,} bytes"
                    )
                if only.takes(name):
                    with tree.file(name):
                        pass
                    copy(folder.opener(key), root / name, policy=self._policy, pace=call.pace, note=self._note)
        if not count:
            raise ResultError(f"{folder.source.uri} holds no objects; they were deleted, or lie elsewhere.")
        self._note(f"{folder.source.uri}: {count:,} objects, {size:,} bytes")

    def _arrive(self, item: Item, source: Opener, raw: Path, policy: Policy, call: _Call) -> None:
        """Download one object and check its checksum."""
        size = copy(source, raw, policy=policy, pace=call.pace, note=self._note)
        check = verify(raw, item.checksum)
        self.checks[source.what] = check
        if check == "mismatch":
            raise ResultError(
                f"{source.what} arrived with another SHA-256 than was published: it was overwritten since, or damaged. "
                "Nothing was written."
            )
        self._note(f"{source.what}: {size:,} bytes, {check if item.checksum else 'no checksum published'}")


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of the fetcher: its connections and its time."""

    http: Http
    pace: Pace


def _wrapper(item: Item) -> str:
    """The folder that a gateway packs around the content of a CID."""
    return item.uri.removeprefix("ipfs://") if item.type == IPFS else ""


def _refuse_lost_archive(item: Item, what: str) -> None:
    if item.type == IPFS:
        raise ResultError(f"The gateway does not serve {what} as tar (?format=tar); use one that does, e.g. Kubo's.")
    if what.endswith(_ARCHIVE_NAMES):
        raise ArchiveRefused(f"{what} was refused: it is no archive, whatever its name says. Nothing was written.")


def _nothing(allowed: bool, text: str) -> list[str]:
    if not allowed:
        raise ResultError(text)
    return []
