"""The journal: the last requests, numbered, and the jobs that were submitted."""

from __future__ import annotations

import pytest

from orchestrator_stub.engine.journal import RING, Journal, JournalEntry, Submission, by_label, by_task


def row(path: str, *jobs: str, submission: Submission | None = None):
    """An answered request."""
    return (1, "PUT", path, b"a=%20", 200, b"curl/8", b"id-\xff", jobs, "f-1 hang", "wasm", submission)


def paths(entries):
    """Which entries these are."""
    return [entry.path for entry in entries]


@pytest.fixture
def full():
    """Six entries, every other about j-1."""
    journal = Journal()
    for number, path in enumerate("abcdef"):
        journal.append(row(path, ("j-1", "j-23")[number % 2]))
    return journal


def test_the_oldest_entry_makes_room() -> None:
    """The journal would grow without end, or its numbers start again."""
    journal = Journal(size=2)
    for path in ("/a", "/b", "/c"):
        journal.append(row(path))
    assert [(e.seq, e.path) for e in journal.entries()] == [(2, "/b"), (3, "/c")]
    journal.clear()
    journal.append(row("/d"))
    assert [e.seq for e in journal.entries()] == [4]
    assert journal.last == 4


def test_it_keeps_100_000_entries() -> None:
    """A test would look for a request that is gone already."""
    journal = Journal()
    for _ in range(RING + 5):
        journal.append(row("/a"))
    entries = journal.entries()
    assert (RING, len(entries), entries[0].seq) == (100_000, 100_000, 6)


def test_an_entry_says_all_that_was_kept() -> None:
    """A column of the journal would show another one's value."""
    journal = Journal()
    journal.append(row("/a", "j-1"))
    assert journal.entries() == [
        JournalEntry(1, 1, "PUT", "/a", "a=%20", 200, "curl/8", "id-\ufffd", ("j-1",), "f-1 hang", "wasm")
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"job": "j-1"}, "ace"),
        ({"job": "j-2"}, "bdf"),
        ({"job": "j-"}, "abcdef"),
        ({"job": "j-3"}, ""),
        ({"since": 4}, "ef"),
        ({"since": 9}, ""),
        ({"job": "j-1", "since": 1}, "ce"),
        ({"limit": 2}, "ab"),
        ({"since": 2, "limit": 2}, "cd"),
        ({"newest": 2}, "ef"),
        ({"job": "j-1", "newest": 2}, "ce"),
        ({"newest": 50, "limit": 50}, "abcdef"),
    ],
)
def test_entries_can_be_chosen(full, asked, found) -> None:
    """A double submit could not be seen among other requests, or pages would overlap."""
    assert "".join(paths(full.entries(**asked))) == found


def test_parts_are_those_of_when_they_were_asked_for(full, monkeypatch) -> None:
    """A slow reader would never come to the end of a busy journal, or break it."""
    monkeypatch.setattr("orchestrator_stub.engine.journal.PART", 4)
    parts = full.parts()
    first = next(parts)
    full.append(row("g"))
    assert [paths(first), *map(paths, parts)] == [list("abcd"), list("ef")]


def submission(job: str, dag: str = "etl", task: str = "clean", run: str = "r1", index: str = "-1", **labels: str):
    """A job as the provider submits it."""
    meta = {"airflow-dag-id": dag, "airflow-task-id": task, "airflow-run-id": run, "airflow-map-index": index}
    return Submission(job, labels, {key: value for key, value in meta.items() if value})


def test_submissions_are_those_entries_that_made_one(full) -> None:
    """A read, or a submit that was refused, would count as a submission."""
    made = submission("j-1")
    full.append(row("put", "j-1", submission=made))
    full.append(row("get", "j-1"))
    full.append(row("put", "j-1", submission=made))
    assert full.submissions() == [made, made]
    full.clear()
    assert full.submissions() == []


def test_a_double_submit_is_two_jobs_of_one_task() -> None:
    """Two jobs of one task would look like two tasks, or mapped tasks like a double submit."""
    found = [
        submission("j-1"),
        submission("j-2", run="r2"),
        submission("j-3"),
        submission("j-4", index="0"),
        submission("j-5", index="1"),
        submission("j-6", dag=""),
        submission("j-7", dag="other", index=""),
    ]
    values = by_task(found)
    assert values == {
        "etl/clean/r1": ["j-1", "j-3"],
        "etl/clean/r2": ["j-2"],
        "etl/clean/r1/0": ["j-4"],
        "etl/clean/r1/1": ["j-5"],
        "other/clean/r1": ["j-7"],
    }
    assert by_task(found, dag="etl", run="r2") == {"etl/clean/r2": ["j-2"]}
    assert by_task(found, task="clea") == {}


def test_submissions_by_label() -> None:
    """Jobs of one Airflow key could not be counted."""
    found = [submission("j-1", key="k1"), submission("j-2", key="k2"), submission("j-3"), submission("j-4", key="k1")]
    assert by_label(found, "key") == {"k1": ["j-1", "j-4"], "k2": ["j-2"]}
