"""Copying one object to a file: resumed after cuts, renewed when its URL expired, bounded in tries, bytes and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from airflow_provider_bacalhau.errors import ResultError

_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How much to try.

    :param attempts: tries in a row that bring no byte.
    :param requests: all tries for one object.
    :param max_bytes: size of one object.
    :param seconds: time for one call of the fetcher, None for no limit (Airflow's execution_timeout holds anyway).
    """

    attempts: int = 5
    requests: int = 100
    max_bytes: int = 1 << 40
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An open download: `chunks` start at byte `start` of `total` (None when not said).

    `validator` tells this version of the object from others; without one a cut download starts again.
    """

    start: int
    total: int | None
    validator: str
    chunks: Iterator[bytes]


class Opener(Protocol):
    """Something that one object can be read from."""

    @property
    def what(self) -> str:
        """How messages call the object; no credential."""

    def open(self, offset: int, validator: str) -> AbstractContextManager[Answer]:
        """Start reading at `offset`, if the object still is the one of `validator`.

        :raises Interrupted: this try failed. :raises ResultError: all tries would.
        """

    def renew(self) -> bool:
        """Get a fresh URL; False when there is nothing to renew."""


class Interrupted(Exception):
    """A try failed: for a passing reason, because the URL expired, or because the object changed."""

    def __init__(self, reason: str, kind: Literal["passing", "expired", "changed"] = "passing") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Pace:
    """The world's time as the fetcher sees it: `clock` in seconds, `sleep`, and the moment when all must be done."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    deadline: float | None = None

    def check(self, what: str) -> None:
        """:raises ResultError: the time is up."""
        if self.deadline is not None and self.clock() > self.deadline:
            raise ResultError(f"{what} was not downloaded in the time given.")


def copy(opener: Opener, path: Path, *, policy: Policy, pace: Pace, note: Callable[[str], None]) -> int:
    """Copy the object into a new file.

    :param note: gets one line when something worth knowing happened (resumed, renewed).
    :returns: bytes written.
    :raises ResultError: it cannot be had; the text says why.
    """
    failures, validator = 0, ""
    with path.open("wb") as file:
        for _ in range(policy.requests):
            if not validator:
                _restart(file)
            before = file.tell()
            try:
                with opener.open(before, validator) as answer:
                    validator = answer.validator
                    _receive(answer, file, opener.what, policy=policy, pace=pace)
                return file.tell()
            except Interrupted as event:
                failures = failures + 1 if file.tell() <= before else 1
                validator = "" if event.kind == "changed" else validator
                if failures >= policy.attempts or (event.kind == "expired" and not _renewed(opener, failures, note)):
                    raise ResultError(_gave_up(opener.what, event.reason, file.tell(), failures)) from None
                if event.kind == "passing":
                    note(f"{opener.what}: {event.reason}; going on at byte {file.tell() if validator else 0:,}")
                    pace.sleep(min(0.5 * 2**failures, _LONGEST_PAUSE))
            pace.check(opener.what)
    raise ResultError(f"{opener.what} could not be downloaded in {policy.requests} requests.")


def _receive(answer: Answer, file: BinaryIO, what: str, *, policy: Policy, pace: Pace) -> None:
    if answer.start != file.tell():
        if answer.start:
            raise Interrupted("the server sent another part than the one asked for", "changed")
        _restart(file)
    too_large = ResultError(f"{what} is larger than {policy.max_bytes:,} bytes and was not downloaded.")
    if answer.total is not None and answer.total > policy.max_bytes:
        raise too_large
    for chunk in answer.chunks:
        if file.tell() + len(chunk) > policy.max_bytes:
            raise too_large
        file.write(chunk)
        pace.check(what)
    if answer.total is not None and file.tell() != answer.total:
        raise Interrupted(f"the connection ended after {file.tell():,} of {answer.total:,} bytes")


def _restart(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


def _renewed(opener: Opener, failures: int, note: Callable[[str], None]) -> bool:
    if failures > 2 or not opener.renew():
        return False
    note(f"{opener.what}: its URL had expired, got a fresh one")
    return True


def _gave_up(what: str, reason: str, arrived: int, failures: int) -> str:
    tries = f" after {failures} tries" if failures > 1 else ""
    return f"{what} could not be downloaded{tries}: {reason} ({arrived:,} bytes had arrived)."
