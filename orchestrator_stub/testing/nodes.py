"""The stub's compute nodes: who is there, and what happens to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator_stub.testing.durations import Duration, in_seconds
from orchestrator_stub.testing.exchange import Exchange


class StubNode:
    """One node, as it was when it was listed or something was last done to it, which happens at once."""

    def __init__(self, exchange: Exchange, facts: Mapping[str, Any]) -> None:
        """Made by `StubNodes`."""
        self._exchange = exchange
        self.facts = dict(facts)
        """Everything that `GET /stub/nodes` says of it."""

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.facts["id"])

    @property
    def name(self) -> str:
        """Its name; "" when it has none."""
        return str(self.facts.get("name") or "")

    @property
    def state(self) -> str:
        """Its state in the orchestrator's eyes."""
        return str(self.facts.get("state") or "")

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return dict(self.facts.get("labels") or {})

    def drop(self) -> None:
        """It falls silent and all that runs there ends, as if its machine had lost power."""
        self._do("drop")

    def rejoin(self) -> None:
        """It starts again after `drop`."""
        self._do("rejoin")

    def freeze(self) -> None:
        """It falls silent, but its programs run on; messages wait both ways."""
        self._do("freeze")

    def thaw(self) -> None:
        """It is heard again after `freeze`."""
        self._do("thaw")

    def slow(self, duration: Duration) -> None:
        """Each of its steps takes so much longer; 0 = as quick as before."""
        self._do("slow", seconds=in_seconds(duration))

    def capacity(
        self,
        *,
        cpu: float | str | None = None,
        memory: int | str | None = None,
        disk: int | str | None = None,
        gpu: int | None = None,
    ) -> None:
        """It has other resources from now on; what is not named stays. Sizes are bytes or text ("4GB")."""
        given = {"cpu": cpu, "memory": memory, "disk": disk, "gpu": gpu}
        self._do("capacity", **{name: value for name, value in given.items() if value is not None})

    def label(self, labels: Mapping[str, str | None]) -> None:
        """It has these labels, too, from now on; None takes one away."""
        self._do("labels", labels=dict(labels))

    def __repr__(self) -> str:
        return f"StubNode({self.name or self.id}, {self.state})"

    def _do(self, what: str, **more: Any) -> None:
        self.facts = self._exchange.send("POST", f"/stub/nodes/{self.id}", {"do": what, **more})


class StubNodes:
    """All nodes of a stub: `len(stub.nodes)`, `for node in stub.nodes`, `stub.nodes["edge-1"]`, `stub.nodes[0]`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def list(self) -> list[StubNode]:
        """Every node, as it is now."""
        return [StubNode(self._exchange, facts) for facts in self._exchange.get("/stub/nodes")["nodes"]]

    def add(
        self,
        *,
        name: str = "",
        labels: Mapping[str, str] | None = None,
        cpu: float | str | None = None,
        memory: int | str | None = None,
        disk: int | str | None = None,
        gpu: int | None = None,
        engines: Sequence[str] | None = None,
        publishers: Sequence[str] | None = None,
        behaviour: Mapping[str, Any] | None = None,
    ) -> StubNode:
        """One more node, described as in a cluster file; what is not given is as usual.

        :param behaviour: slow, lossy, rejecting.
        :raises StubError: something of it is not understood
        """
        words = {"name": name or None, "labels": labels, "engines": engines, "publishers": publishers}
        amounts = {"cpu": cpu, "memory": memory, "disk": disk, "gpu": gpu}
        given: dict[str, Any] = {**words, **amounts, "behaviour": behaviour}
        shape = {key: value for key, value in given.items() if value is not None}
        return StubNode(self._exchange, self._exchange.send("POST", "/stub/nodes", shape)["nodes"][0])

    def __iter__(self) -> Iterator[StubNode]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

    def __getitem__(self, key: int | str) -> StubNode:
        """By place in the list, name, id, or the beginning of an id. Raises LookupError."""
        found = self.list()
        if isinstance(key, int):
            if not -len(found) <= key < len(found):
                raise LookupError(f"there is no node {key}; there are {len(found)}")
            return found[key]
        for node in found:
            if key in (node.name, node.id):
                return node
        beginning = [node for node in found if key and node.id.startswith(key)]
        if len(beginning) == 1:
            return beginning[0]
        raise LookupError(f"no node is {key!r}; there are {', '.join(node.name or node.id for node in found)}")
