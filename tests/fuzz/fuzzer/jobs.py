"""Jobs of every type with every feature of a task, and ways to spoil them."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .values import Members, Token, nested, odd, text

MODULES: dict[str, str] = json.loads(
    (Path(__file__).resolve().parents[2] / "conformance" / "wasm" / "modules.json").read_text()
)
"""data: URLs of tiny wasm programs."""
ENDING = ("exit0", "exit3", "hello", "trap", "outputs", "cat", "env", "big")
NAMESPACES = ("default", "a", "b", "é")
NETWORKS = {
    "1.9.3": ("Default", "None", "Host", "Full", "HTTP", "Bridge"),
    "1.6.5": ("None", "Host", "HTTP", "Bridge", "full"),
    "1.5.2": ("None", "Full", "HTTP"),
}
NETWORKS |= {"1.8.0": NETWORKS["1.9.3"], "1.7.0": NETWORKS["1.9.3"], "docs": NETWORKS["1.5.2"]}
KNOWS_PORTS = ("1.6.5", "1.7.0", "1.8.0", "1.9.3")
KNOWS_MODULE_PATHS = ("1.7.0", "1.8.0", "1.9.3")
REFUSES_COUNT_EVERYWHERE = KNOWS_MODULE_PATHS


def valid_job(rng: random.Random, release: str, number: int) -> dict[str, Any]:
    """A job that the release takes. `number` makes names that no other job has."""
    kind = rng.choice(("batch", "batch", "batch", "ops", "service", "daemon"))
    job: dict[str, Any] = {"Type": kind, "Tasks": [_task(rng, release)]}
    if rng.random() < 0.8:
        everywhere = kind in ("ops", "daemon") and release in REFUSES_COUNT_EVERYWHERE
        job["Count"] = rng.choice((0, 1, 1)) if everywhere else rng.choice((0, 1, 1, 1, 2, 3, 5, 1_000_000_000_000))
    options: dict[str, Callable[[], Any]] = {
        "Name": lambda: rng.choice((f"job-{number}", f"é/{number} <&>", f"same-{rng.randrange(20)}")),
        "Namespace": lambda: rng.choice(NAMESPACES),
        "Priority": lambda: rng.choice((0, 1, -3, 2**40)),
        "Labels": lambda: _labels(rng),
        "Meta": lambda: {"a": "b", "bacalhau.org/x": "mine", text(rng) or "k": "v"},
        "Constraints": lambda: [_constraint(rng) for _ in range(rng.randint(0, 2))],
        "ID": lambda: f"given-{number}",
        "State": lambda: {"StateType": rng.choice(("Pending", "running", "Undefined", "nonsense"))},
        "Version": lambda: 3,
        "Revision": lambda: 1,
        "CreateTime": lambda: 17,
        "ModifyTime": lambda: 18,
    }
    likely = ("Name", "Namespace", "Labels")
    for key, make in options.items():
        if rng.random() < (0.5 if key in likely else 0.15):
            job[key] = make()
    if rng.random() < 0.05:
        job["Tasks"].append(_task(rng, release))
    return job


def _labels(rng: random.Random) -> dict[str, str]:
    keys = ("env", "n", "a.b/c", "odd key", "é", "x" * 300)
    values = ("", "prod", "dev", "1", "9" * 25, "9" * 5000, "<&>")
    return {rng.choice(keys): rng.choice(values) for _ in range(rng.randint(0, 3))}


def _constraint(rng: random.Random) -> dict[str, Any]:
    key = rng.choice(("os_type", "Operating-System", "nope", "a b"))
    operator = rng.choice(("in", "notin", "exists", "!", "=", "==", "!=", "gt", "lt", "~", ""))
    if operator in ("exists", "!"):
        return {"Key": key, "Operator": operator}
    values = ["linux", "x"] if operator in ("in", "notin") else [rng.choice(("linux", "5", "9" * 30, "x y"))]
    return {"Key": key, "Operator": operator, "Values": values}


def _task(rng: random.Random, release: str) -> dict[str, Any]:
    task: dict[str, Any] = {"Name": rng.choice(("main", "main", "é", "a b"))}
    options: dict[str, Callable[[], Any]] = {
        "Env": lambda: {"A": "1", "LONG_NAME": "x" * rng.choice((1, 5_000))},
        "Meta": lambda: {"m": "1", "bacalhau.org/requester.id": "mine"},
        "InputSources": lambda: [_input(rng, at) for at in range(rng.randint(0, 2))],
        "Resources": lambda: _resources(rng),
        "Network": lambda: _network(rng, release),
        "Timeouts": lambda: _timeouts(rng),
    }
    for key, make in options.items():
        if rng.random() < 0.25:
            task[key] = make()
    if release == "docs" or rng.random() < 0.4:
        task["Publisher"] = _publisher(rng)
        if task["Publisher"]["Type"] and rng.random() < 0.5:
            task["ResultPaths"] = [{"Name": "outputs", "Path": "/outputs"}, {"Name": "two", "Path": "/a b"}]
    _add_engine(rng, release, task)
    return task


def _add_engine(rng: random.Random, release: str, task: dict[str, Any]) -> None:
    kind = rng.random()
    if kind < 0.75:
        params: Any = {"Image": rng.choice(("busybox", "busybox:1.36", "localhost/a/b:c"))}
        if rng.random() < 0.5:
            params |= {"Parameters": ["echo", "<hi>"], "Entrypoint": None, "EnvironmentVariables": ["B=2"]}
        task["Engine"] = {"Type": rng.choice(("docker", " docker ")), "Params": params}
    elif kind < 0.9:
        url = MODULES[rng.choice(ENDING)] if rng.random() < 0.8 else "data:application/wasm;base64,AGFzbQ=="
        source = {"Source": {"Type": "inline", "Params": {"URL": url}}}
        if release in KNOWS_MODULE_PATHS and rng.random() < 0.8:
            task.setdefault("InputSources", []).append({**source, "Target": "/app/main.wasm"})
            task["Engine"] = {"Type": "wasm", "Params": {"EntryModule": "/app/main.wasm", "Entrypoint": "_start"}}
        else:
            task["Engine"] = {"Type": "wasm", "Params": {"EntryModule": source, "EntryPoint": "_start"}}
    else:
        task["Engine"] = {"Type": rng.choice(("foo", "noop", "WASM", "docker")), "Params": rng.choice((None, {}, {"a": 1e300}))}


def _input(rng: random.Random, at: int) -> dict[str, Any]:
    source = rng.choice(
        (
            {"Type": "inline", "Params": {"URL": "data:,hello"}},
            {"Type": "inline", "Params": {"url": "data:text/plain;base64,aGk="}},
            {"Type": "s3", "Params": {"Bucket": "b", "Key": "k/*", "Partition": {"Type": "object"}}},
            {"Type": "urlDownload", "Params": {"URL": "http://127.0.0.1:9/x"}},
            {"Type": "localDirectory", "Params": {"SourcePath": "/etc", "ReadWrite": "true"}},
            {"Type": "ipfs", "Params": {"CID": "Qm"}},
        )
    )
    return {"Source": source, "Target": f"/in/{at}", "Alias": rng.choice(("", f"alias-{at}"))}


def _publisher(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        (
            {"Type": ""},
            {"Type": "local"},
            {"Type": "noop", "Params": {}},
            {"Type": "s3", "Params": {"Bucket": "b", "Key": "{jobID}/x", "Encoding": "plain"}},
            {"Type": "foo", "Params": {"a": [1, {"b": None}]}},
        )
    )


def _resources(rng: random.Random) -> dict[str, str]:
    cpus, sizes = ("500m", "0.5", "1", " 1.50 ", "1000", "1e-3"), ("512Mb", "1Gi", "2 GB", "100tb", "16eb")
    given = {"CPU": rng.choice(cpus), "Memory": rng.choice(sizes[:4]), "Disk": rng.choice(sizes[:4]), "GPU": "0"}
    return {key: value for key, value in given.items() if rng.random() < 0.6}


def _network(rng: random.Random, release: str) -> dict[str, Any]:
    kind = rng.choice(NETWORKS[release])
    network: dict[str, Any] = {"Type": kind}
    if kind == "HTTP" and rng.random() < 0.5:
        network["Domains"] = ["example.com", "127.0.0.1"]
    if kind in ("Host", "Bridge") and release in KNOWS_PORTS and rng.random() < 0.5:
        network["Ports"] = [{"Name": "web", "Static": 8080}]
    return network


def _timeouts(rng: random.Random) -> dict[str, int]:
    given = {"ExecutionTimeout": 60, "QueueTimeout": rng.choice((0, 1, 600)), "TotalTimeout": 10**9}
    return {key: value for key, value in given.items() if rng.random() < 0.6}


# Spoiling.


def mutated(rng: random.Random, tree: Any) -> Any:
    """The tree with one to three of its parts changed."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        path = rng.choice(list(_paths(tree)))
        tree = _changed(tree, path, lambda part: _mutation(rng, part))
    return tree


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _paths(item, (*path, key))


def _changed(tree: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(tree)
    parent = tree
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = change(parent[path[-1]])
    return tree


def _mutation(rng: random.Random, part: Any) -> Any:
    kind = rng.randrange(12)
    if kind < 4:
        return odd(rng)
    if kind == 4:
        return None
    if kind == 5:
        return rng.choice((Token(b"1e999"), Token(b"9" * 30), Token(b'"\\ud800"'), nested(rng)))
    if isinstance(part, dict):
        return _mutated_object(rng, part)
    if isinstance(part, list):
        return rng.choice(([*part, None], part * 2, part * 50, {"0": part}, [[*part]], [None, *part], []))
    if isinstance(part, str):
        return rng.choice((part.upper(), part * 300, part + "\0", f" {part}", [part], {"a": part}, part[:-1], text(rng)))
    return rng.choice(([part], str(part), {"a": part}, -1, Token(b"1.5")))


def _mutated_object(rng: random.Random, part: dict[str, Any]) -> Any:
    kind = rng.randrange(6)
    keys = list(part)
    if kind == 0 and keys:
        gone = rng.choice(keys)
        return {key: value for key, value in part.items() if key != gone}
    if kind == 1 and keys:
        again = rng.choice(keys)
        pairs = [*part.items(), (rng.choice((again, again.lower(), again.upper())), odd(rng))]
        rng.shuffle(pairs)
        return Members(pairs)
    if kind == 2:
        return {rng.choice((key.lower(), key.upper(), key.swapcase())): value for key, value in part.items()}
    if kind == 3:
        return {**part, text(rng): odd(rng)}
    if kind == 4:
        return [part]
    return {key: (odd(rng) if rng.random() < 0.5 else value) for key, value in part.items()}


def many_parts(rng: random.Random) -> bytes:
    """A submission of some megabytes made of as many values as fit, where they are kept and where nobody looks."""
    part = rng.choice((b"0", b"[]", b"{}", b'"a"', b"1.5", b"null", b"[0]", b'{"a":1}', b'"\\u00e9"', b'"\xff"'))
    many = b",".join([part] * (rng.choice((1_000_000, 4_000_000)) // (len(part) + 1)))
    members = b",".join(b'"k%d":"v"' % at for at in range(60_000))
    engine = b'{"Job":{"Type":"batch","Count":0,"Tasks":[{"Name":"a","Engine":{"Type":"docker","Params":{"Image":"a","x":['
    return rng.choice(
        (
            b'{"what":[' + many + b"]}",
            engine + many[:999_999].rpartition(b",")[0] + b"]}}}]}}",
            b'{"Job":{"Type":"batch","Count":0,"Labels":{' + members + b'},"Tasks":[{"Name":"a","Engine":{"Type":"x"}}]}}',
            b'{"Job":{"Constraints":[' + b",".join([b"{}"] * 30_000) + b"]}}",
            b'{"Job":{"Type":"batch","Tasks":[' + b",".join([b'{"Name":"a"}'] * 8_000) + b"]}}",
            b'{"Job":' + b"[" * 1_000_000,
        )
    )


def spoiled(rng: random.Random, body: bytes) -> bytes:
    """The bytes cut, lengthened or with some of them changed."""
    at = rng.randrange(len(body) + 1)
    kind = rng.randrange(8)
    if kind == 0:
        return body[:at]
    if kind == 1:
        return body + rng.choice((b" x", b"{}", b"\0", b"\n\n", body))
    if kind == 2:
        return body[:at] + rng.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88", b"\x00", b"\x1f")) + body[at:]
    if kind == 3:
        return b"\xef\xbb\xbf" + body
    if kind == 4:
        return body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]
    if kind == 5:
        return body[:at] + body[at + rng.randint(1, 5) :]
    if kind == 6:
        return body[at:] + body[:at]
    return rng.choice((b"", b" ", b"null", b"[]", b'"x"', b"{", b"{}", b"1", b"\x1f\x8b\x08", b"a=b&c=d", b"<a/>"))
