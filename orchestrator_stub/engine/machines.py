"""The machines of a cluster: what each of them can do and offers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.engine.run import Workbench

if TYPE_CHECKING:  # most stubs start without a cluster file
    from orchestrator_stub.domain.shape import NodeShape

ADVERTISED = Capacity(cpu=16, memory=64 * 10**9, disk=500 * 10**9, gpu=1)
"""What each node offers, whatever this machine has, unless `--strict`."""


def compute_node(node_id: str, offered: Capacity, bench: Workbench, release: Release) -> Node:
    """A node that works with the bench, and offers `offered`."""
    return Node(
        id=node_id,
        labels=_labels(node_id, release),
        engines=tuple(bench.runners),
        publishers=tuple(bench.publishers),
        storage_sources=tuple(bench.sources),
        capacity=offered,
    )


def described_node(shape: NodeShape, node_id: str, usual: Capacity, bench: Workbench, release: Release) -> Node:
    """A node as somebody described it, called `node_id`; of engines and publishers it offers those that are here.

    `usual`: what it offers where the description says nothing.
    """
    node = compute_node(node_id, shape.capacity(usual), bench, release)
    return replace(
        node,
        labels={**node.labels, **shape.labels},
        engines=node.engines if shape.engines is None else _found(shape.engines, node.engines),
        publishers=node.publishers if shape.publishers is None else _found(shape.publishers, node.publishers),
    )


def described_nodes(
    shapes: Sequence[NodeShape], usual: Capacity, bench: Workbench, release: Release, *, name: Callable[[], str]
) -> list[Node]:
    """Nodes as a cluster file describes them. `name` gives ids to those that have none."""
    taken = {shape.name for shape in shapes}
    nodes = []
    for shape in shapes:
        node_id = name()  # each node takes one, so that those without a name find theirs again after a restart
        while not shape.name and node_id in taken:
            node_id = name()
        nodes.append(described_node(shape, shape.name or node_id, usual, bench, release))
    return nodes


def not_offered(shapes: Sequence[NodeShape], bench: Workbench) -> list[str]:
    """A sentence for each engine and publisher of a cluster file that its nodes cannot offer."""
    notes: list[str] = []
    for what, here, wanted in (
        ("engine", bench.runners, [each for shape in shapes for each in shape.engines or ()]),
        ("publisher", bench.publishers, [each for shape in shapes for each in shape.publishers or ()]),
    ):
        known = {each.lower() for each in here}
        unknown = dict.fromkeys(each for each in wanted if each.lower() not in known)
        text = "no node offers the {} {} of the cluster file: the stub does not have it"
        notes += [text.format(what, kind) for kind in unknown]
    return notes


def _found(wanted: Sequence[str], here: Sequence[str]) -> tuple[str, ...]:
    known = {each.lower() for each in here}
    return tuple(each for each in wanted if each.lower() in known)


def orchestrator_alone(node_id: str, release: Release) -> Node:
    """A node without a compute side; it runs nothing and needs nobody's approval."""
    return Node(id=node_id, is_compute=False, labels=_labels(node_id, release))


def _labels(node_id: str, release: Release) -> Mapping[str, str]:
    if release.node_name_label:
        return {"name": node_id, "os_arch": "amd64", "os_type": "linux"}
    return {"Architecture": "amd64", "Operating-System": "linux"}


def this_machine(folder: Path, release: Release) -> Capacity:
    """What a released server offers of this machine; disk: of where `folder` is."""
    share = release.allocated_share
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Capacity(
        cpu=round((os.cpu_count() or 1) * share, 3),
        memory=int(memory * share),
        disk=int(shutil.disk_usage(folder).free * share),
    )
