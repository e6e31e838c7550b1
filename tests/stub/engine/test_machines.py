"""The machines of a cluster."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.shape import NodeShape
from orchestrator_stub.engine.machines import (
    compute_node,
    described_nodes,
    not_offered,
    orchestrator_alone,
    this_machine,
)
from orchestrator_stub.engine.run import Workbench

USUAL = Capacity(16.0, 64 * 10**9, 500 * 10**9, 1)
NOBODY: Any = None


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """What there is: docker and wasm, inline, s3 and local."""
    return Workbench(
        dict.fromkeys(("docker", "wasm"), NOBODY), {"inline": NOBODY}, dict.fromkeys(("s3", "local"), NOBODY), tmp_path
    )


def described(bench: Workbench, *shapes: NodeShape, release: str = "1.9.3") -> Any:
    """Nodes of the shapes; those without a name are called n-1, n-2, ..."""
    numbers = itertools.count(1)
    return described_nodes(shapes, USUAL, bench, RELEASES[release], name=lambda: f"n-{next(numbers)}")


def test_a_node_that_nobody_described_has_all_there_is(bench: Workbench) -> None:
    """The default cluster would not run what the stub can run."""
    node = compute_node("n-1", USUAL, bench, RELEASES["1.9.3"])
    assert (node.engines, node.publishers, node.storage_sources) == (("docker", "wasm"), ("s3", "local"), ("inline",))
    assert node.capacity == USUAL
    assert node.labels == {"name": "n-1", "os_arch": "amd64", "os_type": "linux"}
    assert described(bench, NodeShape(gpu=1)) == [node]


def test_a_described_node_is_what_the_file_says(bench: Workbench) -> None:
    """Jobs would find other nodes than in the cluster that was described."""
    shape = NodeShape("edge", {"zone": "eu", "os_type": "plan9"}, 2.0, 10**9, 10**10, 4, ("Docker",), ())
    (node,) = described(bench, shape)
    assert (node.id, node.engines, node.publishers) == ("edge", ("Docker",), ())
    assert node.labels == {"name": "edge", "os_arch": "amd64", "os_type": "plan9", "zone": "eu"}
    assert node.capacity == Capacity(2.0, 10**9, 10**10, 4)
    (older,) = described(bench, shape, release="1.7.0")
    assert older.labels == {"Architecture": "amd64", "Operating-System": "linux", "zone": "eu", "os_type": "plan9"}


def test_what_is_not_there_is_not_offered_and_somebody_is_told(bench: Workbench) -> None:
    """A job would be sent to a node that cannot run it, or nobody would know why it is not."""
    shapes = (NodeShape("a", engines=("docker", "noop"), publishers=("ipfs", "s3")), NodeShape("b", engines=("noop",)))
    assert [(node.engines, node.publishers) for node in described(bench, *shapes)] == [
        (("docker",), ("s3",)),
        ((), ("s3", "local")),
    ]
    assert not_offered(shapes, bench) == [
        "no node offers the engine noop of the cluster file: the stub does not have it",
        "no node offers the publisher ipfs of the cluster file: the stub does not have it",
    ]


def test_no_two_nodes_have_one_name(bench: Workbench) -> None:
    """A node without a name would take another one's place; with `--data-dir`, after a restart its own is found."""
    nodes = described(bench, NodeShape(), NodeShape("n-3"), NodeShape(), NodeShape("x"))
    assert [node.id for node in nodes] == ["n-1", "n-3", "n-4", "x"]


def test_an_orchestrator_alone_offers_nothing() -> None:
    """Jobs would be placed where nothing runs."""
    node = orchestrator_alone("n-0", RELEASES["1.9.3"])
    assert (node.is_compute, node.engines, node.capacity) == (False, (), Capacity())


@pytest.mark.parametrize(("release", "share"), [("1.9.3", 0.8), ("1.5.2", 0.7)])
def test_this_machine_offers_the_release_s_part_of_it(tmp_path: Path, release: str, share: float) -> None:
    """`--strict` would offer what a server of that release does not."""
    found = this_machine(tmp_path, RELEASES[release])
    assert found.gpu == 0
    assert found.cpu == pytest.approx(round(found.cpu / share) * share, abs=0.01)
    assert 0 < found.memory
    assert 0 < found.disk
