"""The stored table and the report that is made of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cells import MODES, WHO, Cell
from lane import SETTINGS
from verdicts import Facts, Verdict


@dataclass(frozen=True, slots=True)
class Line:
    """One cell and what was seen. `word`: ok, weaker, failed, or missed: its moment did not come."""

    cell: Cell
    word: str
    row: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    jobs: str = ""
    """States of the jobs of the key, oldest first."""
    alive: int = 0
    state: str = ""
    tries: int = 0
    result: bool = False
    seconds: float = 0.0

    @classmethod
    def of(cls, cell: Cell, verdict: Verdict, facts: Facts, seconds: float) -> Line:
        """The line of a cell that was played."""
        jobs = " ".join(one.state for one in facts.jobs)
        alive = sum(one.is_live for one in facts.jobs)
        problems = {str(name): text for name, text in verdict.problems.items()}
        result = bool(facts.result_of)
        return cls(cell, verdict.word, verdict.row, problems, jobs, alive, facts.state, facts.tries, result, round(seconds, 1))

    @classmethod
    def missed(cls, cell: Cell, why: str, seconds: float) -> Line:
        """The line of a cell whose moment did not come."""
        return cls(cell, "missed", problems={"missed": why}, seconds=round(seconds, 1))

    @property
    def text(self) -> str:
        """What is wrong."""
        return "; ".join(f"{name}: {text}" for name, text in self.problems.items())


def plain(line: Line) -> str:
    """One line of the table."""
    return json.dumps(asdict(line), separators=(",", ":"))


def read_table(path: Path) -> list[Line]:
    """The newest line of every cell."""
    if not path.exists():
        return []
    found: dict[Cell, Line] = {}
    for text in path.read_text().splitlines():
        given: dict[str, Any] = json.loads(text)
        line = Line(**{**given, "cell": Cell(**given["cell"])})
        found[line.cell] = line
    return list(found.values())


def report(lines: Sequence[Line]) -> str:
    """The report as Markdown."""
    counts = {word: sum(one.word == word for one in lines) for word in ("ok", "weaker", "failed", "missed")}
    total = ", ".join(f"{count} {word}" for word, count in counts.items())
    longest = max((one.seconds for one in lines), default=0.0)
    parts = [
        "# The kill matrix\n",
        "What became of one Airflow task with one Bacalhau job when something died: `make kill-matrix` makes this file.\n",
        f"{len(lines)} cells: {total}. The longest took {longest:.0f} s.\n",
        "`weaker`: something was seen that a row of the protocol allows; the row stands in the list below.\n",
        _table(_summary(lines)),
        "\n## Cells that are not ok\n",
        *(_told(one) for one in sorted(lines, key=lambda one: (one.word, one.cell)) if one.word != "ok"),
        "\n## Settings\n",
        *(f"* `{key.replace('__', '.').lower()}` = {value}" for key, value in sorted(SETTINGS.items())),
        "\n## Every cell\n",
        _table([["cell", "verdict", "jobs", "task", "tries"], *_rows(lines)]),
    ]
    return "\n".join(parts) + "\n"


def _summary(lines: Sequence[Line]) -> list[list[str]]:
    rows = [["who dies", "mode", "release", "Airflow", "cells", "duplicates", "orphans", "lost results", "weaker", "missed"]]
    worlds = sorted({(one.cell.airflow, one.cell.release) for one in lines}, reverse=True)
    for who in WHO:
        for mode in MODES:
            for airflow, release in worlds:
                here = [one for one in lines if (one.cell.who, one.cell.mode) == (who, mode)]
                here = [one for one in here if (one.cell.airflow, one.cell.release) == (airflow, release)]
                if here:
                    rows.append([who, mode, release, airflow, *_counts(here)])
    return rows


def _counts(lines: Sequence[Line]) -> list[str]:
    failed = [one for one in lines if one.word == "failed"]
    kinds = [sum(kind in one.problems for one in failed) for kind in ("duplicate", "orphan", "lost result")]
    words = [sum(one.word == word for one in lines) for word in ("weaker", "missed")]
    return [str(number) for number in (len(lines), *kinds, *words)]


def _told(line: Line) -> str:
    return f"* {line.word} {line.row}".rstrip() + f": `{line.cell.name}`: jobs {line.jobs or 'none'}; {line.text}"


def _rows(lines: Iterable[Line]) -> list[list[str]]:
    ordered = sorted(lines, key=lambda one: one.cell.name)
    return [[one.cell.name, f"{one.word} {one.row}".strip(), one.jobs, one.state, str(one.tries)] for one in ordered]


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = rows
    lines = [head, ["---"] * len(head), *rest]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
