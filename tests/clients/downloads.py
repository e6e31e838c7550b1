"""`job get`: downloads published results, unpacks and merges them, as the released programs do (fact sheet 10.3, 10.4)."""

from __future__ import annotations

import io
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MERGED = ("stdout", "stderr", "exitCode")
_WHERE = {"urlDownload": "URL", "s3PreSigned": "PreSignedURL"}


class CannotDownload(Exception):
    """No downloader knows a result's type, or the server of the results did not give it."""


def job_get(results: Sequence[Mapping[str, Any]], folder: Path) -> list[str]:
    """Put all results into `folder`, which must exist; returns the files, relative and sorted."""
    raw = folder / "raw"
    raw.mkdir()
    unpacked = [_unpack(_fetch(result), raw / str(number)) for number, result in enumerate(results)]
    for each in unpacked:
        _merge(each, folder, several=len(unpacked) > 1)
    shutil.rmtree(raw)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _fetch(result: Mapping[str, Any]) -> bytes:
    where = _WHERE.get(result["Type"])
    if where is None:
        raise CannotDownload(f"no supported downloader found for {result['Type']}")
    url = result["Params"][where]
    if not urllib.parse.urlsplit(url).path.endswith((".tar.gz", ".tgz")):
        raise CannotDownload(f"{url} is not taken for an archive")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=30) as answer:
            content: bytes = answer.read()
    except urllib.error.HTTPError as refused:
        raise CannotDownload(f"{url}: {refused.code} {refused.read()!r}") from refused
    return content


def _unpack(archive: bytes, target: Path) -> Path:
    """Entry by entry: a folder is made when its entry comes, a file never makes the folder it stands in."""
    target.mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as entries:
        for entry in entries:
            if entry.name.startswith("../"):
                raise CannotDownload(f"invalid file path: {entry.name}")
            if entry.isdir():
                (target / entry.name).mkdir(mode=entry.mode, parents=True, exist_ok=True)
            elif entry.isreg():
                content = entries.extractfile(entry)
                assert content is not None
                (target / entry.name).write_bytes(content.read())
    return target


def _merge(source: Path, folder: Path, *, several: bool) -> None:
    """Several results share their output files; any other file may come from one only."""
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        target = folder / name
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif several and str(name) in MERGED:
            with target.open("ab") as out:
                out.write(path.read_bytes())
        elif target.exists():
            raise CannotDownload(f"cannot merge results as output already exists: {target}")
        else:
            path.rename(target)
