"""Waiting for news."""

from __future__ import annotations

import asyncio

from orchestrator_stub.logs.bell import Bell


async def test_a_ring_wakes_all_who_wait_and_nobody_who_comes_later():
    """A follower would sleep through a line, or spin on an old one."""
    bell = Bell()
    waiting = [asyncio.create_task(bell.heard()) for _ in range(3)]
    await asyncio.sleep(0)
    bell.ring()
    late = asyncio.create_task(bell.heard())
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    await asyncio.sleep(0)
    assert not late.done()
    late.cancel()
