"""How the results of several executions become one folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_bacalhau.errors import ArchiveRefused, ConfigError, ResultError
from airflow_provider_bacalhau.results.tree import escaping_link, files_of

LAYOUTS = ("per-execution", "merged")
CAPTURED = frozenset({"stdout", "stderr", "exitCode"})
"""Members that every execution writes; `bacalhau job get` concatenates them (reference 10.4)."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The tree of one item, and how its owner is called."""

    owner: str
    root: Path


def arrange(trees: Sequence[Unpacked], into: Path, layout: str) -> None:
    """Move the trees into the new folder `into`.

    "per-execution": one folder each, named after its owner. "merged": all in one, in the given order; stdout, stderr
    and exitCode are concatenated, anything else that two of them hold is an error.

    :raises ConfigError: unknown layout. :raises ResultError: two items hold the same path; the text names both.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"layout={layout!r} is unknown; it is one of {', '.join(LAYOUTS)}.")
    into.mkdir()
    if layout == "merged":
        _merge(trees, into)
        return
    for tree in trees:
        tree.root.rename(into / _free_name(into, tree.owner))


def _free_name(into: Path, owner: str) -> str:
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", owner).strip(".-") or "result"
    name, number = base, 1
    while (into / name).exists():
        number += 1
        name = f"{base}-{number}"
    return name


def _merge(trees: Sequence[Unpacked], into: Path) -> None:
    owners: dict[str, str] = {}
    for tree in trees:
        for name in files_of(tree.root):
            _merge_file(tree, name, into, owners)
        for folder in sorted(path for path in tree.root.rglob("*") if path.is_dir() and not path.is_symlink()):
            _merge_folder(tree, str(folder.relative_to(tree.root)), into, owners)
    escaping = escaping_link(into)
    if escaping is not None:
        raise ArchiveRefused(f"The results of {owners.get(escaping)} hold the link {escaping!r} that leads outside.")


def _merge_file(tree: Unpacked, name: str, into: Path, owners: dict[str, str]) -> None:
    source, place = tree.root / name, into / name
    parent = name.rpartition("/")[0]
    if parent:
        _merge_folder(tree, parent, into, owners)
    if place.is_symlink() or place.exists():
        plain = not source.is_symlink() and place.is_file() and not place.is_symlink()
        if name not in CAPTURED or not plain:
            raise _collision(name, owners.get(name, "?"), tree.owner)
        with place.open("ab") as whole, source.open("rb") as part:
            shutil.copyfileobj(part, whole)
    else:
        source.rename(place)
        owners[name] = tree.owner


def _merge_folder(tree: Unpacked, name: str, into: Path, owners: dict[str, str]) -> None:
    path = ""
    for part in name.split("/"):
        path = f"{path}/{part}" if path else part
        place = into / path
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise _collision(path, owners.get(path, "?"), tree.owner)
        place.mkdir(exist_ok=True)
        owners.setdefault(path, tree.owner)


def _collision(name: str, first: str, second: str) -> ResultError:
    return ResultError(
        f"{name!r} was published by both {first} and {second}: use layout='per-execution', or let each execution "
        "write its own name."
    )
