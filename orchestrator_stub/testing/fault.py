"""What goes wrong on the way to the stub and back, and whether it really did."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal, Self

from orchestrator_stub.testing.exchange import Exchange, StubError

Kind = Literal[
    "status",
    "drop_request",
    "drop_reply",
    "delay",
    "hang",
    "reset",
    "truncate",
    "garbage",
    "stale",
    "close_frame",
]


class Fault:
    """A fault that the stub holds. As a context manager it is taken away at the end."""

    def __init__(self, faults: Faults, fault_id: str, wanted: dict[str, Any], *, optional: bool) -> None:
        """Made by `StubHandle.fault`."""
        self.id = fault_id
        """As the journal names it: "f-1"."""
        self.optional = optional
        """Nobody minds when no request meets it."""
        self.wanted = wanted
        """What was asked for: `match` and `do`."""
        self._faults = faults
        self._hits = 0

    @property
    def hits(self) -> int:
        """How many requests met it until now."""
        self._faults.count()
        return self._hits

    def remove(self) -> None:
        """Take it away; requests that it holds go on (delay) or are let go of (hang). Twice does nothing."""
        self._faults.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        match, what = self.wanted["match"], dict(self.wanted["do"])
        more = {name: value for name, value in (match | what).items() if name not in ("method", "path", "kind")}
        words = [f"{name}={value!r}" for name, value in more.items()]
        start = [repr(match.get("method", "*")), repr(match.get("path", "*")), repr(what["kind"])]
        return f"fault({', '.join([*start, *words])})"


class Faults:
    """The faults of one handle."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._own: list[Fault] = []

    def add(self, match: dict[str, Any], what: dict[str, Any], *, optional: bool) -> Fault:
        """One more. Raises StubError: something of it is not understood, named by its key."""
        wanted = {"match": match, "do": what}
        fault = Fault(self, self._exchange.send("POST", "/stub/faults", wanted)["id"], wanted, optional=optional)
        self._own.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take one away; how often it was met stays known."""
        self.count()
        try:
            self._exchange.send("DELETE", f"/stub/faults/{fault.id}")
        except StubError as error:
            if error.status != 404:  # it was taken away before, or by a reset
                raise

    def count(self) -> None:
        """Learn how often each was met."""
        if not self._own:
            return
        told = {each["id"]: each["hits"] for each in self._exchange.get("/stub/faults")["faults"]}
        for fault in self._own:
            fault._hits = max(fault._hits, told.get(fault.id, 0))  # noqa: SLF001 - one mechanism in two classes

    def counted(self) -> list[tuple[Fault, int]]:
        """The handle's own, in order, with the number of requests that met each."""
        self.count()
        return [(fault, fault._hits) for fault in self._own]  # noqa: SLF001 - as above

    def forget(self) -> None:
        """The stub has none any more."""
        self._own = []
