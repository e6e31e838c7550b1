"""Conditions and ranges where moto differs from AWS: what it is told, and what it is asked before (pure)."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus

from orchestrator_stub.s3.errors import Refusal, not_implemented, precondition_failed
from orchestrator_stub.s3.request import Pairs, Request

_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")
_MATCHES = ("if-match", "if-none-match")
_TIMES = ("if-modified-since", "if-unmodified-since")
_COPY = "x-amz-copy-source"
_COPY_IF = {
    "x-amz-copy-source-if-match": "x-amz-copy-source-If-Match",
    "x-amz-copy-source-if-none-match": "x-amz-copy-source-If-None-Match",
    "x-amz-copy-source-if-modified-since": "x-amz-copy-source-If-Modified-Since",
    "x-amz-copy-source-if-unmodified-since": "x-amz-copy-source-If-Unmodified-Since",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A HEAD that has to succeed before the request may pass."""

    target: str
    header: str
    value: str
    condition: str
    """The client's header, as AWS names it when it did not hold."""
    wants_nothing: bool = False
    """True: it has to fail, since nothing may be there."""


def told(request: Request, headers: Pairs) -> Pairs:
    """Headers in a form from which moto draws AWS's conclusions.

    :raises Refusal: a condition that AWS does not know
    """
    names = {name for name, _ in headers}
    if request.method not in ("GET", "HEAD"):
        _check_write(request, dict(headers))
        return headers
    left_out = set()
    if "if-match" in names:  # it decides alone, as S3's documentation of GetObject says
        left_out.add("if-unmodified-since")
    if "if-none-match" in names:
        left_out.add("if-modified-since")
    settled = ((name, _reading(name, value)) for name, value in headers if name not in left_out)
    return tuple((name, value) for name, value in settled if value is not None)


def questions(request: Request, target: str, headers: Pairs) -> Iterator[Question]:
    """What moto forgets to check itself: conditions on the source of a copy, on its target, and on an upload's end.

    :param target: of the request in path style
    """
    given = dict(reversed(headers))
    path = target.partition("?")[0]
    source = given.get(_COPY)
    if source is not None:
        for name, condition in _COPY_IF.items():
            if name in given:
                plain = name.removeprefix(f"{_COPY}-")
                value = _reading(plain, given[name])
                if value is not None:
                    yield Question(_source(source), plain, value, condition)
    is_completion = request.method == "POST" and request.asks("uploadId")
    if (is_completion or source is not None) and "if-match" in given:
        yield Question(path, "if-match", _quoted(given["if-match"]), "If-Match")
    if source is not None and "if-none-match" in given:
        yield Question(path, "", "", "If-None-Match", wants_nothing=True)


def verdict(question: Question, status: int) -> Refusal | None:
    """What the answer to a question means for the request; None when it may pass."""
    if question.wants_nothing:
        return precondition_failed(question.condition) if status == HTTPStatus.OK else None
    if status in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NOT_MODIFIED):
        return precondition_failed(question.condition)
    if status == HTTPStatus.NOT_FOUND and question.condition == "If-Match":
        key = urllib.parse.unquote(question.target[1:].partition("/")[2])
        return Refusal(404, "NoSuchKey", "The specified key does not exist.", (("Key", key),))
    return None  # what is missing otherwise, the request itself is told


def _check_write(request: Request, given: dict[str, str]) -> None:
    if (request.stores or request.method == "POST") and given.get("if-none-match", "*") != "*":
        raise not_implemented("If-None-Match")
    if request.stores and "if-match" in given and "if-none-match" in given:
        raise not_implemented("If-Match,If-None-Match")


def _reading(name: str, value: str) -> str | None:
    """The value of a header of a read in moto's form; None when AWS would pass over it."""
    if name == "range":
        return value if _RANGE.fullmatch(value) else None
    if name in _MATCHES:
        return None if (name, value) == ("if-match", "*") else _quoted(value)
    if name in _TIMES:
        return _date(value)
    return value


def _quoted(etag: str) -> str:
    etag = etag.strip().removeprefix("W/")
    return etag if etag.startswith('"') else f'"{etag}"'


def _date(value: str) -> str | None:
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return format_datetime(when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC), usegmt=True)


def _source(value: str) -> str:
    """Target of what a copy is made of: `bucket/key[?versionId=...]`, quoted or not."""
    path, mark, version = value.partition("?")
    quoted = urllib.parse.quote(urllib.parse.unquote(path).lstrip("/"))
    return f"/{quoted}{mark}{version}"
