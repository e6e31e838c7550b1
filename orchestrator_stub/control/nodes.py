"""`/stub/nodes`: the nodes as they are, one more, and what is done to one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from orchestrator_stub.control.exchange import ControlError, object_of, route
from orchestrator_stub.domain.plain import PlainError, mapping, seconds
from orchestrator_stub.domain.shapereading import AMOUNTS, LONGEST_S, parse_amounts, parse_labels, parse_shape
from orchestrator_stub.engine.fleet import Fleet, Machine
from orchestrator_stub.engine.orchestrator import Orchestrator

_DO = "do"


def node_routes(orchestrator: Orchestrator) -> list[Route]:
    """The routes."""
    fleet = orchestrator.fleet

    async def show(_: Request) -> Any:
        return {"nodes": [_plain(machine) for machine in fleet.machines()]}

    async def add(request: Request) -> Any:
        added = fleet.add(parse_shape(await object_of(request)))
        return {"id": added[0].node.id, "nodes": [_plain(machine) for machine in added]}

    async def act(request: Request) -> Any:
        body = await object_of(request)
        deed, given = _deed(body)
        node_id = fleet.find(request.path_params["ref"])
        deed(fleet, node_id, given)
        return _plain(fleet.machine(node_id))

    return [
        route("GET", "/stub/nodes", show),
        route("POST", "/stub/nodes", add),
        route("POST", "/stub/nodes/{ref}", act),
    ]


_Deed = Callable[[Fleet, str, dict[str, Any]], None]


def _deed(body: dict[str, Any]) -> tuple[_Deed, dict[str, Any]]:
    """What is to be done, and with what: that stands beside `do`, or in an object under its name.

    Raises ControlError.
    """
    word = body.get(_DO)
    if not isinstance(word, str) or word not in _DEEDS:
        problem = "" if word is None else f"{word} is not known; "
        raise ControlError(f"{_DO}: {problem}give one of {', '.join(_DEEDS)}")
    given = {key: value for key, value in body.items() if key != _DO}
    inner = given.get(word)
    return _DEEDS[word], inner if len(given) == 1 and isinstance(inner, dict) else given


def _alone(act: Callable[[Fleet, str], None]) -> _Deed:
    """Something that needs to know nothing else."""

    def deed(fleet: Fleet, node_id: str, given: dict[str, Any]) -> None:
        for key in given:
            raise PlainError((key,), "unknown key; there is nothing to say about it")
        act(fleet, node_id)

    return deed


def _slow(fleet: Fleet, node_id: str, given: dict[str, Any]) -> None:
    fleet.slow(node_id, seconds(mapping(given, ("seconds",), (), "slow").get("seconds"), ("seconds",), LONGEST_S))


def _resize(fleet: Fleet, node_id: str, given: dict[str, Any]) -> None:
    amounts = parse_amounts(given)
    if not amounts:
        raise PlainError((), f"give what it has from now on: some of {', '.join(AMOUNTS)}")
    fleet.resize(node_id, replace(fleet.machine(node_id).node.capacity, **amounts))


def _relabel(fleet: Fleet, node_id: str, given: dict[str, Any]) -> None:
    changes = parse_labels(given, (), may_remove=True)
    if not changes:
        raise PlainError((), "give the labels that change, such as {region: eu}; null takes one away")
    labels: Mapping[str, str | None] = {**fleet.machine(node_id).node.labels, **changes}
    fleet.relabel(node_id, {key: value for key, value in labels.items() if value is not None})


_DEEDS: Mapping[str, _Deed] = {
    "drop": _alone(Fleet.drop),
    "rejoin": _alone(Fleet.rejoin),
    "freeze": _alone(Fleet.freeze),
    "thaw": _alone(Fleet.thaw),
    "slow": _slow,
    "capacity": _resize,
    "labels": _relabel,
}


def _plain(machine: Machine) -> dict[str, Any]:
    node, known = machine.node, machine.known
    return {
        "id": node.id,
        "name": machine.name,
        "labels": dict(node.labels),
        "capacity": asdict(node.capacity),
        "free": asdict(node.available),
        "running": node.running,
        "enqueued": node.enqueued,
        "state": machine.state,
        "membership": known.membership if known else "",
        "connection": known.connection if known else "",
        "engines": list(node.engines),
        "publishers": list(node.publishers),
        "behaviour": asdict(machine.behaviour) | {"rejecting": machine.behaviour.rejecting or False},
    }
