"""What a server can do, from the version it announces. Nothing else in the provider compares version numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from airflow_provider_bacalhau.models.enums import ComputeState, DesiredState

NEWEST = "1.9.3"
"""The newest release whose behaviour is recorded."""

_COMPUTE_STATES: Mapping[int, str] = dict(enumerate(state.value for state in ComputeState))
_PAGE_COMPUTE_STATES: Mapping[int, str] = dict(
    enumerate(
        state.value
        for state in ComputeState
        if state not in (ComputeState.RUNNING, ComputeState.PUBLISHING)  # these two came with 1.5
    )
)
_DESIRED_STATES: Mapping[int, str] = dict(enumerate(state.value for state in DesiredState))
_ITEMS: Mapping[str, str] = {
    "jobs": "Items",
    "executions": "Items",
    "history": "Items",
    "results": "Items",
    "nodes": "Nodes",
}
_PAGE_KEYS: Mapping[str, str] = {kind: kind.title() for kind in _ITEMS}
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Frozen facts about one server release; every field names a behaviour."""

    release: str = ""
    """As announced, without the leading v; empty when the server said nothing usable."""
    known: bool = True
    """The behaviour of this release (same major and minor number) is recorded."""
    compute_states: Mapping[int, str] = field(default_factory=lambda: _COMPUTE_STATES, hash=False)
    """Meaning of the integers of an execution's compute state (7, 8, 9 differ before 1.5, FINDINGS-1.1.0 2)."""
    unique_names: bool = True
    """A Name is unique in its namespace and submitting it again updates that job (1.8+)."""
    env_in_task: bool = True
    """A task's `Env` reaches the program (1.6.4+); before only the engine's own environment does."""
    network_words: tuple[str, ...] = ("Default", "None", "Host", "Full", "HTTP", "Bridge")
    """Network types that the server understands (fact sheet 3.7)."""
    wasm_module_path: bool = True
    """`EntryModule` is the target of an input (1.7+), before it is an input source itself."""
    logs_after_end_full: bool = True
    """The log of a finished job is the whole log (1.8+), before at most 2,048 bytes of each stream."""
    waits_on_busy_node: bool = True
    """A job beyond a node's free capacity waits there (FINDINGS-docker 7); 1.5.2 fails it without a QueueTimeout."""
    default_memory: int = 512_000_000
    """Bytes that a job gets which asks for none, unless the server is configured otherwise (fact sheet 4.5)."""
    list_keys: Mapping[str, str] = field(default_factory=lambda: _ITEMS, hash=False)
    """Key of the list in an answer, by kind: jobs, executions, history, results, nodes."""
    docs_shapes: bool = False
    """Bodies and words of the "Orchestrator Endpoint" page (1.1.x): transitions, flat nodes, `create_time`."""

    @classmethod
    def from_version(cls, text: str | None) -> Capabilities:
        """Facts of the release that announces `text` ("v1.9.3").

        Missing or garbled text means the most cautious protocol (1.5.2), a release newer than the newest known
        means the newest known; both are not `known`.
        """
        return _from_version(text or "")

    @property
    def warning(self) -> str | None:
        """One sentence for the log when the release is not known, else None."""
        if self.known:
            return None
        if not self.release:
            return "The server announces no usable version, so it is treated like Bacalhau 1.5.2."
        like = "1.1.0" if self.docs_shapes else NEWEST
        return f"Bacalhau {self.release} is not known to this provider, so it is treated like {like}."

    def compute_state(self, value: int | str) -> str:
        """Name of a compute state; an unknown integer becomes "Unknown(42)", text stays."""
        return value if isinstance(value, str) else self.compute_states.get(value, f"Unknown({value})")

    def desired_state(self, value: int | str) -> str:
        """Name of a desired state; an unknown integer becomes "Unknown(42)", text stays."""
        return value if isinstance(value, str) else _DESIRED_STATES.get(value, f"Unknown({value})")


_R180 = Capabilities()
_R170 = replace(_R180, unique_names=False, logs_after_end_full=False)
_R164 = replace(_R170, wasm_module_path=False, network_words=("None", "Host", "HTTP", "Bridge"))
_R152 = replace(
    _R164,
    env_in_task=False,
    network_words=("None", "Full", "HTTP"),
    waits_on_busy_node=False,
    default_memory=1_000_000_000,
)
_PAGE = replace(_R152, compute_states=_PAGE_COMPUTE_STATES, list_keys=_PAGE_KEYS, docs_shapes=True)

_SINCE: tuple[tuple[tuple[int, int, int], Capabilities], ...] = (
    ((1, 8, 0), _R180),
    ((1, 7, 0), _R170),
    ((1, 6, 4), _R164),
    ((1, 5, 0), _R152),
    ((0, 0, 1), _PAGE),
)
UNKNOWN = replace(_R152, known=False)
"""What is assumed of a server that has not told its version."""


@lru_cache(maxsize=64)
def _from_version(text: str) -> Capabilities:
    found = _VERSION.match(text.strip())
    if found is None:
        return UNKNOWN
    number = (int(found[1]), int(found[2]), int(found[3]))
    for since, facts in _SINCE:
        if number >= since:
            known = number[:2] == (1, 1) or (1, 5) <= number[:2] <= (1, 9)
            return replace(facts, release=".".join(map(str, number)), known=known)
    return UNKNOWN  # a development build announces v0.0.0
