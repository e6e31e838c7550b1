"""Two Go values side by side as a tree of what is the same, what differs and what is not looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator_stub.wire.diff_edits import ADDED, REMOVED, edits_of
from orchestrator_stub.wire.diff_steps import Steps, result_of

Kind = Literal["bool", "int", "float", "string", "struct", "slice", "map", "pointer", "any"]


@dataclass(frozen=True, slots=True)
class GoField:
    """A field of a struct."""

    name: str
    type: GoType
    read: Callable[[Any], Any] = lambda _: None
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class GoType:
    """A type, as far as it shows. A value is what Python has for it; None is nil, a pointer is what it points to."""

    name: str
    """As it is printed: "models.Job", "map[string]any"; "" for pointers, whose target is named."""
    kind: Kind
    of: GoType | None = None
    """What a slice, a map or a pointer holds."""
    fields: tuple[GoField, ...] = ()
    words: Callable[[Any], str] | None = None
    """How a value describes itself, where the type has such a method."""
    zero: Any = None
    """The zero value of an int or string that is kept as something else than 0 or ""."""
    hides: Callable[[str], bool] | None = None
    """Keys of a map that do not count."""
    seen_as: tuple[str, Callable[[Any], Any]] | None = None
    """Name and function of a change that is made before values are compared."""

    @property
    def member(self) -> GoType:
        """What a slice, a map or a pointer holds."""
        return self.of or ANY


ANY = GoType("any", "any")
BOOL = GoType("bool", "bool")
INT = GoType("int", "int")
FLOAT = GoType("float64", "float")
STRING = GoType("string", "string")
TEXTS = GoType("[]string", "slice", STRING)
ANYTHINGS = GoType("[]any", "slice", ANY)
ANY_MAP = GoType("map[string]any", "map", ANY)


@dataclass(frozen=True, slots=True)
class Typed:
    """A value of a certain type where any type may stand."""

    type: GoType
    value: Any


def concrete(value: Any) -> Typed:
    """The type and the value that an `any` holds: JSON's five, unless it says so itself."""
    if isinstance(value, Typed):
        return value
    if isinstance(value, bool):
        return Typed(BOOL, value)
    if isinstance(value, int | float):
        return Typed(FLOAT, float(value))
    if isinstance(value, str):
        return Typed(STRING, value)
    return Typed(ANY_MAP if isinstance(value, Mapping) else ANYTHINGS, value)


def is_zero(type_: GoType, value: Any) -> bool:
    """True for the value that a Go variable has before anything is assigned; empty maps and slices are not."""
    if type_.kind in ("slice", "map", "pointer", "any"):
        return value is None
    return not value if type_.zero is None else value == type_.zero


class _Missing:
    """The other side has no such member."""


MISSING = _Missing()


@dataclass(slots=True)
class Node:
    """Two values of a type and how many of their leaves are the same, differ, or are ignored."""

    type: GoType
    old: Any
    new: Any
    same: int = 0
    differing: int = 0
    ignored: int = 0
    changed: int = 0
    """Values below, itself included, that were changed before they were compared."""
    below: int = 0
    depth: int = 0
    members: list[tuple[str, Node]] = field(default_factory=list)
    """Of a struct, map or slice: (field's name, key or "", the two members)."""
    inner: Node | None = None
    """What a pointer points to, an `any` holds, or a change made of it (see `change`)."""
    change: str = ""
    """Name of the change that `inner` shows."""

    @property
    def is_ignored(self) -> bool:
        """True when nothing of it counts."""
        return self.ignored > 0 and not self.same + self.differing

    @property
    def is_chain(self) -> bool:
        """True when no value in it has more than one member."""
        return self.below == self.depth

    def adopt(self, child: Node) -> None:
        """Count a member in."""
        self.same += child.same
        self.differing += child.differing
        self.ignored += child.ignored
        self.changed += child.changed
        self.below += child.below + 1
        self.depth = max(self.depth, child.depth + 1)


def compare(type_: GoType, old: Any, new: Any) -> Node:
    """The tree of two values."""
    return result_of(_compare(type_, old, new))


def _compare(type_: GoType, old: Any, new: Any, *, as_it_is: bool = False) -> Steps[Node]:
    node = Node(type_, old, new)
    if isinstance(old, _Missing) or isinstance(new, _Missing):
        node.differing = 1
    elif type_.seen_as is not None and not as_it_is:
        node.change, change = type_.seen_as
        node.changed = 1
        node.inner = yield _compare(type_, change(old), change(new), as_it_is=True)
        node.adopt(node.inner)
    elif type_.kind == "struct":
        for each in type_.fields:
            part = yield _part(each.type, each.read(old), each.read(new), ignored=each.ignored)
            node.members.append((each.name, part))
            node.adopt(part)
    elif type_.kind not in ("slice", "map", "pointer", "any"):
        _leaf(node, same=old == new)
    elif old is None or new is None:
        _leaf(node, same=old is new)
    elif type_.kind == "slice":
        yield _members(node)
    elif type_.kind == "map":
        for key in sorted({*old, *new}):
            hidden = type_.hides is not None and type_.hides(key)
            part = yield _part(type_.member, old.get(key, MISSING), new.get(key, MISSING), ignored=hidden)
            node.members.append((key, part))
            node.adopt(part)
    else:
        one, other = (concrete(old), concrete(new)) if type_.kind == "any" else _targets(node)
        if one.type != other.type:
            node.differing = 1
        else:
            node.inner = yield _compare(one.type, one.value, other.value)
            node.adopt(node.inner)
    return node


def _targets(node: Node) -> tuple[Typed, Typed]:
    return Typed(node.type.member, node.old), Typed(node.type.member, node.new)


def _part(type_: GoType, old: Any, new: Any, *, ignored: bool) -> Steps[Node]:
    if ignored:
        return Node(type_, old, new, ignored=1)
    compared: Node = yield _compare(type_, old, new)
    return compared


def _leaf(node: Node, *, same: bool) -> None:
    node.same, node.differing = (1, 0) if same else (0, 1)


def _members(node: Node) -> Steps[None]:
    """The members of two slices, paired by an edit script; each pair is compared once, however often it is asked."""
    pairs: dict[tuple[int, int], Node] = {}
    search = edits_of(len(node.old), len(node.new))
    try:
        asked = next(search)
        while True:
            if asked not in pairs:
                pairs[asked] = yield _compare(node.type.member, node.old[asked[0]], node.new[asked[1]])
            pair = pairs[asked]
            asked = search.send((pair.same, pair.differing))
    except StopIteration as done:
        script: list[str] = done.value
    x = y = 0
    for edit in script:
        lost, won = edit != ADDED, edit != REMOVED
        if lost and won:
            part = pairs[x, y]
        else:
            one, other = (node.old[x], MISSING) if lost else (MISSING, node.new[y])
            part = Node(node.type.member, one, other, differing=1)
        node.members.append(("", part))
        node.adopt(part)
        x, y = x + lost, y + won
