"""What nodes mean for a job is worked out once, and is the same as if every node had been asked every time."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from orchestrator_stub.domain.job import Constraint, InputSource, Resources, SpecConfig
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.selector import SelectorError
from orchestrator_stub.domain.states import ComputeState
from orchestrator_stub.scheduler import ranking, workers
from orchestrator_stub.scheduler.matching import match
from orchestrator_stub.scheduler.snapshot import Snapshot
from orchestrator_stub.scheduler.workers import OUT, Workers

GB = 1_000_000_000
MANY = 40


def random_node(dice: random.Random, number: int) -> Node:
    """Some node."""
    full = Capacity(dice.choice([0.0, 0.5, 2.0, 16.0]), dice.choice([1, 16]) * GB, 100 * GB, dice.choice([0, 0, 2]))
    return Node(
        f"n-{number}",
        engines=dice.choice([("docker",), ("Docker", "wasm"), ()]),
        publishers=dice.choice([("s3",), ("s3", "local")]),
        storage_sources=dice.choice([("inline",), ("inline", "s3")]),
        labels={"zone": dice.choice("ab"), "name": f"n-{number}"},
        capacity=full,
        available=Capacity(round(full.cpu * dice.random(), 2), dice.randrange(full.memory), full.disk, full.gpu),
        enqueued=dice.randrange(3),
        queue_used=Capacity(dice.choice([0.0, 0.0, 4.0])),
    )


def random_job(world: Any, dice: random.Random) -> Any:
    """Some job."""
    constraints = [(), (Constraint("zone", "=", ("a",)),), (Constraint("favour_zone", "=", ("b",)),)]
    return world.job(
        engine=SpecConfig(dice.choice(["docker", "DOCKER", "wasm"])),
        publisher=SpecConfig(dice.choice(["", "s3", "local"])),
        inputs=dice.choice([(), (InputSource(SpecConfig("s3"), "/a"),)]),
        resources=Resources(dice.choice(["", "0.5", "2", "3", "30"]), dice.choice(["1gb", "16gb"]), gpu=dice.choice(["", "1"])),
        constraints=dice.choice(constraints),
    )


def asked_one_by_one(snapshot: Snapshot) -> tuple[list[str], list[float]]:
    """Reasons and marks, by asking every node for this job alone, in the servers' order."""
    job, wants = snapshot.job, ranking.requested(snapshot.job.task)
    must, favour = ranking.selectors(job)
    reasons, scores = [], []
    for node, luck in zip(snapshot.workers.nodes, snapshot.luck or (), strict=True):
        reason = ranking.lacks(job, node)
        reason = ranking.mismatch(job, must, node.labels) or reason
        reason = ranking.too_much(wants, node.capacity) or reason
        load = node.capacity - node.available + node.queue_used + wants if snapshot.busy_nodes_refuse else wants
        if not load.fits_in(ranking.most_taken(node)):
            reason = ranking.busy(node)
        here = [e for e in snapshot.executions if e.node_id == node.id]
        reason = (ranking.verdict_on(here) if here else "") or reason
        favoured = bool(favour.requirements) and favour.matches(node.labels)
        mark = ranking.score(ranking.free_share(node), favoured=favoured, ran_here=bool(here)) + luck
        reasons.append(reason)
        scores.append(OUT if reason else mark)
    return reasons, scores


@pytest.mark.parametrize("seed", range(MANY))
def test_remembering_changes_no_mark_no_reason_and_no_choice(world: Any, seed: int) -> None:
    """With many nodes a job would be placed elsewhere, or told otherwise why it is not."""
    dice = random.Random(seed)
    nodes = [random_node(dice, number) for number in range(12)]
    known = Workers(nodes)
    for _ in range(10):
        job = random_job(world, dice)
        ran = [
            replace(world.execution(job, world.node(), dice.choice(list(ComputeState))), node_id=dice.choice(nodes).id)
            for _ in range(dice.randrange(3))
        ]
        luck = [dice.randrange(5) for _ in nodes]
        refuse = dice.random() < 0.5
        snapshot = Snapshot(job, tuple(ran), known, RELEASES["1.9.3"], world.now, luck, None, refuse)
        reasons, scores = asked_one_by_one(snapshot)
        found = match(snapshot)
        assert (list(found.reasons), list(found.scores)) == (reasons, scores)
        best = sorted((at for at in range(12) if not reasons[at]), key=lambda at: -scores[at])
        assert found.best() == [nodes[at] for at in best]
        assert found.best(1) == [nodes[at] for at in best[:1]]
        assert found.best(3) == [nodes[at] for at in best[:3]]
        assert found.suitable == len(best)
        spoken = [replace(node, available=random_node(dice, 0).available) for node in dice.sample(nodes, 3)]
        nodes = [next((each for each in spoken if each.id == node.id), node) for node in nodes]
        known = known.with_loads(spoken)


def test_equal_wishes_are_worked_out_once(world: Any, monkeypatch: Any) -> None:
    """Every job would ask every node, and a thousand of them would not answer for seconds."""
    asked: list[str] = []
    monkeypatch.setattr(workers, "lacks", lambda job, node: asked.append(node.id) or ranking.lacks(job, node))
    known = Workers([world.node(1), world.node(2, engines=())])
    first = known.marks(world.job(), busy_refuse=True)
    assert asked == [world.node(1).id, world.node(2).id]
    assert known.marks(world.job(count=7), busy_refuse=True) is first
    assert known.marks(world.job(resources=Resources("9")), busy_refuse=True) is not first
    known.with_loads([world.node(1, enqueued=3)]).marks(world.job(), busy_refuse=True)
    assert len(asked) == 2, "what a node can do does not change with its load"


def test_only_so_many_different_wishes_are_remembered(world: Any) -> None:
    """A stub that sees ever new jobs would grow without end."""
    known = Workers([world.node()])
    for number in range(500):
        known.marks(world.job(resources=Resources(str(number / 1000))), busy_refuse=True)
        known.marks(world.job(engine=SpecConfig(f"e{number}")), busy_refuse=True)
    assert len(known._marks) == len(known._fits) == 64


def test_constraints_that_nobody_understands_are_an_error_each_time(world: Any) -> None:
    """The second look at such a job would place it."""
    known = Workers([world.node()])
    job = world.job(constraints=(Constraint("zone", "gt", ("abc",)),))
    for _ in range(2):
        with pytest.raises(SelectorError):
            known.marks(job, busy_refuse=True)


def test_what_was_known_before_a_word_stays_as_it_was(world: Any) -> None:
    """A look that is under way would see the load of a later moment."""
    before = Workers([world.node(1), world.node(2)])
    after = before.with_loads([world.node(2, enqueued=4)])
    assert [node.enqueued for node in before.nodes] == [0, 0]
    assert [node.enqueued for node in after.nodes] == [0, 4]
    assert after.place_of(world.node(2).id) == 1
    assert after.place_of("n-nowhere") is None
    one, other = (each.marks(world.job(), busy_refuse=True).scores for each in (before, after))
    assert one[0] == other[0]
    assert one[1] > other[1]
