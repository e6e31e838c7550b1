"""Which jobs are looked at again when nodes come and go (FINDINGS 2 row 5.5g)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.engine.reevaluation import Reevaluation
from orchestrator_stub.store.memory import MemoryStore


def setting(build: Any) -> tuple[Reevaluation, VirtualClock, list[tuple[str, str]]]:
    """A daemon, a batch job that runs on n-1, another that waits."""
    cluster = build(nodes=0)
    store, clock, looks = MemoryStore(names=False), VirtualClock(), []
    for name, kind in (("everywhere", "daemon"), ("here", "batch"), ("waiting", "batch"), ("over", "batch")):
        record = store.add_job(replace(cluster.job(name, kind, id=name), id=name, state=JobState.PENDING))
        if name in ("here", "over"):
            execution = type("E", (), {"id": f"e-{name}", "node_id": "n-1", "is_live": name == "here"})()
            store.add_execution(record, execution)
        if name == "over":
            store.put_job(record, replace(record.job, state=JobState.COMPLETED))
    return Reevaluation(clock, store, lambda job, trigger: looks.append((job, trigger))), clock, looks


def test_a_node_that_joins_wakes_daemons_and_its_own_jobs(build: Any) -> None:
    """Broken: a daemon never reaches a node that joins, or every job is looked at for each."""
    watch, clock, looks = setting(build)
    watch.joined("n-1")
    clock.advance(14.9)
    assert looks == []
    clock.advance(0.2)
    assert looks == [("everywhere", "node-join"), ("here", "node-join")]


def test_a_node_that_leaves_concerns_only_what_ran_there(build: Any) -> None:
    """Broken: what ran on a lost node is never replaced."""
    watch, clock, looks = setting(build)
    watch.left("n-2")
    clock.advance(16)
    assert looks == []
    watch.left("n-1")
    clock.advance(16)
    assert looks == [("here", "node-leave")]


def test_changes_in_a_row_are_waited_for(build: Any) -> None:
    """Broken: a cluster that comes up has every job looked at once a node."""
    watch, clock, looks = setting(build)
    for number in range(10):
        watch.joined(f"n-{number}")
        clock.advance(10)
    assert looks == []
    clock.advance(6)
    assert len(looks) == 2


def test_many_changes_are_not_waited_for(build: Any) -> None:
    """Broken: nodes that join one after the other for an hour keep daemons away from all of them."""
    watch, clock, looks = setting(build)
    for number in range(50):
        watch.joined(f"n-{number}")
    assert len(looks) == 2
    clock.advance(60)
    assert len(looks) == 2


def test_after_a_reset_nobody_is_looked_at_for_changes_of_before(build: Any) -> None:
    """Broken: a virtual clock waits for looks at jobs that are gone."""
    watch, clock, looks = setting(build)
    watch.joined("n-1")
    watch.clear()
    watch.clear()
    assert clock.next_due() is None
    clock.advance(60)
    assert looks == []
