"""Where downloaded results go: a local folder or an S3 prefix, whole files only."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from airflow_provider_bacalhau.errors import ConfigError, ResultError
from airflow_provider_bacalhau.results import objects
from airflow_provider_bacalhau.results.manifest import SourceSpec
from airflow_provider_bacalhau.results.tree import files_of

OVERWRITES = ("replace", "fail")


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed target: a folder of this machine, or bucket and prefix ("" or ending with "/")."""

    folder: Path | None = None
    bucket: str = ""
    prefix: str = ""


def parse_target(text: str) -> Target:
    """Read "/path", "file:///path" or "s3://bucket/prefix".

    :raises ConfigError: it is none of these.
    """
    if text.startswith("s3://"):
        bucket, _, prefix = text.removeprefix("s3://").partition("/")
        if not bucket:
            raise ConfigError(f"target={text!r} has no bucket; write s3://bucket/prefix.")
        return Target(bucket=bucket, prefix=f"{prefix.strip('/')}/" if prefix.strip("/") else "")
    path = unquote(text.removeprefix("file://")) if text.startswith("file:///") else text
    if not path.startswith("/") or path.strip("/") == "":
        raise ConfigError(f"target={text!r} must be an absolute folder or s3://bucket/prefix.")
    return Target(folder=Path(os.path.normpath(path)))


@contextmanager
def staging(target: Target) -> Iterator[Path]:
    """A private folder to prepare results in, on the target's own file system, removed at the end.

    :raises ResultError: it cannot be made.
    """
    folder = target.folder
    try:
        if folder is None:
            stage = tempfile.mkdtemp(prefix="bacalhau-results-")
        else:
            if folder.exists() and not folder.is_dir():
                raise ResultError(f"{folder} is a file; give a folder as target.")
            home = folder if folder.exists() else folder.parent
            home.mkdir(parents=True, exist_ok=True)
            stage = tempfile.mkdtemp(prefix=".bacalhau-partial-", dir=home)
    except OSError as error:
        raise ResultError(f"Nothing can be written to {folder or tempfile.gettempdir()}: {error.strerror}.") from error
    try:
        yield Path(stage)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def place_in_folder(tree: Path, folder: Path, *, layout: str, overwrite: str) -> list[str]:
    """Move a prepared tree to its folder; returns absolute paths of the files.

    A folder that does not exist yet appears in one step. In an existing one, "per-execution" exchanges each
    execution's folder whole, "merged" exchanges file by file and leaves others alone. With "fail" nothing is moved
    when anything is there already.

    :raises ResultError: something is in the way.
    """
    names = list(files_of(tree))
    try:
        if not folder.exists():
            tree.rename(folder)
        elif layout == "per-execution":
            _exchange_folders(tree, folder, overwrite)
        else:
            _exchange_files(tree, folder, names, overwrite)
    except OSError as error:
        raise ResultError(f"Results cannot be moved to {folder}: {error.strerror}.") from error
    return [str(folder / name) for name in names]


def place_in_s3(
    tree: Path, target: Target, open_s3: objects.OpenS3 | None, *, overwrite: str, note: Callable[[str], None]
) -> list[str]:
    """Upload a prepared tree; returns the uris in the tree's order.

    Links become copies of the file they lead to; S3 has no folders and no links. With "fail" nothing is uploaded when
    one key is there already, and what was uploaded is deleted again when a later one fails.

    :raises ResultError: S3 refused.
    """
    client = objects.client_for(SourceSpec(target.bucket, target.prefix), open_s3)
    names = []
    for name in files_of(tree):
        if (tree / name).is_file():
            names.append(name)
        else:
            note(f"{name} is a link to a folder or to nothing and has no form in S3; it was left out")
    if overwrite == "fail":
        for name in names:
            if objects.exists(client, target.bucket, target.prefix + name):
                raise _in_the_way(f"s3://{target.bucket}/{target.prefix}{name}")
    done: list[str] = []
    try:
        for name in names:
            objects.upload(client, tree / name, target.bucket, target.prefix + name)
            done.append(name)
    except ResultError:
        for name in done if overwrite == "fail" else ():
            with objects.final(f"s3://{target.bucket}/{target.prefix}{name}"):
                client.delete_object(Bucket=target.bucket, Key=target.prefix + name)
        raise
    return [f"s3://{target.bucket}/{target.prefix}{name}" for name in names]


def _exchange_folders(tree: Path, folder: Path, overwrite: str) -> None:
    entries = sorted(entry.name for entry in tree.iterdir())
    present = [name for name in entries if os.path.lexists(folder / name)]
    if present and overwrite == "fail":
        raise _in_the_way(str(folder / present[0]))
    for name in entries:
        if name in present:
            (folder / name).rename(tree.parent / f"old-{name}")
        (tree / name).rename(folder / name)


def _exchange_files(tree: Path, folder: Path, names: list[str], overwrite: str) -> None:
    for name in names:
        place = folder / name
        if overwrite == "fail" and os.path.lexists(place):
            raise _in_the_way(str(place))
        if place.is_dir() and not place.is_symlink():
            raise ResultError(f"{place} is a folder where a file is to be written; nothing was written.")
    folders = sorted(path.relative_to(tree) for path in tree.rglob("*") if path.is_dir() and not path.is_symlink())
    for relative in folders:
        place = folder / relative
        if place.is_symlink() or (os.path.lexists(place) and not place.is_dir()):
            raise ResultError(f"{place} is a link or file where a folder is to be written; nothing was written.")
    for relative in folders:
        (folder / relative).mkdir(exist_ok=True)
    for name in names:
        (tree / name).replace(folder / name)


def _in_the_way(what: str) -> ResultError:
    return ResultError(
        f"{what} exists and overwrite='fail'; nothing was written. Use overwrite='replace' or another target."
    )
