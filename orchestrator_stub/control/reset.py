"""`/stub/reset`: as at the start, without a restart."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from orchestrator_stub.control.exchange import ControlError, object_of, route
from orchestrator_stub.engine.orchestrator import Orchestrator


def reset_routes(orchestrator: Orchestrator) -> list[Route]:
    """`POST` forgets jobs, journal, faults and scripts and answers `{}` once nothing of them runs any more; nodes, S3
    and the clock's time stay."""

    async def reset(request: Request) -> Any:
        given = await object_of(request)
        if given:
            raise ControlError(f"{next(iter(given))}: unknown key; a reset takes none")
        await orchestrator.reset()
        return {}

    return [route("POST", "/stub/reset", reset)]
