"""Faults of plain values (the body of a request) and back; what is wrong is named by its key."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import partial
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
from orchestrator_stub.domain.plain import Path, PlainError, mapping, named, seconds, shown, whole

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
_MATCH: Path = ("match",)
_DO: Path = ("do",)
_FRAMING = ("content-length", "transfer-encoding", "connection")
"""Headers that the stub sets by itself."""
_MOMENTS = ("request", "effect")
_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})
"""Codes that may stand in a Close frame (RFC 6455, 7.4)."""


def parse_fault(plain: Any) -> Fault:
    """The fault of `{"match": {...}, "do": {"kind": ...}}`. Raises PlainError."""
    given = mapping(plain, ("match", "do"), (), "a fault")
    if "do" not in given:
        raise PlainError(_DO, f"missing; give {{kind: ...}}, kinds are {named(KINDS)}")
    match, do = _match(given.get("match")), _deed(given["do"])
    if isinstance(do, Stale | CloseFrame) and match.method and not glob(match.method).fullmatch("GET"):
        what = "a stale answer is for reads" if isinstance(do, Stale) else "log sockets are opened by GET"
        raise PlainError((*_MATCH, "method"), f"{match.method} can never be hit, {what}; give GET or leave it out")
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
    read: Mapping[str, Callable[[Any, Path], Any]] = {
        "method": _method,
        "path": _path,
        "header": _wanted_headers,
        "nth": partial(whole, least=1, most=10**9),
        "times": partial(whole, least=0, most=10**9),
    }
    given = mapping({} if plain is None else plain, tuple(read), _MATCH, "match")
    return Match(**{key: read[key](value, (*_MATCH, key)) for key, value in given.items() if value is not None})


def _method(plain: Any, path: Path) -> str:
    if not isinstance(plain, str) or not _METHOD.fullmatch(plain):
        raise PlainError(path, f"{shown(plain)} is no method; give one such as PUT, or leave it out for any")
    return plain.upper()


def _path(plain: Any, path: Path) -> str:
    if not isinstance(plain, str) or not plain.startswith(("/", "*", "?")):
        raise PlainError(path, f"{shown(plain)} is no path; it begins with / or *, such as */jobs")
    if plain == _OWN or plain.startswith(f"{_OWN}/"):
        raise PlainError(path, f"faults never touch {_OWN}/; give a path of the orchestrator, such as */jobs")
    return plain


def _wanted_headers(plain: Any, path: Path) -> dict[str, str]:
    return {name.lower(): value for name, value in _headers(plain, path).items()}


# What goes wrong.


def _deed(plain: Any) -> Deed:
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        what = "missing" if kind is None else f"{shown(kind)} is no kind of fault"
        raise PlainError((*_DO, "kind"), f"{what}; kinds are {named(KINDS)}")
    deed = KINDS[kind]
    names = tuple(each.name for each in fields(deed))
    given = {key: value for key, value in mapping(plain, ("kind", *names), _DO, kind).items() if key != "kind"}
    for each in fields(deed):
        if each.default is MISSING and each.default_factory is MISSING and given.get(each.name) is None:
            raise PlainError((*_DO, each.name), f"missing; {kind} needs it")
    read = {**_VALUES, **_OF_KIND.get(deed, {})}
    values = {key: read[key](value, (*_DO, key)) for key, value in given.items() if value is not None}
    return _status(**values) if deed is Status else deed(**values)


def _status(*, status: int, body: Any = "", headers: Mapping[str, str] | None = None) -> Status:
    """A body that is no text is JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    if len(text) > LARGEST:
        raise PlainError((*_DO, "body"), f"longer than {LARGEST:,} characters")
    given = dict(headers or {})
    for name in given:
        if name.lower() in _FRAMING:
            raise PlainError((*_DO, "headers", name), "the stub sets it by itself; to cut an answer short use truncate")
    if text and not any(name.lower() == "content-type" for name in given):
        given["content-type"] = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    return Status(status, text, given)


def _headers(plain: Any, path: Path) -> dict[str, str]:
    if not isinstance(plain, dict):
        raise PlainError(path, "give an object of header names and values")
    for name, value in plain.items():
        if not _TOKEN.fullmatch(name):
            raise PlainError((*path, shown(name)), "no name of a header")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise PlainError((*path, name), f"{shown(value)} is no value of a header; give a text without line ends")
    return dict(plain)


def _code(plain: Any, path: Path) -> int:
    if isinstance(plain, bool) or not isinstance(plain, int) or plain not in _CODES:
        words = "give 1000 to 1003, 1007 to 1014 or 3000 to 4999"
        raise PlainError(path, f"{shown(plain)} cannot stand in a Close frame; {words}")
    return plain


def _moment(plain: Any, path: Path) -> str:
    if plain not in _MOMENTS:
        raise PlainError(path, f"{shown(plain)} is nothing that a delay comes after; give {named(_MOMENTS, 'or')}")
    return str(plain)


def _any(plain: Any, _: Path) -> Any:
    return plain


_VALUES: Mapping[str, Callable[[Any, Path], Any]] = {
    "status": partial(whole, least=200, most=599),
    "body": _any,
    "headers": _headers,
    "seconds": partial(seconds, longest=LONGEST),
    "bytes": partial(whole, least=0, most=LARGEST),
    "code": _code,
    "after": partial(whole, least=0, most=10**9),
}
_OF_KIND: Mapping[type[Deed], Mapping[str, Callable[[Any, Path], Any]]] = {Delay: {"after": _moment}}
"""Where a word means something else than with other kinds."""
