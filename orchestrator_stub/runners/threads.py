"""Blocking work in a thread of its own, which a cancelled coroutine stops and waits for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_own_thread(name: str, work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Result of `work`, run in a thread that belongs to nobody else (the loop's pool has few, runs last long).

    :param name: of the thread, for debuggers
    :param stop: makes `work` return soon; called from the loop when the caller is cancelled, which then waits for the
        thread, so that nothing runs on after the cancellation came through
    :raises BaseException: what `work` raised
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def body() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as raised:  # whatever it is belongs to the waiting coroutine
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=body, name=name, daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop()
        while not done.done():
            with contextlib.suppress(asyncio.CancelledError):  # a second cancellation changes nothing
                await asyncio.wait([done])
        if not done.cancelled():
            done.exception()  # seen: the run was stopped, its outcome is of no interest
        raise
