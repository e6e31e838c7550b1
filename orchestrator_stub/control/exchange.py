"""Requests and answers of the control surface: JSON in, JSON out, errors as `{"error"}` with 400, 404 or 409."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.plain import PlainError

Handler = Callable[[Request], Awaitable[Any]]
"""Answers plain values."""


class ControlError(Exception):
    """A request that is refused; `status` 400, 404 or 409, the text one sentence that says what would be right."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def route(method: str, path: str, handler: Handler) -> Route:
    """A route whose handler answers plain values and raises ControlError, PlainError or OrchestratorError."""

    async def endpoint(request: Request) -> Response:
        try:
            answer = await handler(request)
            before_answer = getattr(request.app.state, "before_answer", None)
            if before_answer is not None and method != "GET":
                await before_answer(wrote=True)
            return JSONResponse(answer)
        except ControlError as error:
            return JSONResponse({"error": str(error)}, status_code=error.status)
        except PlainError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        except OrchestratorError as error:
            return JSONResponse({"error": error.message}, status_code=error.status)

    return Route(path, endpoint, methods=[method])


async def body_of(request: Request) -> Any:
    """The JSON of a request's body, None when it has none. Raises ControlError for what is no JSON."""
    raw = await request.body()
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ControlError(f"the body is no JSON: {error}") from None


async def object_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request's body, {} when it has none. Raises ControlError for anything else."""
    found = await body_of(request)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ControlError("the body has to be a JSON object")
    return found
