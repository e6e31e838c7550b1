"""`/stub/clock`: what time it is, and moving it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from orchestrator_stub.clock import MODES
from orchestrator_stub.control.exchange import ControlError, object_of, route
from orchestrator_stub.domain.moment import rfc3339
from orchestrator_stub.engine.orchestrator import Orchestrator

_ORDERS = ("advance", "run_until_idle", "mode")


def clock_routes(orchestrator: Orchestrator) -> list[Route]:
    """`GET /stub/clock` -> `{"now", "mode"}`; `POST` with one of `{"advance": seconds}`, `{"run_until_idle": true}`,
    `{"mode": "virtual"|"auto"}` answers the same once it is done."""
    pace = orchestrator.pace

    def shown() -> dict[str, str]:
        return {"now": rfc3339(orchestrator.clock.peek()), "mode": orchestrator.clock.mode}

    async def look(_: Request) -> Any:
        return shown()

    async def move(request: Request) -> Any:
        order, value = await _order(request)
        if order == "advance":
            await _while_heard(request, pace.advance(_seconds(value)))
        elif order == "mode":
            pace.change_mode(_mode(value))
        elif value is True:
            await _while_heard(request, pace.run_until_idle())
        else:
            raise ControlError("run_until_idle: give true")
        return shown()

    return [route("GET", "/stub/clock", look), route("POST", "/stub/clock", move)]


async def _order(request: Request) -> tuple[str, Any]:
    """The one thing that is ordered. Raises ControlError."""
    body = await object_of(request)
    wrong = [key for key in body if key not in _ORDERS]
    if wrong or len(body) != 1:
        said = f"{wrong[0]}: not understood" if wrong else f"{len(body)} orders"
        raise ControlError(f"{said}; give one of advance (seconds), run_until_idle (true) and mode (virtual or auto)")
    return next(iter(body.items()))


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ControlError("advance: give a number of seconds, 0 or more")
    return value


def _mode(value: Any) -> Any:
    if value not in MODES:
        raise ControlError(f"mode: choose one of {', '.join(MODES)}")
    return value


async def _while_heard(request: Request, move: Coroutine[Any, Any, None]) -> None:
    """Move the clock for as long as the client is there: real work that never ends would hold it for ever."""
    moving = asyncio.ensure_future(move)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({moving, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (moving, gone):
            if not task.done():
                task.cancel()
        await asyncio.wait({moving, gone})
    if not moving.cancelled():
        moving.result()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
