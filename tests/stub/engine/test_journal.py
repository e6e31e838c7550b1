"""The journal: the last requests, numbered."""

from __future__ import annotations

from orchestrator_stub.engine.journal import Journal, JournalEntry


def entry(path: str, *jobs: str) -> JournalEntry:
    """An answered request."""
    return JournalEntry(1, "PUT", path, "", 200, jobs=jobs)


def test_the_oldest_entry_makes_room() -> None:
    """Broken: the journal grows without end, or its numbers start again."""
    journal = Journal(size=2)
    for path in ("/a", "/b", "/c"):
        journal.append(entry(path))
    assert [(e.seq, e.path) for e in journal.entries()] == [(2, "/b"), (3, "/c")]
    journal.clear()
    journal.append(entry("/d"))
    assert [e.seq for e in journal.entries()] == [4]


def test_entries_of_a_job_and_since_a_number() -> None:
    """Broken: a double submit cannot be seen among other requests."""
    journal = Journal()
    journal.append(entry("/a", "j-1"))
    journal.append(entry("/b", "j-2"))
    journal.append(entry("/c", "j-1"))
    assert [e.path for e in journal.entries(job="j-1")] == ["/a", "/c"]
    assert [e.path for e in journal.entries(job="j-1", since=1)] == ["/c"]
