"""How one list becomes another: a quick edit script, not always the shortest, and its summary in groups.

The search is go-cmp's (fact sheet 1.11): from both ends in turn it looks along the diagonals nearest to where it
stands, takes the first match, follows it as far as it goes, and gives up looking when a budget is spent.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from orchestrator_stub.wire.diff_text import Stats

T = TypeVar("T")

Answer = tuple[int, int]
"""How many parts of two members are the same, and how many differ."""
Questions = Generator[tuple[int, int], Answer, T]
"""Asks how a member of the old list, by its index, compares with one of the new list, and gets an Answer sent."""

SAME, CHANGED, REMOVED, ADDED = "=", "~", "-", "+"
_BUDGET = 4
"""Misses that the search may have for each member of the two lists."""


@dataclass(slots=True)
class _End:
    """One end of the search; `x` counts the old list's members before it, `y` the new list's."""

    way: int
    """1 from the beginning onwards, -1 from the end backwards."""
    x: int
    y: int
    script: list[str] = field(default_factory=list)
    front: tuple[int, int] = (0, 0)
    """Where it looks from."""

    def take(self, edit: str) -> None:
        """One step."""
        self.script.append(edit)
        self.x += 0 if edit == ADDED else self.way
        self.y += 0 if edit == REMOVED else self.way


class _Search:
    """One run over two lists."""

    def __init__(self, old: int, new: int) -> None:
        self._budget = _BUDGET * (old + new)
        self.first = _End(1, 0, 0)
        self.last = _End(-1, old, new, front=(old, new))

    def script(self) -> Questions[list[str]]:
        """Edits from the beginning to the end. The last end starts, as in the recorded processes."""
        own, other = self.last, self.first
        while self._are_apart() and self._budget:
            yield from self._look(own, other)
            self._move(own, other)
            own, other = other, own
        yield from self._connect(self.first, self.last.x, self.last.y)
        return self.first.script + self.last.script[::-1]

    def _are_apart(self) -> bool:
        return self.first.front[0] < self.last.front[0] and self.first.front[1] < self.last.front[1]

    def _look(self, own: _End, other: _End) -> Questions[None]:
        """Look for a match near the front: straight ahead, then one to the side, one to the other, two, ..."""
        way, number = own.way, 0
        shift = min(way, 0)
        (front_x, front_y), own_x, own_y, other_x, other_y = own.front, own.x, own.y, other.x, other.y
        beyond_x = beyond_y = False
        while not (beyond_x and beyond_y) and self._budget:
            aside = -((number + 1) >> 1) if number % 2 else number >> 1
            number += 1
            x, y = front_x + way * aside, front_y - way * aside
            if (x - other_x) * way >= 0 or (y - own_y) * way < 0:
                beyond_x = True
            elif (y - other_y) * way >= 0 or (x - own_x) * way < 0:
                beyond_y = True
            elif (yield x + shift, y + shift)[1] == 0:
                yield from self._connect(own, x, y)
                own.take(SAME)
                yield from self._follow(own)
                return
            else:
                self._budget -= 1

    def _follow(self, own: _End) -> Questions[None]:
        """Take what is the same as far as it goes."""
        while self.first.x < self.last.x and self.first.y < self.last.y:
            if (yield _ahead(own, own.x, own.y))[1]:
                break
            own.take(SAME)
        own.front = (own.x, own.y)

    @staticmethod
    def _move(own: _End, other: _End) -> None:
        """Bring the front nearer to the other end, along the longer side."""
        x, y = own.front
        if (other.x - x) * own.way >= (other.y - y) * own.way:
            own.front = (x + own.way, y)
        else:
            own.front = (x, y + own.way)

    @staticmethod
    def _connect(end: _End, x: int, y: int) -> Questions[None]:
        """Edits that lead an end to a place; what is alike enough is changed, else the longer side loses one."""
        while end.x != x and end.y != y:
            same, differing = yield _ahead(end, end.x, end.y)
            left_x, left_y = abs(x - end.x), abs(y - end.y)
            if differing == 0:
                end.take(SAME)
            elif same + 1 >= differing:
                end.take(CHANGED)
            elif left_x > left_y or (left_x == left_y and end.way > 0):
                end.take(REMOVED)
            else:
                end.take(ADDED)
        while end.x != x:
            end.take(REMOVED)
        while end.y != y:
            end.take(ADDED)


def _ahead(end: _End, x: int, y: int) -> tuple[int, int]:
    """The members in front of an end that stands there."""
    return (x, y) if end.way > 0 else (x - 1, y - 1)


def edits_of(old: int, new: int) -> Questions[list[str]]:
    """SAME, CHANGED, REMOVED and ADDED in order, from what it asks; `old` and `new` are the lists' lengths."""
    return _Search(old, new).script()


def edit_script(old: Sequence[object], new: Sequence[object]) -> list[str]:
    """The edits of lists whose members are the same or not: two that differ are never alike."""
    search = edits_of(len(old), len(new))
    try:
        x, y = next(search)
        while True:
            x, y = search.send(_IS_SAME if old[x] == new[y] else _DIFFERS)
    except StopIteration as done:
        script: list[str] = done.value
        return script


_IS_SAME, _DIFFERS = (1, 0), (0, 2)


def grouped(name: str, script: Sequence[str]) -> list[Stats]:
    """Neighbours of one kind, same or not, counted together."""
    groups = []
    for _, edits in itertools.groupby(script, SAME.__eq__):
        counts = Counter(edits)
        groups.append(Stats(name, 0, counts[SAME], counts[REMOVED], counts[ADDED], counts[CHANGED]))
    return groups


def smoothed(groups: Sequence[Stats], window: int) -> list[Stats]:
    """Unequal groups joined across at most `window` same members, where both sides lose some anyway."""
    joined: list[Stats] = []
    for group in groups:
        if len(joined) >= 2 and group.differing:
            before, between = joined[-2:]
            both = (before.removed or group.removed) and (before.added or group.added)
            if both and between.same <= window:
                joined[-2:] = [before.plus(between).plus(group)]
                continue
        joined.append(group)
    return joined


def trimmed_groups(groups: Sequence[Stats], old: Sequence[object], new: Sequence[object]) -> list[Stats]:
    """Same members at the edges of unequal groups given to the same groups beside them."""
    done = list(groups)
    x = y = before = after = 0
    for at in range(len(done)):
        group = done[at]
        if not group.differing:
            x, y = x + group.same, y + group.same
            continue
        lost, won = group.same + group.removed + group.changed, group.same + group.added + group.changed
        head = _alike(old[x : x + lost], new[y : y + won])
        tail = _alike(old[x : x + lost][::-1], new[y : y + won][::-1])
        tail = min(tail, lost - head, won - head)
        if head and at:
            done[at - 1] = replace(done[at - 1], same=done[at - 1].same + head)
        elif head:
            before = head
        if tail and at + 1 < len(done):
            done[at + 1] = replace(done[at + 1], same=done[at + 1].same + tail)
        elif tail:
            after = tail
        if head or tail:
            done[at] = Stats(group.name, removed=lost - head - tail, added=won - head - tail)
        x, y = x + lost - tail, y + won - tail
    name = done[0].name if done else ""
    return [
        *([Stats(name, same=before)] if before else []), *done, *([Stats(name, same=after)] if after else [])
    ]


def _alike(one: Sequence[object], other: Sequence[object]) -> int:
    """How many leading members are the same."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
