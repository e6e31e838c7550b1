"""The store that outlives its process knows the same as one in memory, before a restart and after it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.events import Event, HistoryItem
from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.domain.states import ComputeState, JobState
from orchestrator_stub.store.changes import SavedLog
from orchestrator_stub.store.database import Database
from orchestrator_stub.store.durable import DurableStore
from orchestrator_stub.store.memory import MemoryStore


@pytest.fixture
def opened(tmp_path):
    """`opened()`: a store that begins with what is on disk; one is open at a time."""
    databases = []

    def again(names=True):
        if databases:
            databases.pop().close()
        databases.append(Database(tmp_path / "state.db"))
        store = DurableStore(databases[0], names=names)
        store.flush = lambda: databases[0].write(store.take())
        return store

    yield again
    for database in databases:
        database.close()


def job(number, **changes):
    """A job of its own."""
    values = {"name": f"name-{number}", "namespace": "ab"[number % 2], "type": "batch", "priority": 0, "count": 1}
    return Job(f"j-{number:08x}-0000-4000-8000-000000000000", **(values | {"version": 1, "labels": {f"l{number % 7}": ""}} | changes))


def change(store, dice):
    """Something that a planner might do, the same to every store for the same dice."""
    records = list(store.in_order(""))
    what = dice.randrange(8)
    if what == 0 or not records:
        store.add_job(job(len(store)))
        return
    record = records[dice.randrange(len(records))]
    now = record.job.revision + 1
    if what == 1:
        state = dice.choice(list(JobState))
        store.put_job(record, replace(record.job, state=state, revision=now, message=str(now)))
    elif what == 2:
        newer = replace(record.job, version=record.job.version + 1, state=JobState.PENDING, labels={f"v{now}": ""})
        store.put_job(record, newer)
    elif what == 3:
        at = len(record.executions)
        name = f"e-{record.job.id}-{at}"
        store.add_execution(record, Execution(name, "a", "ev", "n-1", record.job.id, record.job, record.job.version))
    elif what == 4 and record.executions:
        execution = record.executions[dice.randrange(len(record.executions))]
        compute = dice.choice(list(ComputeState))
        store.put_execution(record, replace(execution, compute=compute, revision=execution.revision + 1))
    elif what == 5:
        name = f"n-{dice.randrange(4)}"
        store.put_node(Node(name, labels={"x": str(now)}))
    elif what == 6:
        store.remove_node(f"n-{dice.randrange(4)}")
    else:
        event = Event("t", f"m{now}", {"a": "b"} if now % 2 else {})
        seq = len(record.history) + 1
        store.add_history(record, HistoryItem(seq, now, record.job.id, record.job.version, event=event))


def all_of(store):
    """Everything that a store knows, its ways to find a job included."""
    return (
        [(r.job, r.earlier, r.executions, r.history) for r in store.in_order("")],
        [[r.job.id for r in store.in_order(namespace, reverse=True)] for namespace in "ab"],
        [store.by_name(r.job.name, r.job.namespace) is r for r in store.in_order("")],
        [[store.by_execution(e.id) is r for e in r.executions] for r in store.in_order("")],
        sorted(r.job.id for r in store.live()),
        store.label_keys,
        [store.find(r.job.id[:10]) is r for r in store.in_order("")],
        len(store),
    )


@pytest.mark.parametrize("seed", range(6))
def test_it_knows_the_same_as_one_in_memory_whenever_it_starts_again(opened, seed):
    """After a restart a job, an execution or a line of history would be missing, old, or in another order."""
    dice, same_dice = random.Random(seed), random.Random(seed)
    memory, store = MemoryStore(names=True), opened()
    known = {}
    for _ in range(5):
        for _ in range(dice.randrange(1, 60)):
            same_dice.setstate(dice.getstate())
            change(memory, same_dice)
            change(store, dice)
            if dice.random() < 0.3:
                store.flush()
            assert store.nodes == memory.nodes
            known |= store.nodes
        store.flush()
        assert all_of(store) == all_of(memory)
        nodes = store.nodes
        store = opened()
        assert [(node, node.id in nodes) for node in known.values()] == store.machines
        assert all_of(store) == all_of(memory)
        store.nodes.update(memory.nodes)


def test_a_change_after_a_restart_builds_on_what_was_there(opened):
    """The first change after a restart would lose everything before it."""
    store = opened()
    record = store.add_job(job(1))
    store.add_history(record, HistoryItem(1, 1, record.job.id, 1, event=Event("t", "first")))
    store.add_execution(record, Execution("e-1", "a", "ev", "n", record.job.id, record.job, 1))
    store.flush()
    store = opened()
    again = store.find("j-00000001")
    store.add_history(again, HistoryItem(len(again.history) + 1, 2, again.job.id, 1, event=Event("t", "second")))
    store.put_execution(again, replace(again.executions[0], compute=ComputeState.FAILED))
    store.add_job(job(2))
    store.flush()
    store = opened()
    assert [item.event.message for item in store.find("j-00000001").history] == ["first", "second"]
    assert [e.compute for e in store.find("j-00000001").executions] == [ComputeState.FAILED]
    assert [r.job.name for r in store.in_order("")] == ["name-1", "name-2"]


def test_only_what_is_asked_for_is_read(opened, monkeypatch):
    """A start would take longer with every job that ever was."""
    store = opened()
    for number in range(20):
        record = store.add_job(job(number))
        store.put_job(record, replace(record.job, state=JobState.COMPLETED))
    store.flush()
    asked = []
    versions = Database.versions
    monkeypatch.setattr(Database, "versions", lambda self, number: asked.append(number) or versions(self, number))
    store = opened()
    assert (len(store), store.live(), asked) == (20, [], [])
    assert store.find("j-00000003").job.name == "name-3"
    assert store.by_name("name-4", "a").job.id.startswith("j-00000004")
    assert store.find("j-00000003").earlier == []
    assert asked == [4, 5]


def test_ids_that_were_given_are_refused_after_a_restart(opened):
    """Two jobs would have one id."""
    store = opened()
    store.add_job(job(1))
    store.flush()
    with pytest.raises(OrchestratorError, match="job already exists"):
        opened().add_job(job(1))


def test_without_names_nobody_is_found_by_name(opened):
    """Releases before 1.8 would find jobs by name after a restart."""
    store = opened()
    store.add_job(job(1))
    store.flush()
    assert opened(names=False).by_name("name-1", "b") is None


def test_what_cannot_be_written_waits(opened):
    """A change would be lost with the commit that failed."""
    store = opened()
    record = store.add_job(job(1))
    taken = store.take()
    store.put_job(record, replace(record.job, state=JobState.COMPLETED))
    store.put_back(taken)
    store.flush()
    (found,) = opened().in_order("")
    assert found.job.state is JobState.COMPLETED


def test_the_first_change_after_a_commit_is_told_once(opened):
    """Nobody would write what no request waits for, or somebody would be woken for every line of history."""
    store = opened()
    told = []
    store.changed = lambda: told.append(store.count)
    store.add_job(job(1))
    store.add_job(job(2))
    assert len(told) == 1
    store.take()
    store.add_job(job(3))
    assert (len(told), store.count) == (2, 3)


def test_forgotten_jobs_stay_forgotten(opened):
    """What was reset would be back after a restart."""
    store = opened()
    store.add_job(job(1))
    store.put_log("e-1", SavedLog("e-1", 5, 0, True))
    store.put_node(Node("n-1"))
    store.flush()
    store.add_job(job(2))
    store.forget_jobs()
    kept = store.add_job(job(3))
    store.flush()
    assert (list(store.in_order("")), store.logs) == ([kept], {})
    store = opened()
    assert ([r.job.name for r in store.in_order("")], store.logs) == (["name-3"], {})
    assert [node.id for node, _ in store.machines] == ["n-1"]


def test_logs_and_facts_come_back(opened):
    """A log would be lost with the process, or kept for ever."""
    store = opened()
    store.put_log("e-1", SavedLog("e-1.2", 5, 3, False, b"12345678"))
    store.put_log("e-2", SavedLog("e-2", 6, 0, True))
    store.put_fact("a", "1")
    store.flush()
    store = opened()
    assert store.log("e-1") == SavedLog("e-1.2", 5, 3, False, b"12345678")
    assert (store.logs, store.facts) == ({"e-1": 5, "e-2": 6}, {"a": "1"})
    store.drop_log("e-1")
    store.drop_log("e-1")
    store.put_fact("a", "1")
    assert store.count == 1
    store.flush()
    store = opened()
    assert (store.log("e-1"), list(store.logs)) == (None, ["e-2"])
