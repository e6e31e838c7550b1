"""Which nodes suit a job, and the recorded words for why not (scenarios 13 and 14)."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator_stub.domain.job import Constraint, InputSource, Resources, SpecConfig
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.quantity import bytes_text
from orchestrator_stub.domain.states import ComputeState

HEAD = "not enough nodes to run job. requested: 1, available: 1, suitable: 0.\n• Node n-00000001: "
GB = 1_000_000_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"engine": SpecConfig("foo")}, "does not support foo, only docker, wasm"),
        ({"publisher": SpecConfig("ipfs")}, "does not support ipfs, only local, s3"),
        (
            {"inputs": (InputSource(SpecConfig("inline"), "/a"), InputSource(SpecConfig("s3"), "/b"))},
            "does not support s3, only urldownload, inline",
        ),
        (
            {"constraints": (Constraint("a", "=", ("1",)), Constraint("b", "in", ("2", "3")))},
            "labels map[a:b zone:z1] don't match required selectors [a = 1 b in 2|3]",
        ),
        (
            {"constraints": (Constraint("none", "exists"),)},
            "labels map[a:b zone:z1] don't match required selectors [none exists ]",
        ),
        (
            {"resources": Resources("2.5", "1gb")},
            "job requires more CPU (2.5) than the maximum available (2)",
        ),
        (
            {"resources": Resources("1000", "1gb")},
            "node busy with available capacity {CPU: 2.00, Memory: 16 GB, Disk: 100 GB, GPU: 0}",
        ),
        ({"resources": Resources("1", "20gb")}, "job requires more memory (20 GB) than the maximum available (16 GB)"),
        (
            {"resources": Resources(gpu="1")},
            "node busy with available capacity {CPU: 2.00, Memory: 16 GB, Disk: 100 GB, GPU: 0}",
        ),
    ],
)
def test_why_a_node_does_not_suit(world: Any, changes: dict[str, Any], reason: str) -> None:
    """Broken: the scheduler explains a refusal in other words than the servers."""
    plan = world.decide(world.job(**changes), [world.node()])
    assert plan.job_message == HEAD + reason


def test_the_last_reason_is_the_one_shown(world: Any) -> None:
    """Broken: a job that fails several criteria shows the first; servers show the last (scenario 14, everything)."""
    job = world.job(engine=SpecConfig("foo"), constraints=(Constraint("a", "=", ("x",)),))
    assert "don't match required selectors" in world.decide(job, [world.node()]).job_message


def test_engine_names_ignore_case(world: Any) -> None:
    """Broken: `WASM` is not wasm."""
    assert world.decide(world.job(engine=SpecConfig("WASM")), [world.node()]).new


def test_the_freer_node_is_taken(world: Any) -> None:
    """Broken: jobs pile up on a busy node while another is idle."""
    busy = world.node(1, available=Capacity(0.1, GB, GB, 0))
    plan = world.decide(world.job(), [busy, world.node(2)])
    assert plan.new[0].node_id == world.node(2).id


@pytest.mark.parametrize("release", ["1.5.2", "1.6.5", "1.9.3"])
def test_a_node_takes_half_as_much_again_as_it_has(world: Any, release: str) -> None:
    """Broken: a node that said it is full is sent jobs, or one that has some room in its queue is not."""
    full = {"available": Capacity(0.0, 16 * GB, 100 * GB, 0)}
    room = world.node(queue_used=Capacity(0.5), **full)
    assert world.decide(world.job(), [room], release=release).new
    none = world.node(queue_used=Capacity(0.6), **full)
    assert world.decide(world.job(), [none], release=release, busy_nodes_refuse=False).new
    text = world.decide(world.job(), [none], release=release).job_message
    assert text.endswith("CPU: 0.00, Memory: 16 GB, Disk: 100 GB, GPU: 0} and queue capacity {CPU: 0.60, Memory: 0 B, Disk: 0 B, GPU: 0}")


def test_a_node_that_failed_is_taken_last(world: Any) -> None:
    """Broken: a retry goes to the node that just failed although another is free enough."""
    job = world.job()
    failed = world.execution(job, world.node(1), ComputeState.FAILED)
    other = world.node(2, available=Capacity(0.1, GB, GB, 0), enqueued=5)
    assert world.decide(job, [world.node(1), other], [failed]).new[0].node_id == other.id


def test_favoured_labels_decide_but_do_not_exclude(world: Any) -> None:
    """Broken: `favour_` constraints are requirements, or without effect."""
    job = world.job(constraints=(Constraint("favour_zone", "=", ("z2",)),))
    assert world.decide(job, [world.node(1), world.node(2)]).new[0].node_id == world.node(2).id
    assert world.decide(job, [world.node(1)]).new


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 B"), (9, "9 B"), (10, "10 B"), (999, "999 B"), (1500, "1.5 kB"), (16 * GB, "16 GB"), (512 * 10**6, "512 MB")],
)
def test_amounts_in_words(amount: int, text: str) -> None:
    """Broken: capacities in texts are written otherwise than the servers write them."""
    assert bytes_text(amount) == text
