"""The stub's own surface under `/stub/`, never mixed with the emulated one."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from orchestrator_stub.control.info import StubInfo
from orchestrator_stub.control.jobs_page import MOST, render
from orchestrator_stub.engine.orchestrator import Orchestrator

_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def build_control(orchestrator: Orchestrator, info: Callable[[], StubInfo]) -> Starlette:
    """The app that answers `/stub/...` (it sees whole paths)."""

    async def facts(_: Request) -> Response:
        return JSONResponse(info().to_plain())

    async def jobs(_: Request) -> Response:
        page = render(info().release, sum(orchestrator.counts().values()), orchestrator.newest(MOST))
        return HTMLResponse(page, headers=_PAGE_HEADERS)

    async def job(request: Request) -> Response:
        wanted = quote(request.path_params.get("job_id") or request.query_params.get("id", ""), safe="")
        return RedirectResponse(f"/stub/#/jobs/{wanted}")

    async def nothing(request: Request) -> Response:
        return JSONResponse({"error": f"{request.url.path}: no such page"}, status_code=404)

    return Starlette(
        routes=[
            Route("/stub/info", facts),
            Route("/stub/", jobs),
            # A connection whose `webui_url` is this page leads here.
            Route("/stub/jobs", job),
            Route("/stub/jobs/{job_id}", job),
            Route("/{rest:path}", nothing, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
        ]
    )
