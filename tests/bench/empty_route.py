"""The yardstick of `make bench`: one route that does nothing, on the stub's own server set-up.

    python tests/bench/empty_route.py PORT
"""

from __future__ import annotations

import asyncio
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator_stub.api.connection import Connection


async def nothing(_request: Request) -> Response:
    """An empty JSON object."""
    return Response(b"{}", media_type="application/json")


if __name__ == "__main__":
    config = uvicorn.Config(
        Starlette(routes=[Route("/", nothing)]),
        port=int(sys.argv[1]),
        http=Connection,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    asyncio.run(uvicorn.Server(config).serve())
