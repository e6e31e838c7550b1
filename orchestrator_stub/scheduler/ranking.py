"""How well each node suits a job, and why not (fact sheet 5.5c; recorded: scenarios 13, 14, 15).

The criteria are asked in the servers' order. A node that fails one is out; the reason shown is that of the *last*
one it fails (a node that is too small for a job is called busy, not small).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Constraint, Job, Resources, Task
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.quantity import bytes_text, parse_bytes, parse_cpu, parse_gpu
from orchestrator_stub.domain.selector import Selector, from_constraints
from orchestrator_stub.domain.states import ComputeState
from orchestrator_stub.scheduler.snapshot import Snapshot

OVERSUBSCRIPTION = 1.5
"""A node takes jobs up to this multiple of its capacity; what does not fit waits there."""
_FAVOUR = "favour_"
_GOOD = 10
_NEVER_RAN_HERE = 30


@dataclass(frozen=True, slots=True)
class Rank:
    """A node's mark; `reason` is "" when it suits."""

    node: Node
    suits: bool
    score: float = 0.0
    reason: str = ""


def rank(snapshot: Snapshot) -> list[Rank]:
    """Marks of all nodes, in the nodes' order. Raises SelectorError for constraints that cannot be understood."""
    job = snapshot.job
    must, favour = _selectors(job)
    wants = requested(job.task)
    current = snapshot.current
    ranks = []
    for at, node in enumerate(snapshot.nodes):
        reason = ""
        for why in _reasons(node, job, must, wants, busy_refuse=snapshot.busy_nodes_refuse):
            reason = why
        past, before = _previous(node, current)
        reason = past or reason
        if reason:
            ranks.append(Rank(node, False, reason=reason))
            continue
        score = 0.0 if before else float(_NEVER_RAN_HERE)
        score += _GOOD if favour.requirements and favour.matches(node.labels) else 0
        score += _free_share(node)
        score += snapshot.luck[at] if snapshot.luck else 0
        ranks.append(Rank(node, True, score))
    return ranks


def requested(task: Task) -> Capacity:
    """A task's resources as amounts."""
    return _amounts(task.resources)


@lru_cache(maxsize=1024)
def _amounts(resources: Resources) -> Capacity:
    return Capacity(
        parse_cpu(resources.cpu) if resources.cpu else 0.0,
        parse_bytes(resources.memory) if resources.memory else 0,
        parse_bytes(resources.disk) if resources.disk else 0,
        parse_gpu(resources.gpu) if resources.gpu else 0,
    )


def capacity_text(capacity: Capacity) -> str:
    """`{CPU: 1.30, Memory: 20 GB, Disk: 197 GB, GPU: 0}`."""
    memory, disk = bytes_text(capacity.memory), bytes_text(capacity.disk)
    return f"{{CPU: {capacity.cpu:.2f}, Memory: {memory}, Disk: {disk}, GPU: {capacity.gpu}}}"


def _reasons(node: Node, job: Job, must: Selector, wants: Capacity, *, busy_refuse: bool) -> Iterator[str]:
    """Why the node does not suit, in the servers' order."""
    task = job.task
    yield from _unsupported((task.engine.type,), node.engines)
    if task.publisher.type:
        yield from _unsupported((task.publisher.type,), node.publishers)
    if task.input_sources:
        yield from _unsupported(tuple(s.source.type for s in task.input_sources), node.storage_sources)
    if must.requirements and not must.matches(node.labels):
        yield f"labels {_labels_text(node)} don't match required selectors {_constraints_text(job)}"
    too_much = _too_much(wants, node.capacity)
    if too_much:
        yield too_much
    if _overloaded(wants, node, busy_refuse=busy_refuse):
        text = f"node busy with available capacity {capacity_text(node.available)}"
        waiting = node.queue_used
        yield text if waiting == Capacity() else f"{text} and queue capacity {capacity_text(waiting)}"


def _unsupported(needed: tuple[str, ...], offered: tuple[str, ...]) -> Iterator[str]:
    known = {o.lower() for o in offered}
    for kind in needed:
        if kind.lower() not in known:
            yield f"does not support {kind}, only {', '.join(offered)}"
            return


def _too_much(wants: Capacity, limit: Capacity) -> str:
    parts = []
    if wants.cpu > limit.cpu:
        parts.append(f"more CPU ({wants.cpu:g}) than the maximum available ({limit.cpu:g})")
    if wants.memory > limit.memory:
        text = f"more memory ({bytes_text(wants.memory)}) than the maximum available ({bytes_text(limit.memory)})"
        parts.append(text)
    if wants.disk > limit.disk:
        parts.append(f"more disk ({bytes_text(wants.disk)}) than the maximum available ({bytes_text(limit.disk)})")
    if wants.gpu > limit.gpu:
        parts.append(f"more GPUs ({wants.gpu}) than the maximum available ({limit.gpu})")
    return f"job requires {' and '.join(parts)}" if parts else ""


def _overloaded(wants: Capacity, node: Node, *, busy_refuse: bool) -> bool:
    """A node takes jobs up to a multiple of its capacity, by the load that it last spoke of: jobs that come before
    it speaks again are taken, and wait there (FINDINGS 1 row 5.6, FINDINGS-docker 7). Nothing larger is ever taken."""
    full = node.capacity
    limit = Capacity(
        full.cpu * OVERSUBSCRIPTION,
        int(full.memory * OVERSUBSCRIPTION),
        int(full.disk * OVERSUBSCRIPTION),
        int(full.gpu * OVERSUBSCRIPTION),
    )
    load = full - node.available + node.queue_used + wants if busy_refuse else wants
    return not load.fits_in(limit)


def _previous(node: Node, current: tuple[Execution, ...]) -> tuple[str, bool]:
    """What earlier executions of this version on the node mean: a reason against it, and whether there were any."""
    here = [e for e in current if e.node_id == node.id]
    if len(here) > 1:
        return "job already executed on this node more than once", True
    if here and (not here[0].compute.is_discarded or here[0].compute is ComputeState.ASK_FOR_BID_REJECTED):
        return "job rejected", True
    return "", bool(here)


def _free_share(node: Node) -> float:
    """0 to 15 by free cores, 0 to 10 by a short queue: a busy node is taken last, but before one that failed."""
    share = node.available.cpu / node.capacity.cpu if node.capacity.cpu else 0.0
    return 15.0 * max(0.0, share) + 10.0 / (1 + node.enqueued)


def _selectors(job: Job) -> tuple[Selector, Selector]:
    if not job.constraints:
        return Selector(), Selector()
    requirements = from_constraints(job.constraints).requirements
    must = tuple(r for r in requirements if not r.key.startswith(_FAVOUR))
    favoured = tuple(_unfavoured(c) for c in job.constraints if c.key.startswith(_FAVOUR))
    return Selector(must), from_constraints(favoured)


def _unfavoured(constraint: Constraint) -> Constraint:
    return Constraint(constraint.key.removeprefix(_FAVOUR), constraint.operator, constraint.values)


def _labels_text(node: Node) -> str:
    shown = [f"{key}:{value}" for key, value in sorted(node.labels.items())]
    return f"map[{' '.join(shown)}]"


def _constraints_text(job: Job) -> str:
    shown = [f"{c.key} {c.operator} {'|'.join(c.values)}" for c in job.constraints]
    return f"[{' '.join(shown)}]"
