"""What keeps the objects of the stubs of a session: one process, emptied between two stubs, because it takes longer to
start than a stub."""

from __future__ import annotations

from orchestrator_stub.s3.backend import Backend


class Backends:
    """Backends for the stubs of one event loop; one that is free waits for the next stub."""

    def __init__(self) -> None:
        self._free: Lent | None = None

    def take(self) -> Backend:
        """One that nobody else has, with no object in it."""
        free, self._free = self._free, None
        return free or Lent(self)

    async def give_back(self, backend: Lent) -> None:
        """Empty it for the next, or end it where one waits already."""
        if self._free is None:
            try:
                await backend.empty()
            except (OSError, TimeoutError):  # its process is gone; the next stub starts another
                await backend.end()
                return
            if self._free is None:
                self._free = backend
                return
        await backend.end()

    async def close(self) -> None:
        """End the one that waits."""
        free, self._free = self._free, None
        if free is not None:
            await free.end()


class Lent(Backend):
    """A backend that goes back when its stub ends."""

    def __init__(self, owner: Backends) -> None:
        super().__init__()
        self._owner = owner

    async def close(self) -> None:
        """The stub ends, the process stays."""
        await self._owner.give_back(self)

    async def end(self) -> None:
        """End the process."""
        await super().close()
