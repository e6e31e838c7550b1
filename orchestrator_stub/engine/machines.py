"""The machines of a new cluster: what each of them can do and offers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import Release
from orchestrator_stub.engine.run import Workbench

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
