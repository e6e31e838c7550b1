"""What waits to be written, and what becomes of it when it cannot be."""

from __future__ import annotations

from orchestrator_stub.domain.events import HistoryItem
from orchestrator_stub.domain.job import Job
from orchestrator_stub.domain.node import Node
from orchestrator_stub.store.changes import Changes


def job(version=1, revision=1):
    """A job."""
    return Job("j-1", "n", "default", "batch", 0, 1, version=version, revision=revision)


def test_a_version_that_is_new_is_written_whole_however_often_it_changes():
    """A job that was submitted and finished between two commits would be without its spec."""
    changes = Changes()
    changes.put_job(1, job(), is_new=True)
    changes.put_job(1, job(revision=2), is_new=False)
    assert (changes.versions, changes.standings) == ({(1, 1): job(revision=2)}, {})
    changes = Changes()
    changes.put_job(1, job(revision=2), is_new=False)
    changes.put_job(1, job(2, 3), is_new=True)
    assert (changes.versions, changes.standings) == ({(1, 2): job(2, 3)}, {(1, 1): job(revision=2)})


def test_what_could_not_be_written_is_written_with_what_came_later():
    """A full disk would cost a change, or bring back an older state."""
    first, later = Changes(), Changes()
    first.new[1] = job()
    first.put_job(1, job(), is_new=True)
    first.history.append((1, HistoryItem(1, 1, "j-1", 1)))
    first.nodes["n"] = Node("n"), True
    first.facts["a"] = "1"
    later.put_job(1, job(revision=2), is_new=False)
    later.put_job(2, job(revision=5), is_new=False)
    later.history.append((1, HistoryItem(2, 2, "j-1", 1)))
    later.nodes["n"] = Node("n"), False
    later.facts["b"] = "2"
    both = first.followed_by(later)
    assert both.new == {1: job()}
    assert both.versions == {(1, 1): job(revision=2)}
    assert both.standings == {(2, 1): job(revision=5)}
    assert [item.seq for _, item in both.history] == [1, 2]
    assert both.nodes == {"n": (Node("n"), False)}
    assert both.facts == {"a": "1", "b": "2"}


def test_what_is_forgotten_is_not_written():
    """Jobs of before a reset would come back with the next start; nodes would be lost by it."""
    first, later = Changes(), Changes()
    first.new[1] = job()
    first.put_job(1, job(), is_new=True)
    first.nodes["n"] = Node("n"), True
    later.put_job(1, job(revision=2), is_new=False)
    later.forget()
    later.new[2] = job()
    both = first.followed_by(later)
    assert both.forgets
    assert (both.new, both.versions, both.standings) == ({2: job()}, {}, {})
    assert list(both.nodes) == ["n"]


def test_nothing_is_nothing():
    """An empty commit would be made for every answer."""
    assert not Changes()
    assert Changes(forgets=True)
    assert Changes(facts={"a": "b"})
