"""A tree of differences as text: what differs in full, what is the same in short (fact sheet 1.11, golden 36)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from orchestrator_stub.wire.diff_steps import Steps, result_of
from orchestrator_stub.wire.diff_strings import CONTEXT, LONG, compared, string
from orchestrator_stub.wire.diff_text import (
    NIL,
    Line,
    Mark,
    Row,
    Rows,
    Stats,
    Text,
    Wrap,
    are_same,
    laid_out,
    left_out,
    size,
)
from orchestrator_stub.wire.diff_tree import MISSING, GoType, Node, concrete, is_zero

_LEAST, _MOST = 3, 16
"""Levels of detail of what differs; what is the same is told at level 1."""
_KEY_LEVEL = 6
_MORE_DETAIL = range(7)
"""How often two sides that look the same are told again, each time in more detail."""
_NAMES = {"struct": "field", "map": "entry", "slice": "element"}


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a value is told."""

    mark: Mark | Literal["="] = ""
    """Both sides, one of them, or "=": they are the same and told in short."""
    types: Literal["all", "none", "composite"] = "all"
    """Which values tell their type; composite ones that are the same on both sides do not."""
    level: int = 0
    """Detail: each level doubles how much of a value is shown."""
    wordless: bool = False
    """A value is not asked to describe itself."""

    @property
    def detail(self) -> int:
        """The level within its limits."""
        return min(max(self.level, 0), _MOST)

    @property
    def side(self) -> Mark:
        """The mark that rows get."""
        return "" if self.mark == "=" else self.mark

    @property
    def most_told(self) -> int:
        """Members that are told of a value: 0, 4, 8, 16 ..."""
        return (1 << self.detail) >> 1 << 2

    def deeper(self) -> _Manner:
        """For the members of a value."""
        return replace(self, level=self.level - 1)

    def with_types(self, types: Literal["all", "none", "composite"]) -> _Manner:
        """Which types are told from here on."""
        return replace(self, types=types)

    def inside(self, kind: str) -> _Manner:
        """For the members of a list: only a struct's fields tell their types, and only composite ones."""
        return self.with_types("composite" if kind == "struct" else "none")


def report(tree: Node) -> str:
    """The diff; "" when nothing differs."""
    return laid_out(result_of(_difference(tree, _Manner()))) if tree.differing else ""


def _difference(node: Node, manner: _Manner) -> Steps[Text]:
    """A node of the tree, in the manner of its surroundings."""
    manner = replace(manner, level=1 if manner.mark == "=" else max(manner.detail, _LEAST))
    if not node.depth:
        return _value(node.type, node.new if manner.mark == "+" else node.old, manner)
    if node.inner is None:
        listed = _one_side if manner.mark else _both_sides
        return _typed(node.type, Wrap("{", Rows(tuple((yield listed(node, manner)))), "}"), manner)
    if node.change:
        inner = yield _difference(node.inner, manner.with_types("all"))
        return Wrap(f"Inverse({node.change}, ", inner, ")")
    if node.type.kind == "pointer":
        return Wrap("&", (yield _difference(node.inner, manner)), "")
    told: Text = yield _difference(node.inner, manner.with_types("all"))
    return told


def _one_side(node: Node, manner: _Manner) -> Steps[list[Row]]:
    """The members of a value of which one side is told, or both as the same."""
    most = manner.most_told if manner.mark == "=" else 2 << manner.detail
    inside = manner.inside(node.type.kind).deeper()
    rows: list[Row] = []
    cut = False
    for key, part in node.members:
        if len(rows) == most:
            cut = True
            break
        if node.type.kind == "struct" and _is_untold(part, manner):
            continue
        if part.is_ignored:
            cut = True
            continue
        if not _is_gone(part, manner):
            rows.append(Row((yield _difference(part, inside)), key=_key(node.type, key)))
    if cut:
        left_out(rows)
    return rows


def _is_untold(part: Node, manner: _Manner) -> bool:
    """Fields that were never set are not told."""
    sides = {"-": (part.old,), "+": (part.new,)}.get(manner.mark, (part.old, part.new))
    return any(is_zero(part.type, value) for value in sides)


def _is_gone(part: Node, manner: _Manner) -> bool:
    return (part.new if manner.mark == "+" else part.old) is MISSING


def _both_sides(node: Node, manner: _Manner) -> Steps[list[Row]]:
    """The members of a value of which something differs."""
    most = 2 << manner.detail
    inside = manner.inside(node.type.kind).deeper()
    name = _NAMES[node.type.kind]
    rows: list[Row] = []
    told, beyond = 0, Stats(name)
    groups = _groups(node.members)
    for at, group in enumerate(groups):
        stats = _counted(name, group)
        if told >= most:
            beyond = beyond.plus(stats)
            continue
        if stats.differing:
            for key, part in group:
                rows += yield _differing(node.type, key, part, inside)
            told += stats.differing
            continue
        head, tail = _context(group, first=at == 0, last=at == len(groups) - 1)
        for number, (key, part) in enumerate(group):
            if number < head or number >= len(group) - tail:
                same = yield _difference(part, replace(inside, mark="="))
                rows.append(Row(same, key=_key(node.type, key)))
            elif number == head:
                left_out(rows, replace(stats, same=stats.same - head - tail))
    if not beyond.is_empty:
        left_out(rows, beyond)
    return rows


Members = Sequence[tuple[str, Node]]


def _groups(members: Members) -> list[list[tuple[str, Node]]]:
    """Neighbours that differ, and neighbours that do not."""
    groups: list[list[tuple[str, Node]]] = []
    for member in members:
        if groups and (groups[-1][-1][1].differing > 0) == (member[1].differing > 0):
            groups[-1].append(member)
        else:
            groups.append([member])
    return groups


def _counted(name: str, group: Members) -> Stats:
    fates = [_fate(part) for _, part in group]
    return Stats(name, *(fates.count(fate) for fate in ("ignored", "same", "removed", "added", "changed")))


def _fate(part: Node) -> str:
    if part.is_ignored:
        return "ignored"
    if not part.differing:
        return "same"
    if part.new is MISSING:
        return "removed"
    return "added" if part.old is MISSING else "changed"


def _context(group: Members, *, first: bool, last: bool) -> tuple[int, int]:
    """How many members that are the same are told after the difference before them and before the one behind."""
    head = 0 if first else _seen(group[:CONTEXT])
    rest = group[head:]
    tail = 0 if last else _seen(rest[::-1][:CONTEXT])
    if len(rest) - tail == 1 and not any(part.is_ignored for _, part in group):
        tail += 1
    return head, tail


def _seen(members: Members) -> int:
    """How many of the first members are not ignored."""
    return next((at for at, (_, part) in enumerate(members) if part.is_ignored), len(members))


def _differing(owner: GoType, key: str, part: Node, manner: _Manner) -> Steps[list[Row]]:
    """A member that differs: one row, or one for each side where it has no more than one part at any depth."""
    name = _key(owner, key)
    texts = _long_strings(part)
    if texts is not None:
        return [Row(compared(*texts, manner.detail, _string_type(part)), key=name)]
    if not part.is_chain:
        return [Row((yield _difference(part, manner)), key=name)]
    old, new = yield _sides(part, manner)
    for more in _MORE_DETAIL:
        if old is None or new is None or not are_same(old, new):
            break
        louder = replace(manner, level=manner.detail + 2 * more, wordless=more > 0 or manner.wordless)
        old, new = yield _sides(part, louder)
    sides: tuple[tuple[Mark, Text | None], ...] = (("-", old), ("+", new))
    return [Row(text, key=name, mark=mark) for mark, text in sides if text is not None]


def _sides(part: Node, manner: _Manner) -> Steps[tuple[Text | None, Text | None]]:
    """What the old and the new side have; None for nothing."""
    old = None if part.old is MISSING else (yield _difference(part, replace(manner, mark="-")))
    new = None if part.new is MISSING else (yield _difference(part, replace(manner, mark="+")))
    return old, new


def _long_strings(part: Node) -> tuple[str, str] | None:
    """Two strings that are compared piece by piece."""
    old, new = part.old, part.new
    if part.type.kind not in ("string", "any") or not isinstance(old, str) or not isinstance(new, str):
        return None
    return (old, new) if min(size(old), size(new)) >= LONG else None


def _string_type(part: Node) -> str:
    return "string" if part.type.kind == "any" else part.type.name


def _key(owner: GoType, key: str) -> str:
    """A field's name as it is, a map's key in quotes."""
    if owner.kind != "map":
        return key
    text = string(key, _KEY_LEVEL)
    return text.text if isinstance(text, Line) else ""


def _typed(type_: GoType, text: Text, manner: _Manner) -> Text:
    """The text with the type's name before it, where the manner asks for it."""
    if manner.types == "none":
        return text
    if manner.types == "composite":
        composite = type_.kind in ("struct", "slice", "map")
        if not composite or text == NIL or manner.mark == "=":
            return text
    fenced = isinstance(text, Wrap) and (text.before[:1] + text.after[-1:]) in ("()", "{}")
    return Wrap(type_.name, text if fenced else Wrap("(", text, ")"), "")


def _value(type_: GoType, value: Any, manner: _Manner) -> Text:
    """A value of one side. Its depth is bounded: each level of members is told in less detail."""
    if type_.words is not None and value is not None and not manner.wordless:
        return string(type_.words(value), manner.detail, manner.side, "s")
    if type_.kind == "pointer" and value is not None:
        return Wrap("&", _value(type_.member, value, manner), "")
    if type_.kind == "any" and value is not None:
        held = concrete(value)
        return _value(held.type, held.value, manner.with_types("all"))
    return _typed(type_, _bare(type_, value, manner), manner)


def _bare(type_: GoType, value: Any, manner: _Manner) -> Text:
    """A value without its type."""
    if value is None:
        return NIL
    if type_.kind in ("struct", "slice", "map"):
        return Wrap("{", Rows(tuple(_told(type_, value, manner))), "}")
    if type_.kind == "string":
        return string(value, manner.detail, manner.side)
    if type_.kind == "bool":
        return Line("true" if value else "false")
    return Line(_number(value) if type_.kind == "float" else str(value))


def _told(type_: GoType, value: Any, manner: _Manner) -> list[Row]:
    """As many members of a value as its level allows."""
    members: list[tuple[str, GoType, Any]]
    if type_.kind == "struct":
        fields = [(each.name, each.type, each.read(value)) for each in type_.fields]
        members = [field for field in fields if not is_zero(field[1], field[2])]
    elif type_.kind == "map":
        members = [(_key(type_, key), type_.member, value[key]) for key in sorted(value)]
    else:
        members = [("", type_.member, each) for each in value]
    inside = manner.inside(type_.kind).deeper()
    rows = [Row(_value(of, each, inside), key=key) for key, of, each in members[: manner.most_told]]
    if len(members) > len(rows):
        left_out(rows)
    return rows


def _number(value: float) -> str:
    """A float as it is printed by itself: from a million on, and below 0.0001, with an exponent of two digits."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits = Decimal(repr(value)).normalize()
    exponent = digits.adjusted()
    if -4 <= exponent < 6:
        return format(digits, "f")
    sign, figures, _ = digits.as_tuple()
    mantissa = str(figures[0]) + ("." + "".join(map(str, figures[1:])) if figures[1:] else "")
    return f"{'-' if sign else ''}{mantissa}e{exponent:+03d}"
