"""The stub's own surface under `/stub/`, never mixed with the emulated one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator_stub.control.clock import clock_routes
from orchestrator_stub.control.faults import fault_routes
from orchestrator_stub.control.info import StubInfo
from orchestrator_stub.control.journal import journal_routes
from orchestrator_stub.control.nodes import node_routes
from orchestrator_stub.control.reset import reset_routes
from orchestrator_stub.control.scripts import script_routes
from orchestrator_stub.engine.orchestrator import Orchestrator


def build_control(
    orchestrator: Orchestrator, info: Callable[[], StubInfo], board: Sequence[Route] = ()
) -> Starlette:
    """The app that answers `/stub/...` (it sees whole paths). `board`: the routes of the page and its data."""

    async def facts(_: Request) -> Response:
        return JSONResponse(info().to_plain())

    routes = [
        Route("/stub/info", facts),
        *clock_routes(orchestrator),
        *script_routes(orchestrator),
        *fault_routes(orchestrator),
        *journal_routes(orchestrator),
        *node_routes(orchestrator),
        *reset_routes(orchestrator),
        *board,
    ]

    async def nothing(request: Request) -> Response:
        path = request.url.path
        here = (each for each in routes if each.path_regex.fullmatch(path))
        known = {method for each in here for method in each.methods or ()} - {"HEAD"}
        why = f"{request.method} is not for this page; give {' or '.join(sorted(known))}" if known else "no such page"
        return JSONResponse({"error": f"{path}: {why}"}, status_code=404)

    every = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[*routes, Route("/{rest:path}", nothing, methods=every)])
    if orchestrator.holds_answers:
        app.state.before_answer = orchestrator.before_answer
    return app
