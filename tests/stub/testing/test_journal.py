"""Journal entries as values and as lines."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator_stub.testing.journal import Entry

PLAIN = {
    "seq": 12, "time": "2025-01-01T00:00:01.250000001Z", "method": "PUT", "path": "/api/v1/orchestrator/jobs",
    "query": "", "status": 0, "client": "airflow", "request_id": "r", "jobs": ["j-1", "j-2"], "fault": "f-1 drop_reply",
    "runner": "scripted",
}  # fmt: skip


def test_an_entry_is_read_whole():
    """A test could not ask what a request did."""
    entry = Entry.from_plain(PLAIN)
    assert entry.time == datetime(2025, 1, 1, 0, 0, 1, 250_000, tzinfo=UTC)
    assert (entry.seq, entry.status, entry.jobs, entry.runner) == (12, 0, ("j-1", "j-2"), "scripted")


def test_a_line_says_what_was_asked_and_what_became_of_it():
    """A lost answer could not be told from one that came."""
    line = str(Entry.from_plain(PLAIN))
    assert line == "  12  00:00:01.250000  PUT    /api/v1/orchestrator/jobs -> no answer  [f-1 drop_reply]  j-1, j-2"
    answered = PLAIN | {"status": 200, "fault": "", "jobs": [], "query": "limit=1"}
    assert str(Entry.from_plain(answered)).endswith("/api/v1/orchestrator/jobs?limit=1 -> 200")
