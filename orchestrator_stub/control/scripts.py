"""`/stub/scripts`: what becomes of jobs, read and replaced as a whole."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from orchestrator_stub.control.exchange import body_of, route
from orchestrator_stub.domain.scriptreading import parse_scripts, plain_script
from orchestrator_stub.engine.orchestrator import Orchestrator

_HITS = "hits"


def script_routes(orchestrator: Orchestrator) -> list[Route]:
    """The routes. All three answer with the list as it is then, each script with its hits."""
    scripts = orchestrator.powers.scripts

    def listed() -> list[dict[str, Any]]:
        pairs = zip(scripts.items, scripts.hits, strict=True)
        return [plain_script(item) | {_HITS: hits} for item, hits in pairs]

    async def show(_: Request) -> Any:
        return listed()

    async def replace(request: Request) -> Any:
        plain = await body_of(request)
        if isinstance(plain, list):  # what was read here can be put back here
            plain = [_without_hits(each) for each in plain]
        scripts.replace(parse_scripts(plain))
        return listed()

    async def remove(_: Request) -> Any:
        scripts.replace(())
        return listed()

    path = "/stub/scripts"
    return [route("GET", path, show), route("PUT", path, replace), route("DELETE", path, remove)]


def _without_hits(plain: Any) -> Any:
    return {key: value for key, value in plain.items() if key != _HITS} if isinstance(plain, dict) else plain
