"""Whose turn it is at each node: one log stream is served at a time, in the order of asking (FINDINGS-docker 8)."""

from __future__ import annotations

import itertools
from collections import deque


class LogQueue:
    """Visitors of each node by their numbers; pure, it neither waits nor wakes anybody."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._lines: dict[str, deque[int]] = {}

    def join(self, node_id: str) -> int:
        """Stand in line at a node; returns the visitor's number, which no other visitor gets."""
        number = next(self._numbers)
        self._lines.setdefault(node_id, deque()).append(number)
        return number

    def is_served(self, node_id: str, number: int) -> bool:
        """Whether it is this visitor's turn."""
        line = self._lines.get(node_id)
        return line is not None and line[0] == number

    def leave(self, node_id: str, number: int) -> None:
        """Go away, served or not; the next one's turn has come. Leaving twice does nothing."""
        line = self._lines.get(node_id)
        if line is None or number not in line:
            return
        line.remove(number)
        if not line:
            del self._lines[node_id]
