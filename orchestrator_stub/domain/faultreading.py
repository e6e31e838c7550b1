"""Faults of plain values (the body of a request) and back; what is wrong is named by its key."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from orchestrator_stub.domain.fault import (
    CloseFrame,
    Deed,
    Delay,
    DropReply,
    DropRequest,
    Fault,
    Garbage,
    Hang,
    Match,
    Reset,
    Stale,
    Status,
    Truncate,
)
from orchestrator_stub.domain.glob import glob
from orchestrator_stub.domain.quantity import parse_duration

KINDS: Mapping[str, type[Deed]] = {
    each.kind: each
    for each in (Status, DropRequest, DropReply, Delay, Hang, Reset, Truncate, Garbage, Stale, CloseFrame)
}
LONGEST = 86_400.0
"""Seconds of a delay, and that a replica lags."""
LARGEST = 10_000_000
"""Bytes of garbage, and of the body of an answer."""
_METHOD = re.compile(r"[A-Za-z*?]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OWN = "/stub"
_FRAMING = ("content-length", "transfer-encoding", "connection")
"""Headers that the stub sets by itself."""
_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})
"""Codes that may stand in a Close frame (RFC 6455, 7.4)."""


class FaultError(Exception):
    """A fault is not understood; the text names the key and says what would be right."""


def parse_fault(plain: Any) -> Fault:
    """The fault of `{"match": {...}, "do": {"kind": ...}}`. Raises FaultError."""
    given = _mapping(plain, ("match", "do"), "", "a fault")
    if "do" not in given:
        raise FaultError(f"do: missing; give {{kind: ...}}, kinds are {_named(KINDS)}")
    match, do = _match(given.get("match")), _deed(given["do"])
    if isinstance(do, Stale | CloseFrame) and match.method and not glob(match.method).fullmatch("GET"):
        what = "a stale answer is for reads" if isinstance(do, Stale) else "log sockets are opened by GET"
        raise FaultError(f"match.method: {match.method} can never be hit, {what}; give GET or leave it out")
    return Fault(do, match)


def plain_match(match: Match) -> dict[str, Any]:
    """The match as JSON values, without what was not given."""
    texts = {key: value for key in ("method", "path") if (value := getattr(match, key))}
    header = {"header": dict(match.header)} if match.header else {}
    return {**texts, **header, "nth": match.nth, "times": match.times}


def plain_deed(do: Deed) -> dict[str, Any]:
    """What goes wrong as JSON values, with its kind."""
    values = {each.name: getattr(do, each.name) for each in fields(do)}
    return {"kind": do.kind, **{key: dict(v) if isinstance(v, Mapping) else v for key, v in values.items()}}


# Which requests.


def _match(plain: Any) -> Match:
    read: dict[str, Callable[[Any, str], Any]] = {
        "method": _method,
        "path": _path,
        "header": _wanted_headers,
        "nth": lambda value, key: _number(value, key, 1, 10**9),
        "times": lambda value, key: _number(value, key, 0, 10**9),
    }
    given = _mapping({} if plain is None else plain, tuple(read), "match", "match")
    return Match(**{key: read[key](value, f"match.{key}") for key, value in given.items() if value is not None})


def _method(plain: Any, key: str) -> str:
    if not isinstance(plain, str) or not _METHOD.fullmatch(plain):
        raise FaultError(f"{key}: {_shown(plain)} is no method; give one such as PUT, or leave it out for any")
    return plain.upper()


def _path(plain: Any, key: str) -> str:
    if not isinstance(plain, str) or not plain.startswith(("/", "*", "?")):
        raise FaultError(f"{key}: {_shown(plain)} is no path; it begins with / or *, such as */jobs")
    if plain == _OWN or plain.startswith(f"{_OWN}/"):
        raise FaultError(f"{key}: faults never touch {_OWN}/; give a path of the orchestrator, such as */jobs")
    return plain


def _wanted_headers(plain: Any, key: str) -> dict[str, str]:
    return {name.lower(): value for name, value in _headers(plain, key).items()}


# What goes wrong.


def _deed(plain: Any) -> Deed:
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        what = "missing" if kind is None else f"{_shown(kind)} is no kind of fault"
        raise FaultError(f"do.kind: {what}; kinds are {_named(KINDS)}")
    deed = KINDS[kind]
    names = tuple(each.name for each in fields(deed))
    given = {key: value for key, value in _mapping(plain, ("kind", *names), "do", kind).items() if key != "kind"}
    for each in fields(deed):
        if each.default is MISSING and each.default_factory is MISSING and given.get(each.name) is None:
            raise FaultError(f"do.{each.name}: missing; {kind} needs it")
    values = {key: _VALUES[key](value, f"do.{key}") for key, value in given.items() if value is not None}
    return _status(**values) if deed is Status else deed(**values)


def _status(*, status: int, body: Any = "", headers: Mapping[str, str] | None = None) -> Status:
    """A body that is no text is JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    if len(text) > LARGEST:
        raise FaultError(f"do.body: longer than {LARGEST:,} characters")
    given = dict(headers or {})
    for name in given:
        if name.lower() in _FRAMING:
            raise FaultError(f"do.headers.{name}: the stub sets it by itself; to cut an answer short use truncate")
    if text and not any(name.lower() == "content-type" for name in given):
        given["content-type"] = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    return Status(status, text, given)


def _headers(plain: Any, key: str) -> dict[str, str]:
    if not isinstance(plain, dict):
        raise FaultError(f"{key}: give an object of header names and values")
    for name, value in plain.items():
        if not _TOKEN.fullmatch(name):
            raise FaultError(f"{key}.{_shown(name)}: no name of a header")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise FaultError(f"{key}.{name}: {_shown(value)} is no value of a header; give a text without line ends")
    return dict(plain)


def _seconds(plain: Any, key: str) -> float:
    seconds: Any = plain
    try:
        if isinstance(plain, str):
            seconds = parse_duration(plain)
    except ValueError:
        seconds = None
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= LONGEST:
        words = f'give seconds from 0 to {LONGEST:.0f}, or a text such as "500ms"'
        raise FaultError(f"{key}: {_shown(plain)} is no duration; {words}")
    return float(seconds)


def _code(plain: Any, key: str) -> int:
    if isinstance(plain, bool) or not isinstance(plain, int) or plain not in _CODES:
        words = "give 1000 to 1003, 1007 to 1014 or 3000 to 4999"
        raise FaultError(f"{key}: {_shown(plain)} cannot stand in a Close frame; {words}")
    return plain


def _any(plain: Any, _: str) -> Any:
    return plain


_VALUES: Mapping[str, Callable[[Any, str], Any]] = {
    "status": lambda value, key: _number(value, key, 200, 599),
    "body": _any,
    "headers": _headers,
    "seconds": _seconds,
    "bytes": lambda value, key: _number(value, key, 0, LARGEST),
    "code": _code,
    "after": lambda value, key: _number(value, key, 0, 10**9),
}


# Plain values.


def _mapping(plain: Any, known: tuple[str, ...], path: str, what: str) -> dict[str, Any]:
    """An object that has known keys only. Raises FaultError."""
    if not isinstance(plain, dict):
        keys = f"with the keys {_named(known)}"
        raise FaultError(f"{path}: give an object {keys}" if path else f"{what} is an object {keys}")
    for key in plain:
        if key not in known:
            where = f"{path}." if path else ""
            raise FaultError(f"{where}{_shown(key)}: unknown key; {what} has {_named(known)}")
    return plain


def _number(plain: Any, key: str, least: int, most: int) -> int:
    if isinstance(plain, bool) or not isinstance(plain, int) or not least <= plain <= most:
        raise FaultError(f"{key}: {_shown(plain)} is no whole number from {least} to {most}")
    return plain


def _named(words: Iterable[str]) -> str:
    *first, final = words
    return f"{', '.join(first)} and {final}" if first else final


def _shown(plain: Any) -> str:
    """A value in an error, cut short."""
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:40]}..."
