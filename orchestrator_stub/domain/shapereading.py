"""Descriptions of nodes from plain values (a cluster file, a request); what is wrong is named by its key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator_stub.domain.node import MOST_NODES
from orchestrator_stub.domain.plain import (
    Path,
    PlainError,
    is_number,
    is_whole,
    mapping,
    seconds,
    shown,
    text,
)
from orchestrator_stub.domain.quantity import parse_bytes, parse_cpu, parse_gpu, tidy
from orchestrator_stub.domain.shape import Behaviour, NodeShape

LONGEST_S = 86_400.0
"""The slowest step, seconds."""
REFUSED = "rejected bid: this node takes no jobs"
"""What a node says that is `rejecting: true`."""
AMOUNTS = ("cpu", "memory", "disk", "gpu")
_BEHAVIOUR = ("slow", "lossy", "rejecting")
_NODE = ("name", "count", "labels", *AMOUNTS, "engines", "publishers", "behaviour")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_LEAST_BYTES = 1_000_000  # who writes less has forgotten the unit
_MOST = 2**63 - 1


def parse_cluster(plain: Any) -> tuple[NodeShape, ...]:
    """The nodes of `{nodes: [...]}`, each with a name of its own or none. Raises PlainError."""
    given = mapping(plain, ("nodes",), (), "a cluster")
    items = given.get("nodes")
    if not isinstance(items, list):
        raise PlainError(("nodes",), "give a list of nodes, such as [{name: edge-1, cpu: 8, memory: 32GB}]")
    shapes: list[NodeShape] = []
    names: set[str] = set()
    for number, each in enumerate(items):
        path: Path = ("nodes", number)
        for shape in parse_shape(each, path):
            if shape.name in names:
                raise PlainError((*path, "name"), f"{shape.name} stands there twice; each node has a name of its own")
            names.update({shape.name} - {""})
            shapes.append(shape)
        if len(shapes) > MOST_NODES:
            raise PlainError(path, f"the nodes become too many here; there are at most {MOST_NODES:,}")
    if not shapes:
        raise PlainError(("nodes",), "there are no nodes; describe at least one, such as {name: edge-1}")
    return tuple(shapes)


def parse_shape(plain: Any, path: Path = ()) -> list[NodeShape]:
    """One description: as many nodes as its `count` says, called NAME-1, NAME-2, ... then. `path`: the way to it.

    Raises PlainError.
    """
    given = mapping(plain, _NODE, path, "a node")
    name = _name(given.get("name"), (*path, "name"))
    shape = NodeShape(
        name=name,
        labels=parse_labels(given.get("labels", {}), (*path, "labels")),
        engines=_words(given, "engines", path),
        publishers=_words(given, "publishers", path),
        behaviour=_behaviour(given.get("behaviour", {}), (*path, "behaviour")),
        **parse_amounts({key: given[key] for key in AMOUNTS if key in given}, path),
    )
    if "count" not in given:
        return [shape]
    count = given["count"]
    if not is_whole(count) or not 1 <= count <= MOST_NODES:
        raise PlainError((*path, "count"), f"{shown(count)} is no number of nodes; give 1 to {MOST_NODES}")
    numbers = range(1, count + 1)
    return [replace(shape, name=f"{name}-{number}" if name and count > 1 else name) for number in numbers]


def parse_amounts(given: Mapping[str, Any], path: Path = ()) -> dict[str, Any]:
    """Amounts by their names: cores, bytes, bytes, devices. Raises PlainError."""
    read = {"cpu": _cpu, "memory": _bytes, "disk": _bytes, "gpu": _gpu}
    return {key: read[key](value, (*path, key)) for key, value in mapping(given, AMOUNTS, path, "an amount").items()}


def parse_labels(plain: Any, path: Path, *, may_remove: bool = False) -> dict[str, Any]:
    """Labels: texts by keys; with `may_remove` also None for a label that is to go. Raises PlainError."""
    if not isinstance(plain, dict):
        raise PlainError(path, "give a mapping of keys to texts, such as {region: eu}")
    for key, value in plain.items():
        if not isinstance(key, str) or not key:
            raise PlainError((*path, str(key)), "the key of a label is a text: put it into quotes")
        if value is not None or not may_remove:
            text(value, (*path, key))
    return dict(plain)


def _behaviour(plain: Any, path: Path) -> Behaviour:
    given = mapping(plain, _BEHAVIOUR, path, "a behaviour")
    lossy, rejecting = given.get("lossy", 0.0), given.get("rejecting", False)
    if not is_number(lossy) or not 0 <= lossy <= 1:
        raise PlainError((*path, "lossy"), f"{shown(lossy)} is no share; give a number from 0 to 1, such as 0.1")
    if not isinstance(rejecting, bool | str) or rejecting == "":
        raise PlainError((*path, "rejecting"), f"{shown(rejecting)}: give true, false, or the text of the refusal")
    refusal = rejecting if isinstance(rejecting, str) else REFUSED if rejecting else ""
    return Behaviour(seconds(given.get("slow", 0.0), (*path, "slow"), LONGEST_S), float(lossy), refusal)


def _name(plain: Any, path: Path) -> str:
    if plain is None:
        return ""
    if not _NAME.fullmatch(text(plain, path)):
        raise PlainError(path, f"{shown(plain)} is no name; give letters, digits, points, dashes and underscores")
    return str(plain)


def _words(given: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...] | None:
    plain = given.get(key)
    if plain is None:
        return None
    if not isinstance(plain, list) or not all(isinstance(each, str) and each for each in plain):
        example = "docker, wasm" if key == "engines" else "s3, local"
        raise PlainError((*path, key), f"give a list of names, such as [{example}]")
    return tuple(dict.fromkeys(plain))


def _cpu(plain: Any, path: Path) -> float:
    cores = plain
    if isinstance(plain, str):
        try:
            cores = parse_cpu(tidy(plain))
        except ValueError:
            cores = None
    if not is_number(cores) or not 0 <= cores <= _MOST:
        raise PlainError(path, f"{shown(plain)} is no number of cores; give one such as 8, 0.5 or 500m")
    return float(cores)


def _bytes(plain: Any, path: Path) -> int:
    amount = plain
    if isinstance(plain, str):
        try:
            amount = parse_bytes(tidy(plain))
        except ValueError:
            amount = None
    if not is_whole(amount) or not 0 <= amount <= _MOST:
        raise PlainError(path, f"{shown(plain)} is no amount of bytes; give one such as 64GB, 512Mi or 64000000000")
    if 0 < amount < _LEAST_BYTES:
        raise PlainError(path, f"{shown(plain)} is next to nothing; give it a unit, such as {amount}GB")
    return int(amount)


def _gpu(plain: Any, path: Path) -> int:
    number = plain
    if isinstance(plain, str):
        try:
            number = parse_gpu(tidy(plain))
        except ValueError:
            number = None
    if not is_whole(number) or not 0 <= number <= _MOST:
        raise PlainError(path, f"{shown(plain)} is no number of GPUs; give a whole one, such as 2")
    return int(number)
