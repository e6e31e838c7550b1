"""How well a node suits a job, and why not (fact sheet 5.5c; recorded: scenarios 13, 14, 15).

The criteria are asked in the servers' order. A node that fails one is out; the reason shown is that of the *last*
one it fails (a node that is too small for a job is called busy, not small).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Constraint, Job, Resources, Task
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.quantity import bytes_text, parse_bytes, parse_cpu, parse_gpu
from orchestrator_stub.domain.selector import Selector, from_constraints
from orchestrator_stub.domain.states import ComputeState

OVERSUBSCRIPTION = 1.5
"""A node takes jobs up to this multiple of its capacity; what does not fit waits there."""
_FAVOUR = "favour_"
_GOOD = 10
_NEVER_RAN_HERE = 30


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


# Reasons against a node, in the servers' order; "" = none.


def lacks(job: Job, node: Node) -> str:
    """Something that the node has no support for."""
    task = job.task
    reason = _unsupported((task.engine.type,), node.engines)
    if task.publisher.type:
        reason = _unsupported((task.publisher.type,), node.publishers) or reason
    if task.input_sources:
        reason = _unsupported(tuple(s.source.type for s in task.input_sources), node.storage_sources) or reason
    return reason


def _unsupported(needed: tuple[str, ...], offered: tuple[str, ...]) -> str:
    known = {o.lower() for o in offered}
    for kind in needed:
        if kind.lower() not in known:
            return f"does not support {kind}, only {', '.join(offered)}"
    return ""


def selectors(job: Job) -> tuple[Selector, Selector]:
    """What a node's labels have to match, and what they had better. Raises SelectorError for constraints that cannot
    be understood."""
    if not job.constraints:
        return Selector(), Selector()
    requirements = from_constraints(job.constraints).requirements
    must = tuple(r for r in requirements if not r.key.startswith(_FAVOUR))
    favoured = tuple(_unfavoured(c) for c in job.constraints if c.key.startswith(_FAVOUR))
    return Selector(must), from_constraints(favoured)


def _unfavoured(constraint: Constraint) -> Constraint:
    return Constraint(constraint.key.removeprefix(_FAVOUR), constraint.operator, constraint.values)


def mismatch(job: Job, must: Selector, labels: Mapping[str, str]) -> str:
    """Labels that do not match."""
    if not must.requirements or must.matches(labels):
        return ""
    shown = " ".join(f"{key}:{value}" for key, value in sorted(labels.items()))
    wanted = " ".join(f"{c.key} {c.operator} {'|'.join(c.values)}" for c in job.constraints)
    return f"labels map[{shown}] don't match required selectors [{wanted}]"


def too_much(wants: Capacity, limit: Capacity) -> str:
    """More than the node has."""
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


def most_taken(node: Node) -> Capacity:
    """A node takes jobs up to a multiple of its capacity, by the load that it last spoke of: jobs that come before
    it speaks again are taken, and wait there (FINDINGS 1 row 5.6, FINDINGS-docker 7). Nothing larger is ever taken."""
    full = node.capacity
    return Capacity(
        full.cpu * OVERSUBSCRIPTION,
        int(full.memory * OVERSUBSCRIPTION),
        int(full.disk * OVERSUBSCRIPTION),
        int(full.gpu * OVERSUBSCRIPTION),
    )


def spoken_load(node: Node) -> Capacity:
    """What runs and waits there, by its last word."""
    return node.capacity - node.available + node.queue_used


def busy(node: Node) -> str:
    """The words for a node that is full."""
    text = f"node busy with available capacity {capacity_text(node.available)}"
    waiting = node.queue_used
    return text if waiting == Capacity() else f"{text} and queue capacity {capacity_text(waiting)}"


def verdict_on(here: list[Execution]) -> str:
    """What the executions of a job's current version on one node, at least one, say against it."""
    if len(here) > 1:
        return "job already executed on this node more than once"
    if not here[0].compute.is_discarded or here[0].compute is ComputeState.ASK_FOR_BID_REJECTED:
        return "job rejected"
    return ""


# Marks of nodes that suit.


def score(share: float, *, favoured: bool, ran_here: bool) -> float:
    """A node's mark without luck. `share`: its `free_share`; `favoured`: it matches what the job favours; `ran_here`:
    the job's current version was there before."""
    return (0.0 if ran_here else float(_NEVER_RAN_HERE)) + (_GOOD if favoured else 0) + share


def free_share(node: Node) -> float:
    """0 to 15 by free cores, 0 to 10 by a short queue: a busy node is taken last, but before one that failed."""
    share = node.available.cpu / node.capacity.cpu if node.capacity.cpu else 0.0
    return 15.0 * max(0.0, share) + 10.0 / (1 + node.enqueued)
