"""The table outlives a run, and the report hides nothing of it."""

from __future__ import annotations

from cells import Cell
from report import Line, plain, read_table, report
from verdicts import Facts, JobFact, judge

FINE = Cell("submit", "after", "worker-kill", "deferred", "1.9.3")
BAD = Cell("quiet", "", "clear", "inline", "1.5.2")
WEAK = Cell("submit", "before-late", "worker-kill", "inline", "1.5.2")
GOOD = JobFact("j-1", "Completed", 10.0, 15.0)
TWIN = JobFact("j-2", "Running", 12.0, 12.0)


def line(cell, facts):
    """What is kept of a cell."""
    return Line.of(cell, judge(cell, facts), facts, 21.04)


LINES = [
    line(FINE, Facts([GOOD], "success", 2, "j-1")),
    line(BAD, Facts([GOOD, TWIN], "success", 2, "j-1", 11.0)),
    line(WEAK, Facts([GOOD, TWIN], "success", 2, "j-1")),
    Line.missed(Cell("fired", "", "clear", "deferred", "1.5.2"), "the moment did not come", 45.0),
]


def test_the_newest_line_of_a_cell_counts(tmp_path):
    """A run of several days would lose what it saw, or a repaired cell would stay failed for ever."""
    table = tmp_path / "table.jsonl"
    assert read_table(table) == []
    again = line(BAD, Facts([GOOD], "success", 2, "j-1"))
    table.write_text("".join(plain(one) + "\n" for one in [*LINES, again]))
    assert read_table(table) == [LINES[0], again, *LINES[2:]]


def test_every_cell_that_is_not_ok_is_told():
    """A failed cell would be one number among many, or be counted as a pass."""
    text = report(LINES)
    assert "4 cells: 1 ok, 1 weaker, 1 failed, 1 missed" in text
    assert "| clear | inline | 1.5.2 | 3.3.2 | 1 | 1 | 1 | 1 | 0 | 0 |" in text
    assert "| worker-kill | inline | 1.5.2 | 3.3.2 | 1 | 0 | 0 | 0 | 1 | 0 |" in text
    assert "| worker-kill | deferred | 1.9.3 | 3.3.2 | 1 | 0 | 0 | 0 | 0 | 0 |" in text
    assert f"* failed: `{BAD.name}`: jobs Completed Running; duplicate: j-1 was alive when j-2 was submitted" in text
    assert f"* weaker X1: `{WEAK.name}`" in text
    assert "the moment did not come" in text
    assert f"| {FINE.name} | ok | Completed | success | 2 |" in text
