"""Which nodes of a cluster can take a job, and why the others cannot: the scheduler's rules (fact sheet 5.5c).

A node is asked for all that the job needs; the first thing that it lacks is its reason. What a node offers in all
decides whether it ever takes the job, what is free there only when.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider_bacalhau.lifecycle.templates import is_unknown
from airflow_provider_bacalhau.models.capabilities import Capabilities
from airflow_provider_bacalhau.models.node import Capacity, Node

DEFAULT_CPU = 0.5
"""Cores of a job that asks for none (fact sheet 4.5)."""
FAVOUR = "favour_"
"""Constraints on keys that begin so are wishes; no node is left out for one."""

_AMOUNT = re.compile(r"(?P<number>\d+\.?\d*|\.\d+)\s*(?P<unit>[A-Za-z]*)")
_CORES = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_SIGNS = {"gt": ">", "lt": "<"}
_LETTERS = {letter: power for power, letter in enumerate("kmgtpe", start=1)}


@dataclass(frozen=True, slots=True)
class Match:
    """What the nodes of a cluster say to one job."""

    reasons: tuple[str, ...]
    """By node: what it lacks, "" when it can take the job."""
    busy: tuple[bool, ...]
    """By node: it can take the job, but not beside what runs there now."""
    wanted: int
    """Executions, each on a node of its own."""

    @property
    def matching(self) -> int:
        """How many nodes can take the job."""
        return self.reasons.count("")

    @property
    def free(self) -> int:
        """How many of them can take it now."""
        return self.matching - sum(self.busy)

    def __str__(self) -> str:
        """`0 of 12 nodes match (11 without GPU, 1 not region=eu)`."""
        text = f"{self.matching} of {len(self.reasons)} node{'' if len(self.reasons) == 1 else 's'} match"
        counts = Counter(reason for reason in self.reasons if reason)
        if not counts or self.matching >= max(self.wanted, 1):
            return text
        return f"{text} ({', '.join(f'{count} {reason}' for reason, count in counts.most_common())})"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a match means for whoever submits the job."""

    level: Literal["ok", "warn", "FAIL"]
    text: str


def match(job: Mapping[str, Any], nodes: Sequence[Node], capabilities: Capabilities) -> Match:
    """Ask each node. Values that are known only in a run leave no node out.

    :param job: as it is submitted, in the shape for this server (`lifecycle.wire.for_server`).
    :param nodes: of `/orchestrator/nodes`; orchestrators without a compute side are left out by the caller.
    :param capabilities: of the server, for what a job gets that asks for nothing.
    """
    wants = requested(job, capabilities)
    reasons = tuple(next(_against(node, job, wants), "") for node in nodes)
    full = [any(_too_small(wants, node.available_capacity)) for node in nodes]
    busy = tuple(not why and now for why, now in zip(reasons, full, strict=True))
    count = job.get("Count")
    several = job.get("Type") in ("batch", "service") and isinstance(count, int)
    return Match(reasons, busy, count if several and isinstance(count, int) else 1)


def outlook(job: Mapping[str, Any], found: Match, capabilities: Capabilities) -> Outlook:
    """What becomes of the job when it is submitted to these nodes as they are, and the next step."""
    kind, text = job.get("Type"), str(found)
    queue = bool((_task(job).get("Timeouts") or {}).get("QueueTimeout"))
    if found.matching < found.wanted:
        if found.matching:
            return Outlook(
                "FAIL",
                f"{text}, but count={found.wanted}: a Bacalhau job runs at most once per node; "
                "use .expand(), one job per item",
            )
        if kind == "daemon":
            return Outlook("warn", f"{text}: the daemon stays Pending until one does")
        if queue and kind != "ops":
            return Outlook("warn", f"{text}: the job is queued for its queue_timeout, then it fails")
        return Outlook("FAIL", text)
    if found.free >= found.wanted:
        return Outlook("ok", text)
    if capabilities.waits_on_busy_node or queue:
        return Outlook("ok", f"{text}, {found.free} free now: it would wait")
    return Outlook("warn", f"{text}, {found.free} free now: until more are, the job fails at once; set queue_timeout")


def requested(job: Mapping[str, Any], capabilities: Capabilities) -> Capacity:
    """What one execution takes, with the server's defaults; what cannot be read counts as nothing."""
    given = _task(job).get("Resources") or {}
    named = {str(name).lower(): str(value) for name, value in given.items() if value not in (None, "")}
    return Capacity(
        cpu=_cores(named["cpu"]) if "cpu" in named else DEFAULT_CPU,
        memory=_bytes(named["memory"]) if "memory" in named else capabilities.default_memory,
        disk=_bytes(named.get("disk", "0")),
        gpu=int(_cores(named.get("gpu", "0"))),
    )


def _against(node: Node, job: Mapping[str, Any], wants: Capacity) -> Iterator[str]:
    """Reasons against a node, what is most telling first."""
    if node.membership not in ("", "APPROVED"):
        yield {"PENDING": "not approved yet"}.get(node.membership, node.membership.lower())
    if node.connection not in ("", "CONNECTED"):
        yield node.connection.lower()
    yield from _lacks(node, _task(job))
    yield from _too_small(wants, node.max_capacity)
    for one in job.get("Constraints") or ():
        key = str(one.get("Key", ""))
        if not key.startswith(FAVOUR) and not is_unknown(one) and not holds(one, node.labels):
            yield f"not {constraint_text(one)}"


def _lacks(node: Node, task: Mapping[str, Any]) -> Iterator[str]:
    engine = _type(task.get("Engine"))
    if not _among(engine, node.engines):
        yield f"without {engine}"
    publisher = _type(task.get("Publisher"))
    if publisher and not _among(publisher, node.publishers):
        yield f"without publisher {publisher}"
    for one in task.get("InputSources") or ():
        source = _type(one.get("Source"))
        if not _among(source, node.storage_sources):
            yield f"without {source} inputs"


def _too_small(wants: Capacity, full: Capacity) -> Iterator[str]:
    if wants.gpu > full.gpu:
        yield "without GPU" if not full.gpu else f"with fewer than {wants.gpu} GPUs"
    if wants.cpu > full.cpu:
        yield f"with less than {wants.cpu:g} CPU"
    if wants.memory > full.memory:
        yield f"with less than {_size(wants.memory)} memory"
    if wants.disk > full.disk:
        yield f"with less than {_size(wants.disk)} disk"


def holds(constraint: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels fulfil a constraint, as Kubernetes reads it: `notin` and `!=` also hold without the key."""
    value = labels.get(str(constraint.get("Key", "")))
    values = [str(one) for one in constraint.get("Values") or ()]
    operator = constraint.get("Operator")
    if operator in ("in", "=", "=="):
        return value is not None and value in values
    if operator in ("notin", "!="):
        return value is None or value not in values
    if operator == "exists":
        return value is not None
    if operator == "!":
        return value is None
    number, bound = _whole(value), _whole(values[0] if values else None)
    if number is None or bound is None:
        return False
    return number > bound if operator == "gt" else number < bound


def constraint_text(constraint: Mapping[str, Any]) -> str:
    """A constraint as people write it: `region=eu`, `region in (eu,us)`, `!spot`, `cores>4`."""
    key, operator = constraint.get("Key", ""), str(constraint.get("Operator", ""))
    values = ",".join(str(one) for one in constraint.get("Values") or ())
    if operator in ("in", "notin"):
        return f"{key} {operator} ({values})"
    if operator in ("exists", "!"):
        return f"{operator.removeprefix('exists')}{key}"
    return f"{key}{_SIGNS.get(operator, operator)}{values}"


def _task(job: Mapping[str, Any]) -> Mapping[str, Any]:
    tasks = job.get("Tasks") or [{}]
    return tasks[0] if isinstance(tasks[0], Mapping) else {}


def _type(part: Any) -> str:
    return str(part.get("Type") or "").strip() if isinstance(part, Mapping) else ""


def _among(kind: str, offered: Sequence[str]) -> bool:
    return is_unknown(kind) or kind.lower() in {one.lower() for one in offered}


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[+-]?\d+", text, re.ASCII) else None


def _cores(text: str) -> float:
    found = _AMOUNT.fullmatch(text.strip())
    return float(found["number"]) * _CORES.get(found["unit"], 0.0) if found else 0.0


def _bytes(text: str) -> int:
    """Bytes of `512MB` (powers of 1000), `1Gi` (powers of 1024) or a plain number."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return 0
    unit = found["unit"].lower().removesuffix("b")
    base = 1024 if unit.endswith("i") else 1000
    power = _LETTERS.get(unit.removesuffix("i"), 0)
    return int(float(found["number"]) * base**power)


def _size(amount: int) -> str:
    units = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
    return next((f"{amount / size:.4g}{name}" for name, size in units if amount >= size), f"{amount} B")
