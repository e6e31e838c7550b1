"""A stub that starts where another one ended: which nodes there are again, and what becomes of live work.

It is dealt with as released servers deal with it when the whole server is killed and starts again (FINDINGS 4). They
keep evaluations in memory only, so jobs that were Pending or Queued stay what they are until somebody stops them. All
nodes start with the server, also those that were down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.plan import Observation
from orchestrator_stub.domain.states import DesiredState, JobType
from orchestrator_stub.domain.transitions import ExecutionEvent
from orchestrator_stub.engine.compute import Compute
from orchestrator_stub.engine.evaluations import Evaluations
from orchestrator_stub.store.memory import MemoryStore, Record

AT_ONCE = 2
"""Jobs that are taken up before others may do something."""


def nodes_again(made: Sequence[Node], before: Sequence[tuple[Node, bool]], *, as_before: bool) -> list[Node]:
    """The nodes to start with.

    :param made: by the flags of this start, with the ids of before as far as there are any
    :param before: every node of before, and whether the orchestrator knew it
    :param as_before: the flags say the same about nodes as before; then what was changed while it ran lasts: labels,
        capacity, nodes that were added. Else the flags are right, and only memberships last.
    """
    known: Mapping[str, tuple[Node, bool]] = {node.id: (node, is_known) for node, is_known in before}
    again = [_as_it_was(node, *known[node.id], as_before=as_before) if node.id in known else node for node in made]
    if as_before:
        flags = {node.id for node in made}
        again += [_fresh(node) for node, is_known in before if node.id not in flags and is_known]
    return again


def _as_it_was(made: Node, was: Node, was_known: bool, *, as_before: bool) -> Node:
    if was_known:
        made = replace(made, membership=was.membership)
    return replace(made, labels=was.labels, capacity=was.capacity) if as_before else made


def _fresh(node: Node) -> Node:
    """A node as it says of itself that it is, with what the orchestrator alone decides."""
    return Node(
        id=node.id,
        is_compute=node.is_compute,
        labels=node.labels,
        engines=node.engines,
        publishers=node.publishers,
        storage_sources=node.storage_sources,
        capacity=node.capacity,
        membership=node.membership,
        address=node.address,
    )


async def take_up(
    store: MemoryStore, compute: Compute, evaluations: Evaluations, watch: Callable[[Record], None]
) -> None:
    """What nodes had in hand: batch and ops fail and are placed again, service and daemon run on (since 1.6). Requests
    are answered meanwhile. `watch` is told of every job that is not over: its limits go on."""
    for number, job_id in enumerate(store.live_ids(), 1):
        record = store.by_id(job_id)
        if record is None:
            continue  # all jobs were forgotten meanwhile
        watch(record)
        for execution_id in [e.id for e in record.executions if _was_in_hand(e)]:
            execution = store.execution(execution_id)
            if execution is None or not _was_in_hand(execution) or execution.node_id not in store.nodes:
                continue  # somebody, or what became of another one of its job, has ended it, or its machine is gone
            if JobType(execution.job.type).is_long_running:
                evaluations.reported(execution.node_id, Observation(execution_id, ExecutionEvent.TAKEN_UP))
            compute.begin_with(store.execution(execution_id) or execution)
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)


def _was_in_hand(execution: Execution) -> bool:
    """A node forgets what it only offered."""
    return execution.is_live and execution.desired is DesiredState.RUNNING
