"""Strings in a diff: quoted, cut, in lines between triple quotes, and long ones compared piece by piece.

go-cmp counts bytes (fact sheet 1.11), so a cut may go through a letter, whose halves are then shown as escapes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator_stub.domain.validation import quoted
from orchestrator_stub.wire.diff_edits import SAME, edit_script, grouped, smoothed, trimmed_groups
from orchestrator_stub.wire.diff_text import DOTS, Line, Mark, Row, Rows, Stats, Text, Wrap, left_out, size

LONG = 32
"""Two strings of at least so many bytes each are compared piece by piece."""
CONTEXT = 2
"""Rows of what is the same that are shown beside a difference."""

_TRIPLE = '"""'
_SPACES = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000").union(map(chr, range(0x2000, 0x200B)))
_PIECE, _BINARY_PIECE = 64, 16
"""Bytes in a row of text and of anything else."""
_MIN_LINES, _LONGEST_LINE = 4, 1024
_HARDER = 4
"""How much worse lines may do than bytes before they are given up."""
_ESCAPED_A_LOT = 1.1
_MOSTLY = 0.90


def string(text: str, level: int, mark: Mark = "", prefix: str = "") -> Text:
    """One value. `level` of detail: 32 bytes and 4 lines at 0, each level doubles both. `prefix` marks a type's own
    words (`s"..."`)."""
    most, most_lines = 32 << level, 4 << level
    lines = text.removesuffix("\n").split("\n")
    if len(lines) >= _MIN_LINES and mark:
        lines = [_without_returns(line) for line in lines]
        if all(size(line) <= most and _stands_alone(line, prefix) for line in lines):
            return _triple_quoted(lines, most_lines, mark, prefix)
    data = text.encode()
    if len(data) > most + len(DOTS.text):
        return Line(f"{prefix}{in_quotes(data[:most])}{DOTS.text}")
    return Line(prefix + in_quotes(data))


def in_quotes(data: bytes) -> str:
    """Double quotes, or back quotes where they save escapes."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return '"' + "".join(_part(letter) for letter in data.decode("utf-8", "surrogateescape")) + '"'
    double = quoted(text)
    if size(double) == len(data) + 2 or not all(_is_tab_or_printable(letter) and letter != "`" for letter in text):
        return double
    return f"`{text}`"


def _part(letter: str) -> str:
    """A letter, or a byte of one that was cut, inside double quotes."""
    code = ord(letter)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else quoted(letter)[1:-1]


def _is_tab_or_printable(letter: str) -> bool:
    return letter.isprintable() or letter == "\t"


def _without_returns(line: str) -> str:
    return line.removesuffix("\r").removeprefix("\r")


def _stands_alone(line: str, prefix: str = "") -> bool:
    """Whether a line between triple quotes can be mistaken for nothing else."""
    readable = all(_is_tab_or_printable(letter) for letter in line)
    return readable and not line.startswith(DOTS.text) and not line.removeprefix(prefix).startswith(_TRIPLE)


def _triple_quoted(lines: Sequence[str], most: int, mark: Mark, prefix: str) -> Text:
    quotes = Row(Line(prefix + _TRIPLE), mark=mark, comma=False)
    rows = [Row(Line(line), mark=mark, comma=False) for line in lines]
    if len(lines) > most:
        rest = f"{len(lines) - most + 1} elided lines"
        rows[most - 1 :] = [Row(DOTS, mark=mark, comma=False, comment=rest)]
    return Wrap("(", Rows((quotes, *rows, quotes)), ")")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A row of a comparison: members of one side, or what is left out."""

    mark: Mark = ""
    content: Sequence[object] = ()
    skipped: Stats | None = None


def compared(old: str, new: str, level: int, type_name: str) -> Text:
    """Two long strings. `type_name` is shown where the pieces do not look like a string."""
    letters = Counter(old + new)
    odd = sum(count for letter, count in letters.items() if not _is_text(letter))
    total = letters.total()
    if total - odd <= math.floor(_MOSTLY * total):
        pieces = _pieces(old.encode(), new.encode(), _BINARY_PIECE, "byte", level)
        return Wrap(type_name, Wrap("{", Rows(_rows(pieces, _hex_row)), "}"), "")
    if odd == 0 and _is_lined(old, new):
        pieces = _pieces(old.split("\n"), new.split("\n"), 1, "line", level)
        rows = _lines(pieces)
        if rows is not None:
            return Wrap("(", Rows(rows), ")")
        return _joined(_rows(pieces, lambda piece: Line(in_quotes(str(piece.content[0]).encode()))), "\n")
    pieces = _pieces(old.encode(), new.encode(), _PIECE, "byte", level)
    return _joined(_rows(pieces, lambda piece: Line(in_quotes(_bytes(piece)))), "")


def _is_text(letter: str) -> bool:
    return (letter.isprintable() or letter in _SPACES) and letter != "\ufffd"


def _is_lined(old: str, new: str) -> bool:
    """Whether lines tell the difference better than bytes do."""
    *whole, _ = (old + new).split("\n")
    if len(whole) < _MIN_LINES or max(map(size, whole)) > _LONGEST_LINE:
        return False
    both = old + new
    if size(quoted(both)) / size(both) > _ESCAPED_A_LOT:
        return True
    return _share(old.split("\n"), new.split("\n")) < _HARDER * _share(old.encode(), new.encode())


def _share(old: Sequence[object], new: Sequence[object]) -> float:
    """How much of an edit script is edits."""
    script = edit_script(old, new)
    return (len(script) - script.count(SAME)) / len(script)


def _pieces(
    old: Sequence[object], new: Sequence[object], width: int, name: str, level: int
) -> list[_Piece]:
    """The two sides in pieces of `width` members, with some of what is the same around each difference."""
    script = edit_script(old, new)
    groups = trimmed_groups(smoothed(grouped(name, script), width // 4), old, new)
    most, shown = 4 << level, 0
    pieces: list[_Piece] = []
    beyond = Stats(name)
    x = y = 0
    for at, group in enumerate(groups):
        if shown >= most:
            beyond = beyond.plus(group)
        elif not group.differing:
            pieces += _context(old[x : x + group.same], width, group, first=at == 0, last=at == len(groups) - 1)
            x, y = x + group.same, y + group.same
        else:
            lost, won = group.same + group.removed + group.changed, group.same + group.added + group.changed
            added = [*_cut(old[x : x + lost], width, "-"), *_cut(new[y : y + won], width, "+")]
            pieces += added
            shown += len(added)
            x, y = x + lost, y + won
    return pieces if beyond.is_empty else [*pieces, _Piece(skipped=beyond)]


def _context(same: Sequence[object], width: int, group: Stats, *, first: bool, last: bool) -> list[_Piece]:
    """What is shown of members that are the same."""
    count = len(same)
    low = 0 if first else min(width * CONTEXT, count)
    high = 0 if last else min(width * CONTEXT, count - low)
    if count - low - high <= width:
        high = count - low
    skipped = Stats(group.name, same=count - low - high)
    return [
        *_cut(same[:low], width, ""),
        *([_Piece(skipped=skipped)] if skipped.same else []),
        *_cut(same[count - high :], width, ""),
    ]


def _cut(members: Sequence[object], width: int, mark: Mark) -> list[_Piece]:
    return [_Piece(mark, members[at : at + width]) for at in range(0, len(members), width)]


def _rows(pieces: Sequence[_Piece], shown: Callable[[_Piece], Line | Row]) -> tuple[Row, ...]:
    """A row for each piece; neighbours that are left out share one."""
    rows: list[Row] = []
    for piece in pieces:
        if piece.skipped is not None:
            left_out(rows, piece.skipped)
            continue
        row = shown(piece)
        rows.append(row if isinstance(row, Row) else Row(row, mark=piece.mark))
    return tuple(rows)


def _bytes(piece: _Piece) -> bytes:
    return piece.content if isinstance(piece.content, bytes) else b""


def _hex_row(piece: _Piece) -> Row:
    data = _bytes(piece)
    ascii_ = "".join(chr(byte) if 0x20 <= byte <= 0x7E else "." for byte in data)
    return Row(
        Line(", ".join(f"0x{byte:02x}" for byte in data)), mark=piece.mark, comment=f"{piece.mark or ' '}|{ascii_}|"
    )


def _joined(rows: tuple[Row, ...], by: str) -> Text:
    return Wrap("strings.Join(", Wrap("{", Rows(rows), "}"), f", {quoted(by)})")


def _lines(pieces: Sequence[_Piece]) -> tuple[Row, ...] | None:
    """Lines between triple quotes; None where a reader could not tell them apart."""
    seen: dict[str, set[str]] = {"-": set(), "+": set()}
    for piece in pieces:
        if not piece.mark:
            seen = {"-": set(), "+": set()}
        if piece.skipped is not None:
            continue
        line = _without_returns(str(piece.content[0]))
        if not _stands_alone(line):
            return None
        if piece.mark:
            bare = "".join(letter for letter in line if letter not in _SPACES)
            if bare in seen["+" if piece.mark == "-" else "-"]:
                return None
            seen[piece.mark].add(bare)
    quotes = Row(Line(_TRIPLE), comma=False)
    rows = _rows(
        pieces, lambda piece: Row(Line(_without_returns(str(piece.content[0]))), mark=piece.mark, comma=False)
    )
    if rows and not rows[-1].mark and rows[-1].value == Line(""):
        rows = rows[:-1]
    return (quotes, *rows, quotes)
