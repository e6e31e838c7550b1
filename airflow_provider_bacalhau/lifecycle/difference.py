"""Where two jobs differ: why a try may not take over the job of the one before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

SHOWN = 5
"""Paths that are named; the rest is counted."""

_OURS = "airflow-"
_UNSAID: tuple[Any, ...] = (None, "", 0, False, {}, [])
"""Values that a server writes for what a spec leaves out."""
_SERVERS = ("Name", "ID", "State", "Version", "Revision", "CreateTime", "ModifyTime", "Priority", "Namespace")
_USERS = ("Labels", "Meta", "Env", "Params", "Constraints", "InputSources", "ResultPaths", "Parameters")
"""Parts of a job in which a server adds nothing of its own, so that what is missing now was taken out by the user."""


def differing_paths(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Paths of the leaves that a stored job has otherwise than a new one; values are never shown, they may be secret.

    What the server filled in by itself is no difference: a leaf that only the stored job has counts in those parts
    alone that the server leaves as they were sent.

    :param stored: a job as the server describes it (`models.job.Job.to_plain`).
    :param wanted: a final wire job.
    """
    return sorted(set(_differences(stored, wanted, "", ours=False)))


def named(paths: Sequence[str]) -> str:
    """The paths as a sentence lists them."""
    shown = ", ".join(paths[:SHOWN])
    return f"{shown} and {len(paths) - SHOWN} more" if len(paths) > SHOWN else shown


def _differences(old: Any, new: Any, path: str, *, ours: bool) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _in_mappings(old, new, path, ours=ours)
    elif _is_list(old) and _is_list(new):
        for index, (before, now) in enumerate(zip_longest(old, new)):
            yield from _differences(before, now, f"{path}[{index}]", ours=ours)
    elif old != new and not (old in _UNSAID and new in _UNSAID):
        yield path


def _in_mappings(old: Mapping[str, Any], new: Mapping[str, Any], path: str, *, ours: bool) -> Iterator[str]:
    names = {name.lower(): name for name in (*old, *new)}
    stored = {name.lower(): value for name, value in old.items()}
    wanted = {name.lower(): value for name, value in new.items()}
    for folded, name in names.items():
        if name.startswith(_OURS) or (not path and name in _SERVERS):
            continue
        if folded not in wanted and not ours:
            continue
        where = f"{path}.{name}" if path else name
        yield from _differences(stored.get(folded), wanted.get(folded), where, ours=ours or name in _USERS)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
