"""What the orchestrator and its nodes say to each other; it waits while a node is out of touch."""

from __future__ import annotations

from collections.abc import Callable


class Post:
    """Delivers at once, or when the node is in touch again: both sides take up their streams of messages where these
    broke off, so nothing is lost and nothing changes places."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Callable[[], None]]] = {}

    def send(self, node_id: str, deliver: Callable[[], None]) -> None:
        """A message to or from the node."""
        waiting = self._waiting.get(node_id)
        if waiting is None:
            deliver()
        else:
            waiting.append(deliver)

    def cut(self, node_id: str) -> None:
        """The node is out of touch."""
        self._waiting.setdefault(node_id, [])

    def clear(self) -> None:
        """What waits is not delivered; who is out of touch stays so."""
        for waiting in self._waiting.values():
            waiting.clear()

    def restore(self, node_id: str) -> None:
        """The node is in touch again: what waited is delivered, oldest first."""
        for deliver in self._waiting.pop(node_id, ()):
            deliver()
