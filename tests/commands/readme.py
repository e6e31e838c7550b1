"""`make readme`: the parts of README.md that come from the code, so that the two cannot part ways.

A part stands between `<!-- NAME: made by make readme -->` and `<!-- end of NAME -->`. With `--check` nothing is
written and the exit status says whether the file is as the code has it.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from orchestrator_stub.domain import release as table  # noqa: E402 - works from a plain checkout, too
from orchestrator_stub.domain.states import ComputeState, JobState  # noqa: E402 - as above
from orchestrator_stub.domain.transitions import EXECUTIONS, JOBS  # noqa: E402 - as above

README = ROOT / "README.md"
IDENTITY = ("name", "git_version", "git_commit", "build_date")
"""Entries that tell which release it is, not what it does."""


def state_diagram() -> str:
    """Both tables of state changes as one Mermaid picture each."""
    return "\n\n".join(
        (
            "A job:\n\n" + _mermaid(JOBS, JobState.PENDING),
            "An execution (what a release shows of it is in the table below):\n\n" + _mermaid(EXECUTIONS, ComputeState.NEW),
        )
    )


def _mermaid(changes: Mapping[tuple[StrEnum, StrEnum], StrEnum], first: StrEnum) -> str:
    """One arrow for each pair of states, with all events that lead from one to the other."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), after in changes.items():
        arrows.setdefault((str(state), str(after)), []).append(str(event))
    lines = [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    lasting = {before for before, after in arrows if before != after}
    ends = dict.fromkeys(after for _, after in arrows if after not in lasting)
    lines = [f"    [*] --> {first}", *lines, *(f"    {end} --> [*]" for end in ends)]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```"


def release_differences() -> str:
    """Every entry of the release table that is not the same everywhere."""
    releases = list(table.RELEASES.values())
    meanings = _meanings(Path(table.__file__).read_text())
    rows = []
    for entry in dataclasses.fields(table.Release):
        values = [getattr(each, entry.name) for each in releases]
        if entry.name in IDENTITY or all(value == values[0] for value in values):
            continue
        shown = " | ".join(_shown(entry.name, value) for value in values)
        rows.append(f"| {meanings[entry.name]} | {shown} |")
    head = "| | " + " | ".join(each.name for each in releases) + " |"
    return "\n".join((head, "|---" * (len(releases) + 1) + "|", *rows))


def _meanings(source: str) -> dict[str, str]:
    """Field of `Release` -> the text below it, on one line, without where it is known from."""
    (cls,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "Release")
    texts: dict[str, str] = {}
    for field, below in zip(cls.body, cls.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = " ".join(ast.literal_eval(below.value).split())
            texts[field.target.id] = re.sub(r" ?\([^()]*(?:FINDINGS|fact sheet|golden|scenario)[^()]*\)", "", text).replace("|", "\\|")
    return texts


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "compute_numbers":
        ends = (ComputeState.COMPLETED, ComputeState.FAILED, ComputeState.CANCELLED)
        return "Completed, Failed, Cancelled = " + ", ".join(str(value[end]) for end in ends)  # type: ignore[index]
    if isinstance(value, int):
        return f"{value:04o}" if name.endswith("_mode") else str(value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value) or "none"


PARTS: Mapping[str, Callable[[], str]] = {
    "states": state_diagram,
    "what differs between releases": release_differences,
}


def renewed(text: str) -> str:
    """README's text with every part as the code has it. Raises ValueError when the place of a part is missing."""
    for name, make in PARTS.items():
        begin, end = f"<!-- {name}: made by make readme -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"README.md has no place for {name!r}: {begin} ... {end}")
        text = f"{before}{begin}\n\n{make()}\n\n{end}{after}"
    return text


def main(words: list[str]) -> int:
    """Write, or with `--check` only compare."""
    text = README.read_text()
    new = renewed(text)
    if words == ["--check"]:
        if new != text:
            print("README.md is not as the code has it: run make readme", file=sys.stderr)
        return int(new != text)
    README.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
