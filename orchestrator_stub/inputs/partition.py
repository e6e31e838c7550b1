"""Which objects of an S3 source an execution gets (fact sheet 3.5; from 1.6.1 on; pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from orchestrator_stub.inputs.base import Part
from orchestrator_stub.inputs.go_time import canonical_date
from orchestrator_stub.s3.spec import Partitioning, S3Location, bad_request, prefix_of

_TYPES = ("", "none", "object", "regex", "substring", "date")
_SEPARATOR = "\x1f"
_FALLBACK = 0
"""Partition of objects that the rule does not fit."""


def check_partitioning(rule: Partitioning) -> None:
    """Refuse a rule that means nothing.

    :raises StepError: in the servers' words
    """
    if rule.type not in _TYPES:
        raise bad_request(f"unsupported partition key type {rule.type}")
    if rule.type == "regex":
        if not rule.pattern:
            raise bad_request("regex pattern cannot be empty")
        try:
            re.compile(rule.pattern)
        except re.error as error:
            raise bad_request(f"invalid regex pattern: {error}") from None
    if rule.type == "substring":
        if rule.start < 0:
            raise bad_request("start index cannot be negative")
        if rule.end <= rule.start:
            raise bad_request("end index must be greater than start index")
    if rule.type == "date" and not rule.date_format:
        raise bad_request("date format cannot be empty")


def share_of(keys: Sequence[str], location: S3Location, part: Part) -> list[str]:
    """The keys that belong to a part; folders belong to nobody.

    :raises StepError: as `check_partitioning`
    """
    check_partitioning(location.partitioning)
    files = [key for key in keys if not key.endswith("/")]
    if part.count <= 1 or location.partitioning.type in ("", "none"):
        return files
    name_of = _naming(location.partitioning, prefix_of(location.key))
    return [key for key in files if _index(name_of(key), part.count) == part.index]


def _index(name: str | None, count: int) -> int:
    return _FALLBACK if name is None else fnv1a(name) % count


def fnv1a(text: str) -> int:
    """32-bit FNV-1a of a text's UTF-8 bytes."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFF_FFFF
    return value


def _naming(rule: Partitioning, prefix: str) -> Callable[[str], str | None]:
    """What of a key decides; None = the rule does not fit."""
    if rule.type == "object":
        return lambda key: key
    rules: dict[str, Callable[[str], str | None]] = {
        "regex": lambda name: _matched(rule.pattern, name),
        "substring": lambda name: name[rule.start : rule.end] if len(name) >= rule.end else None,
        "date": lambda name: canonical_date(rule.date_format, name[: len(rule.date_format)]),
    }
    below = rules[rule.type]
    return lambda key: below(key.removeprefix(prefix).removeprefix("/"))


def _matched(pattern: str, name: str) -> str | None:
    match = re.search(pattern, name)
    if match is None or not match[0]:
        return None
    groups = [group for group in match.groups() if group]
    return _SEPARATOR.join(groups) if groups else match[0]
