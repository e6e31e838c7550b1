"""Planted duplicates, orphans and lost results are seen, and what is right is left alone."""

from __future__ import annotations

import pytest
from cells import Cell
from verdicts import Facts, JobFact, judge

KILL = Cell("submit", "after", "worker-kill", "deferred", "1.9.3")
TERM = Cell("later-look", "after", "worker-term", "inline", "1.9.3")
CLEAR = Cell("quiet", "", "clear", "inline", "1.9.3")
FAILED = Cell("quiet", "", "mark-failed", "inline", "1.9.3")
SUCCESS = Cell("quiet", "", "mark-success", "inline", "1.9.3")
GOOD = JobFact("j-1", "Completed", 10.0, 15.0)
STOPPED = JobFact("j-1", "Stopped", 10.0, 12.0, "airflow 1.1 on_kill")
NEXT = JobFact("j-2", "Completed", 13.0, 16.0)


@pytest.mark.parametrize(
    ("cell", "facts"),
    [
        (KILL, Facts([GOOD], "success", 2, "j-1")),
        (TERM, Facts([STOPPED, NEXT], "success", 2, "j-2")),
        (CLEAR, Facts([STOPPED, NEXT], "success", 2, "j-2", cleared_at=11.0)),
        (CLEAR, Facts([GOOD, JobFact("j-2", "Completed", 20.0, 23.0)], "success", 2, "j-2", cleared_at=17.0)),
        (FAILED, Facts([STOPPED], "failed", 1)),
        (FAILED, Facts([], "failed", 1)),
        (SUCCESS, Facts([STOPPED], "success", 1)),
    ],
)
def test_what_is_right_is_ok(cell, facts):
    """Every run of the matrix would cry wolf."""
    assert judge(cell, facts).word == "ok"


@pytest.mark.parametrize(
    ("cell", "facts", "problem", "words"),
    [
        (TERM, Facts([GOOD, NEXT], "success", 2, "j-2"), "duplicate", "j-1 was alive when j-2 was submitted"),
        (TERM, Facts([GOOD, JobFact("j-2", "Completed", 20, 23)], "success", 2, "j-2"), "duplicate", "had done the work"),
        (KILL, Facts([STOPPED, NEXT], "success", 2, "j-2"), "duplicate", "2 jobs where 1 would do"),
        (CLEAR, Facts([GOOD, NEXT], "success", 2, "j-2", cleared_at=11.0), "duplicate", "was alive"),
        (KILL, Facts([JobFact("j-1", "Running", 10, 11)], "success", 1, "j-1"), "orphan", "1 job(s) alive"),
        (FAILED, Facts([JobFact("j-1", "Pending", 10, 11)], "failed", 1), "orphan", "1 job(s) alive"),
        (KILL, Facts([GOOD], "success", 2, ""), "lost result", "does not lead to the result"),
        (KILL, Facts([GOOD], "success", 2, "j-9"), "lost result", "did not do the work"),
        (KILL, Facts([], "success", 1, ""), "lost result", "without a job"),
        (KILL, Facts([GOOD], "failed", 3, ""), "lost result", "the task is failed after 3 tries"),
        (KILL, Facts([GOOD], "", 1, ""), "lost result", "without a state"),
        (FAILED, Facts([STOPPED], "success", 1), "lost result", "not failed"),
        (CLEAR, Facts([GOOD], "success", 2, "j-1", cleared_at=17.0), "lost result", "from before the clear"),
    ],
)
def test_what_is_wrong_is_seen(cell, facts, problem, words):
    """A defect would be printed as a pass, and the promise be a lie."""
    verdict = judge(cell, facts)
    assert verdict.word == "failed"
    assert words in verdict.problems[problem]


def test_a_weaker_row_is_named_and_covers_only_its_own_kind_of_problem():
    """An exception that was meant for one window would hide other defects."""
    late = Cell("submit", "before-late", "worker-kill", "inline", "1.7.0")
    twins = Facts([GOOD, NEXT], "success", 2, "j-1")
    assert (judge(late, twins).word, judge(late, twins).row) == ("weaker", "X1")
    assert judge(late, Facts([GOOD], "success", 2, "")).word == "failed"
    assert judge(Cell("submit", "before-late", "worker-kill", "inline", "1.8.0"), twins).word == "failed"
    left = Facts([JobFact("j-1", "Running", 10, 11)], "failed", 1)
    assert judge(Cell("fired", "", "mark-failed", "deferred", "1.9.3"), left).row == "X5"
    assert judge(FAILED, left).word == "failed"
    assert judge(late, Facts([GOOD], "success", 2, "j-1")).word == "ok"
