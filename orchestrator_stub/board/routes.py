"""The board at `/stub/`: one page without external parts, and what it asks for beside the control surface."""

from __future__ import annotations

import codecs
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from orchestrator_stub.board.files import FILES
from orchestrator_stub.board.shown import brief, listed, opened
from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.engine.orchestrator import Orchestrator
from orchestrator_stub.engine.overview import Wanted
from orchestrator_stub.logs.streams import Stream

LONGEST_PAGE = 500
"""Jobs in one answer."""
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_STREAMS: dict[str, Stream] = {"stdout": 1, "stderr": 2}


def board_routes(orchestrator: Orchestrator) -> list[Route]:
    """The page, its data, and where job links lead."""
    overview = orchestrator.overview

    async def jobs(request: Request) -> Any:
        given = request.query_params
        state = next((s for s in JobState if s.lower() == given.get("state", "").lower()), None)
        limit = min(_number(given.get("limit"), 100), LONGEST_PAGE)
        wanted = Wanted(given.get("q", ""), state, _number(given.get("offset"), 0), limit)
        return listed(overview.jobs(wanted), dict(overview.counts()))

    async def job(request: Request) -> Any:
        return opened(overview.job(request.path_params["job_id"]))

    async def node(request: Request) -> Any:
        return {"executions": [brief(each) for each in overview.live_on(request.path_params["node_id"])]}

    async def log(request: Request) -> Any:
        stream = _STREAMS[request.path_params["stream"]]
        since = _number(request.query_params.get("since"), 0)
        piece = overview.piece(request.path_params["execution_id"], stream, since)
        if piece is None:
            return {"kept": False, "text": "", "next": since, "is_last": False}
        text, consumed = _whole_text(piece.data, final=piece.is_last)
        return {"kept": True, "text": text, "next": since + consumed, "is_last": piece.is_last}

    async def link(request: Request) -> Response:
        wanted = quote(request.path_params.get("job_id") or request.query_params.get("id", ""), safe="")
        return RedirectResponse(f"/stub/#/jobs/{wanted}")

    return [
        *(_file(path, *each) for path, each in FILES.items()),
        # A connection whose `webui_url` is this page leads here.
        Route("/stub/jobs", link),
        Route("/stub/jobs/{job_id}", link),
        _data("/stub/board/jobs", jobs),
        _data("/stub/board/jobs/{job_id}", job),
        _data("/stub/board/nodes/{node_id}", node),
        _data("/stub/board/logs/{execution_id}/{stream:path}", log),
    ]


def _file(path: str, name: str, kind: str) -> Route:
    content = files(__package__).joinpath(name).read_bytes()

    async def file(_: Request) -> Response:
        return Response(content, media_type=kind, headers=_PAGE_HEADERS)

    return Route(path, file)


def _data(path: str, handler: Callable[[Request], Awaitable[Any]]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request), headers={"Cache-Control": "no-store"})
        except OrchestratorError as error:
            status = error.status if error.status in (400, 404) else 409  # several jobs begin so
            return JSONResponse({"error": error.message}, status_code=status)
        except KeyError:
            return JSONResponse({"error": f"{request.url.path}: no such page"}, status_code=404)

    return Route(path, endpoint)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdigit() and len(text) < 16 else otherwise


def _whole_text(data: bytes, *, final: bool) -> tuple[str, int]:
    """The text of a piece and how many bytes it took: a character that is cut in two waits for the next piece."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data, final)
    return text, len(data) - len(decoder.getstate()[0])
