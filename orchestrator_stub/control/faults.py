"""`/stub/faults`: what goes wrong with which requests, and how often it did (design 5)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from orchestrator_stub.control.exchange import ControlError, object_of, route
from orchestrator_stub.domain.faultreading import parse_fault, plain_deed, plain_match
from orchestrator_stub.engine.faults import Faults, Standing
from orchestrator_stub.engine.orchestrator import Orchestrator

_PATH = "/stub/faults"


def fault_routes(orchestrator: Orchestrator) -> list[Route]:
    """`POST {"match": {...}, "do": {"kind": ...}}` -> `{"id"}`, `GET` -> `{"faults": [...]}`, `DELETE` of one or all ->
    `{"removed": [ids]}`; requests that a removed fault holds go on."""
    powers = orchestrator.powers

    async def add(request: Request) -> Any:
        fault = parse_fault(await object_of(request))
        if powers.faults is None:
            powers.faults = Faults(orchestrator.overview.follow, orchestrator.ids.source("garbage").randbytes)
        return {"id": powers.faults.add(fault).id}

    async def show(_: Request) -> Any:
        return {"faults": [_shown(each) for each in powers.faults.listed()] if powers.faults else []}

    async def remove(request: Request) -> Any:
        wanted = request.path_params["id"]
        if powers.faults is None or not powers.faults.remove(wanted):
            raise ControlError(f"{wanted}: no such fault; GET {_PATH} lists them", 404)
        return {"removed": [wanted]}

    async def clear(_: Request) -> Any:
        return {"removed": powers.faults.clear() if powers.faults else []}

    return [
        route("POST", _PATH, add),
        route("GET", _PATH, show),
        route("DELETE", _PATH, clear),
        route("DELETE", f"{_PATH}/{{id}}", remove),
    ]


def _shown(standing: Standing) -> dict[str, Any]:
    """`held`: how many requests wait for its end."""
    fault = standing.fault
    return {
        "id": standing.id,
        "match": plain_match(fault.match),
        "do": plain_deed(fault.do),
        "hits": standing.hits,
        "held": standing.held,
    }
