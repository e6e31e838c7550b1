"""Something has happened: wakes all who wait, and nobody who comes later."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung from the event loop's thread. Whoever waits looks at the facts, calls `heard` and looks again."""

    def __init__(self) -> None:
        self._news = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def heard(self) -> None:
        """Until the next ring."""
        await self._news.wait()
