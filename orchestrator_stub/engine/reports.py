"""What a node last said about itself: figures that are only told now and then (FINDINGS-docker 7)."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Told(Generic[T]):
    """A value as somebody knows it who is told every so often.

    Nothing has to happen at the time of a word: what was said then follows from when the value changed.
    """

    def __init__(self, value: T, since: int, every: int) -> None:
        """`since`: the first word, unix nanoseconds. `every`: nanoseconds between words; 0 = never another one."""
        self._value = value
        self._before = value
        self._changed = since
        self._since = since
        self._every = every

    @property
    def value(self) -> T:
        """The value as it is, told or not."""
        return self._value

    def change(self, value: T, now: int) -> None:
        """The value is another one from `now` on (unix nanoseconds)."""
        if value == self._value:
            return
        self._before = self.known(now)
        self._value = value
        self._changed = now

    def known(self, now: int) -> T:
        """What was last said at or before `now` (unix nanoseconds)."""
        last = self._since
        if self._every and now > last:
            last += (now - last) // self._every * self._every
        return self._value if self._changed <= last else self._before

    def news_at(self, now: int) -> int:
        """When something that was not said at or before `now` will be said, unix nanoseconds; 0 = there is nothing."""
        if not self._every or self.known(now) == self._value:
            return 0
        return self._since + ((now - self._since) // self._every + 1) * self._every

    def tell(self) -> None:
        """The value is said out of turn."""
        self._before, self._changed = self._value, self._since

    def start_again(self, now: int, *, saying: bool) -> None:
        """Words come at new times, counted from `now`; `saying`: with one right away."""
        self._before = self._value if saying else self.known(now)
        self._since = now
        self._changed = now if saying else now + 1
