"""The lay-out of a diff: a part stands on one line where it may, else one line for each of its rows, aligned.

Truth: go-cmp 0.7.0, which both releases with `/jobs/diff` are built with (fact sheet 1.11, golden 36).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from orchestrator_stub.wire.diff_steps import Steps, result_of

Mark = Literal["", "-", "+"]
"""Which side a row shows: both, the old or the new one."""

_MARGINS: dict[Mark, str] = {"": "\u00a0\u00a0", "-": "-\u00a0", "+": "+\u00a0"}
"""go-cmp decides once a process whether these are blanks; the recorded servers had decided against it (golden 36)."""
_WIDEST = 80
"""Bytes that a part of one side may have on one line."""


@dataclass(frozen=True, slots=True)
class Stats:
    """How many rows of which fate were left out."""

    name: str
    """What a row is: "field", "element", "entry", "byte" or "line"."""
    ignored: int = 0
    same: int = 0
    removed: int = 0
    added: int = 0
    changed: int = 0

    @property
    def differing(self) -> int:
        """Rows that are not the same on both sides."""
        return self.removed + self.added + self.changed

    @property
    def is_empty(self) -> bool:
        """True when nothing was counted."""
        return not (self.ignored or self.same or self.differing)

    def plus(self, other: Stats) -> Stats:
        """Both together."""
        return Stats(
            self.name,
            self.ignored + other.ignored,
            self.same + other.same,
            self.removed + other.removed,
            self.added + other.added,
            self.changed + other.changed,
        )

    def __str__(self) -> str:
        """For example "2 ignored and 6 identical fields"."""
        fates = (
            (self.ignored, "ignored"),
            (self.same, "identical"),
            (self.removed, "removed"),
            (self.added, "inserted"),
            (self.changed, "modified"),
        )
        parts = [f"{count} {fate}" for count, fate in fates if count]
        listed = " and ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
        name = self.name
        if sum(count for count, _ in fates) > 1:
            name = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
        return f"{listed} {name}"


@dataclass(frozen=True, slots=True)
class Line:
    """Text that is never broken."""

    text: str


@dataclass(frozen=True, slots=True)
class Wrap:
    """A part with text before and after it."""

    before: str
    inside: Text
    after: str


@dataclass(frozen=True, slots=True)
class Row:
    """A member of a list."""

    value: Text
    key: str = ""
    mark: Mark = ""
    comma: bool = True
    comment: Stats | str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """A list: on one line with commas, or a line for each row."""

    rows: tuple[Row, ...]


Text = Line | Wrap | Rows

NIL = Line("nil")
DOTS = Line("...")


def left_out(rows: list[Row], stats: Stats | None = None) -> None:
    """Add dots for rows that are not shown; dots that stand there already count for these too."""
    if not rows or rows[-1].value != DOTS:
        rows.append(Row(DOTS, comma=False, comment=stats))
    elif stats is not None:
        before = rows[-1].comment
        rows[-1] = replace(rows[-1], comment=before.plus(stats) if isinstance(before, Stats) else stats)


def are_same(one: Text | None, other: Text | None) -> bool:
    """True when nobody could tell the two parts apart."""
    pairs: list[tuple[Text | None, Text | None]] = [(one, other)]
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, Wrap) and isinstance(right, Wrap):
            if (left.before, left.after) != (right.before, right.after):
                return False
            pairs.append((left.inside, right.inside))
        elif isinstance(left, Rows) and isinstance(right, Rows):
            if [_dress(row) for row in left.rows] != [_dress(row) for row in right.rows]:
                return False
            pairs += [(a.value, b.value) for a, b in zip(left.rows, right.rows, strict=True)]
        elif not (isinstance(left, Line) and left == right):
            return False
    return True


def _dress(row: Row) -> tuple[str, Mark, Stats | str | None]:
    return row.key, row.mark, row.comment


def laid_out(text: Text) -> str:
    """The whole diff as it is printed."""
    _, folded = result_of(_fold(text, ""))
    out = [_MARGINS[""]]
    result_of(_spread(folded, "", 0, out))
    return "".join([*out, "\n"])


def size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def _fold(text: Text, mark: Mark) -> Steps[tuple[int, Text]]:
    """The part with everything on one line that may be, and how many bytes it would take all on one line."""
    if isinstance(text, Line):
        return size(text.text), text
    if isinstance(text, Wrap):
        inner, inside = yield _fold(text.inside, mark)
        taken = size(text.before) + inner + size(text.after)
        if isinstance(inside, Line):
            return taken, Line(text.before + inside.text + text.after)
        return taken, Wrap(text.before, inside, text.after)
    taken, on_lines = 0, False
    rows: list[Row] = []
    for row in text.rows:
        inner, value = yield _fold(row.value, mark or row.mark)
        taken += inner + (size(row.key) + 2 if row.key else 0) + (2 if rows else 0)
        on_lines = on_lines or bool(row.mark) or not isinstance(value, Line) or row.comment is not None
        rows.append(replace(row, value=value))
    if on_lines or (mark and taken > _WIDEST):
        return taken, Rows(tuple(rows))
    return taken, Line(", ".join(f"{row.key}: {_text(row)}" if row.key else _text(row) for row in rows))


def _text(row: Row) -> str:
    return row.value.text if isinstance(row.value, Line) else ""


def _spread(text: Text, mark: Mark, depth: int, out: list[str]) -> Steps[None]:
    """Write a folded part."""
    if isinstance(text, Line):
        out.append(text.text)
    elif isinstance(text, Wrap):
        out.append(text.before)
        yield _spread(text.inside, mark, depth, out)
        out.append(text.after)
    else:
        if all(_is_plain(row) for row in text.rows):
            _batches([_text(row) for row in text.rows], _break(mark, depth + 1), out)
        else:
            yield _rows(text.rows, mark, depth + 1, out)
        out.append(_break(mark, depth))


def _rows(rows: Sequence[Row], mark: Mark, depth: int, out: list[str]) -> Steps[None]:
    before = _padding(rows, lambda row: len(row.key) if row.key and isinstance(row.value, Line) else None)
    after = _padding(rows, lambda row: len(_text(row)) if row.comment and _is_value(row) else None)
    for row, key_gap, value_gap in zip(rows, before, after, strict=True):
        side = mark or row.mark
        out.append(_break(side, depth) + (f"{row.key}: " if row.key else "") + " " * key_gap)
        yield _spread(row.value, side, depth, out)
        out.append(("," if row.comma else "") + " " * value_gap + (f" // {row.comment}" if row.comment else ""))


def _batches(words: Sequence[str], line: str, out: list[str]) -> None:
    """Words without keys share lines."""
    batch, taken = "", 0
    for word in words:
        if batch and taken + size(word) + 2 > _WIDEST:
            out.append(line + batch.rstrip(" "))
            batch, taken = "", 0
        batch += f"{word}, "
        taken += size(word) + 2
    out.append(line + batch.rstrip(" "))


def _break(mark: Mark, depth: int) -> str:
    return "\n" + _MARGINS[mark] + "\t" * depth


def _is_value(row: Row) -> bool:
    return isinstance(row.value, Line) and row.value != DOTS


def _is_plain(row: Row) -> bool:
    return not row.mark and not row.key and isinstance(row.value, Line) and row.comment is None


def _padding(rows: Sequence[Row], width: Callable[[Row], int | None]) -> list[int]:
    """Blanks that align neighbours; a row without width parts the ones before from the ones after."""
    gaps = [0] * len(rows)
    start = 0
    for end, row in enumerate([*rows, None]):
        if row is None or width(row) is None:
            widths = [width(each) or 0 for each in rows[start:end]]
            gaps[start:end] = [max(widths, default=0) - each for each in widths]
            start = end + 1
    return gaps
