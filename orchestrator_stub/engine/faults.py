"""The faults of a stub: which are set, how often each was hit, and the requests that they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orchestrator_stub.domain.fault import Facts, Fault, Stale
from orchestrator_stub.engine.replica import Replica


class Standing:
    """A fault that is set."""

    def __init__(self, id: str, fault: Fault, replica: Replica | None = None) -> None:
        """`replica`: what lags, for a stale one."""
        self.id = id
        self.fault = fault
        self.hits = 0
        """Requests that it was carried out on."""
        self.held = 0
        """Requests that it holds now."""
        self._seen = 0
        """Requests that it fits and that no earlier fault was carried out on."""
        self.replica = replica
        self._done = 0
        self._let_go = asyncio.Event()
        self._is_dropped = False

    @property
    def title(self) -> str:
        """For people: `f-1 drop_reply`."""
        return f"{self.id} {self.fault.do.kind}"

    def befalls(self, facts: Facts) -> bool:
        """Whether it is carried out on this request; asking counts."""
        if not self.fault.fits(facts):
            return False
        self._seen += 1
        return self.fault.match.is_due(self._seen)

    def hit(self) -> None:
        """It is carried out."""
        self.hits += 1

    async def hold(self, seconds: float | None = None) -> bool:
        """Until the fault is taken away, or so many real seconds are over; whether the request may go on then."""
        self.held += 1
        try:
            async with asyncio.timeout(seconds):
                await self._let_go.wait()
        except TimeoutError:
            return True
        finally:
            self.held -= 1
        return not self._is_dropped

    def done(self) -> None:
        """A stale answer was given; after the last one there is nothing to follow any more."""
        self._done += 1
        if self.replica is not None and self._done == self.hits and self.fault.match.is_spent(self._seen):
            self.replica.close()

    def end(self, *, drop: bool) -> None:
        """It is taken away: what it holds goes on, or with `drop` never happens."""
        self._is_dropped = drop
        self._let_go.set()
        if self.replica is not None:
            self.replica.close()


class Faults:
    """All faults in the order in which they were added."""

    def __init__(self, follow: Callable[[float], Replica], luck: Callable[[int], bytes]) -> None:
        """`follow` gives a replica that lags so many seconds, `luck` so many random bytes."""
        self.luck = luck
        self._follow = follow
        self._standing: dict[str, Standing] = {}
        self._number = 0

    def add(self, fault: Fault) -> Standing:
        """Set a fault; it gets the next number."""
        self._number += 1
        replica = self._follow(fault.do.seconds) if isinstance(fault.do, Stale) else None
        standing = Standing(f"f-{self._number}", fault, replica)
        self._standing[standing.id] = standing
        return standing

    def listed(self) -> list[Standing]:
        """All, in the order in which they were added; those that will not be hit any more as well."""
        return list(self._standing.values())

    def take(self, facts: Facts) -> Standing | None:
        """The fault that befalls a request: the first that is due. The request counts for those before it, too."""
        for standing in self._standing.values():
            if standing.befalls(facts):
                return standing
        return None

    def remove(self, id: str) -> bool:
        """Take a fault away; the requests that it holds go on. False when there is none with this id."""
        standing = self._standing.pop(id, None)
        if standing is not None:
            standing.end(drop=False)
        return standing is not None

    def clear(self, *, drop: bool = False) -> list[str]:
        """Take all away; their ids. `drop`: the requests that they hold never happen."""
        gone, self._standing = self._standing, {}
        for standing in gone.values():
            standing.end(drop=drop)
        return list(gone)
