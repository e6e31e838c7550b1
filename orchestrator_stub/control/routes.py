"""The stub's own surface under `/stub/`, never mixed with the emulated one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator_stub.control.info import StubInfo
from orchestrator_stub.engine.orchestrator import Orchestrator


def build_control(
    orchestrator: Orchestrator, info: Callable[[], StubInfo], board: Sequence[Route] = ()
) -> Starlette:
    """The app that answers `/stub/...` (it sees whole paths). `board`: the routes of the page and its data."""

    async def facts(_: Request) -> Response:
        return JSONResponse(info().to_plain())

    async def nothing(request: Request) -> Response:
        return JSONResponse({"error": f"{request.url.path}: no such page"}, status_code=404)

    return Starlette(
        routes=[
            Route("/stub/info", facts),
            *board,
            Route("/{rest:path}", nothing, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
        ]
    )
