"""What a request says, read without the stub's own code: its parameters as Go reads them, its body as leniently as can be."""

from __future__ import annotations

import base64
import binascii
import json
import re
import urllib.parse
from functools import cached_property
from typing import Any

from .sent import Sent

_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
LISTS_OF_PARTS = frozenset({"tasks", "constraints", "inputsources", "resultpaths", "ports"})
"""Keys whose lists hold objects that a handler looks into."""
Pairs = list[tuple[str, Any]]


class Facts:
    """One request, looked at from outside."""

    def __init__(self, sent: Sent, release: str, needs_key: str = "", *, strict: bool = False) -> None:
        """`needs_key`: what has to be shown at most routes of this server. `strict`: the stub shows what hurts, too."""
        self.strict = strict
        self.needs_key = needs_key
        self.sent = sent
        self.release = release

    @cached_property
    def path(self) -> str:
        """The address's path as a router sees it (escapes of other characters are all decoded here)."""
        return urllib.parse.unquote(self.sent.path.decode("latin-1"), errors="replace")

    @cached_property
    def has_broken_path(self) -> bool:
        """The path has an escape that is none: Go's server answers such a request before anything of it is read."""
        return _ESCAPE.search(self.sent.path) is not None

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """Parameters by name; pairs with a semicolon or a broken escape do not count."""
        found: dict[str, list[str]] = {}
        for pair in self.sent.target.partition(b"?")[2].split(b"&"):
            name, _, value = pair.partition(b"=")
            if not pair or b";" in pair or _ESCAPE.search(name) or _ESCAPE.search(value):
                continue
            found.setdefault(_decoded(name), []).append(_decoded(value))
        return found

    def values(self, name: str) -> list[str]:
        """All values of a parameter whose name may be in any case."""
        return [value for key, values in self.query.items() if key.lower() == name for value in values]

    @cached_property
    def body(self) -> Any:
        """The body's first JSON value with objects as lists of pairs; None when there is none."""
        text = self.sent.body.decode("utf-8", "replace").lstrip(" \t\r\n")
        try:
            return json.JSONDecoder(object_pairs_hook=list, strict=False, parse_int=str).raw_decode(text)[0]
        except (ValueError, RecursionError):
            return None

    def body_values(self, name: str) -> list[Any]:
        """All values of a key at the top of the body, in any case."""
        return [value for key, value in members(self.body) if key.lower() == name]

    @cached_property
    def orders(self) -> set[str]:
        """Every order that the request may ask for: by parameter, by token, by body."""
        tokens = [*self.values("next_token"), *map(str, self.body_values("nexttoken"))]
        inside = {_token_order(token) for token in tokens}
        return {*self.values("order_by"), *map(str, self.body_values("orderby")), *inside}

    @cached_property
    def has_null_part(self) -> bool:
        """A null stands where a part of a job belongs."""
        return any(
            key.lower() in LISTS_OF_PARTS and isinstance(value, list) and None in value
            for key, value in every_member(self.body)
        )

    @cached_property
    def labels(self) -> set[str]:
        """Keys of all labels."""
        every = every_member(self.body)
        return {name for key, value in every if key.lower() == "labels" for name, _ in members(value)}

    @cached_property
    def has_job(self) -> bool:
        """The body has a job that is more than null, and is read as JSON."""
        is_json = (self.sent.header("content-type") or "").startswith("application/json")
        return is_json and any(value is not None for value in self.body_values("job"))


def members(value: Any) -> Pairs:
    """The pairs of an object, none of anything else."""
    if isinstance(value, list) and all(isinstance(item, tuple) for item in value):
        return value
    return []


def every_member(value: Any) -> Pairs:
    """The pairs of all objects at any depth."""
    found: Pairs = []
    waiting = [value]
    while waiting:
        here = waiting.pop()
        pairs = members(here)
        found += pairs
        waiting += [item for _, item in pairs] if pairs else here if isinstance(here, list) else []
    return found


def _decoded(text: bytes) -> str:
    return urllib.parse.unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "replace")


def _token_order(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("utf-8", "replace").split(":")[0]
    except (ValueError, binascii.Error):
        return ""
