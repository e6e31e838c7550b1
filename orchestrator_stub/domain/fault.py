"""Faults: which requests something goes wrong with, and what (design 5). `faultreading` makes them of plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from orchestrator_stub.domain.glob import glob


@dataclass(frozen=True, slots=True)
class Facts:
    """What a fault looks at of a request."""

    method: str
    path: str
    """Decoded."""
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case."""
    is_socket: bool = False
    """It is the handshake of a log socket."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests: those for which everything that is given holds. Texts are patterns with `*` and `?`; "" = any."""

    method: str = ""
    path: str = ""
    header: Mapping[str, str] = field(default_factory=dict)
    """Name in lower case -> pattern of its value."""
    nth: int = 1
    """The first matching request that is hit, from 1."""
    times: int = 1
    """How many are hit from there on, 0 = all."""

    def fits(self, facts: Facts) -> bool:
        """Whether a request is one of those, whatever was hit before."""
        if self.method and not glob(self.method).fullmatch(facts.method):
            return False
        if self.path and not glob(self.path).fullmatch(facts.path):
            return False
        return all(_has(facts.headers, name, pattern) for name, pattern in self.header.items())

    def is_due(self, number: int) -> bool:
        """Whether the `number`-th matching request (from 1) is hit."""
        return number >= self.nth and (not self.times or number < self.nth + self.times)

    def is_spent(self, number: int) -> bool:
        """Whether no request after the `number`-th will be hit."""
        return bool(self.times) and number >= self.nth + self.times - 1


@dataclass(frozen=True, slots=True)
class Status:
    """An answer instead of the effect."""

    kind: ClassVar = "status"
    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DropRequest:
    """The connection ends without a byte; no effect."""

    kind: ClassVar = "drop_request"


@dataclass(frozen=True, slots=True)
class DropReply:
    """The effect, then the connection ends without a byte."""

    kind: ClassVar = "drop_reply"


@dataclass(frozen=True, slots=True)
class Delay:
    """Held before the effect, which happens even when the client has gone; or after it, before its answer."""

    kind: ClassVar = "delay"
    seconds: float
    """Real ones."""
    after: Literal["request", "effect"] = "request"
    """What comes first."""


@dataclass(frozen=True, slots=True)
class Hang:
    """No effect and no answer, for as long as the client waits."""

    kind: ClassVar = "hang"


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset; no effect."""

    kind: ClassVar = "reset"


@dataclass(frozen=True, slots=True)
class Truncate:
    """The effect and its headers, but only so much of the body (of a log socket: of the frames)."""

    kind: ClassVar = "truncate"
    bytes: int


@dataclass(frozen=True, slots=True)
class Garbage:
    """The effect, then random bytes instead of the answer (of a log socket: of the first frame)."""

    kind: ClassVar = "garbage"
    bytes: int


@dataclass(frozen=True, slots=True)
class Stale:
    """A read is answered from an earlier state, as by a replica that lags."""

    kind: ClassVar = "stale"
    seconds: float
    """Real ones; the state before the fault was set counts as of when it was set."""


@dataclass(frozen=True, slots=True)
class CloseFrame:
    """A log socket is closed with a code."""

    kind: ClassVar = "close_frame"
    code: int = 1011
    after: int = 0
    """Frames that come first."""


Deed = Status | DropRequest | DropReply | Delay | Hang | Reset | Truncate | Garbage | Stale | CloseFrame
"""What goes wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with some requests."""

    do: Deed
    match: Match = Match()

    def fits(self, facts: Facts) -> bool:
        """Whether a request is one that this can go wrong with."""
        if isinstance(self.do, Stale) and (facts.method != "GET" or facts.is_socket):
            return False
        if isinstance(self.do, CloseFrame) and not facts.is_socket:
            return False
        return self.match.fits(facts)


def _has(headers: Sequence[tuple[bytes, bytes]], wanted: str, pattern: str) -> bool:
    fits = glob(pattern).fullmatch
    return any(name.decode("latin-1") == wanted and fits(value.decode("latin-1")) for name, value in headers)
