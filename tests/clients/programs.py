"""What sets the released command-line programs apart, by release (fact sheet 3.7, 9.6, 12; feature timeline)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest


@dataclass(frozen=True)
class Program:
    """The command-line program of one release. Every field names what it does."""

    release: str
    sends_normalised: bool = False
    """Fills in empty maps, lists and defaults before it submits (up to 1.6); later ones send nulls as they are."""
    fills_everywhere_count: bool = False
    """Sends Count 1 for ops and daemon jobs (1.5); later ones 0."""
    lists_missing_count: int = 1
    """Count of a spec without the key."""
    networks: tuple[str, ...] = ("Default", "None", "Host", "Full", "HTTP", "Bridge")
    """Words it can read; the first is what it assumes."""
    wasm_module_is_path: bool = True
    """`wasm run FILE` sends the module as an input (1.7+), before as an object in the engine's parameters."""
    knows_versions: bool = True
    """Updates by name, versions, rerun, diff, `Force` and `JobVersion` (1.8+)."""
    knows_connection_state: bool = True
    """Nodes have a ConnectionState and an address, `agent node` is flat, executions a PartitionIndex (1.6+)."""
    asks_license: bool = False
    """Has `license inspect` (1.6.2 to 1.8)."""
    asks_auth_config: bool = True
    """Has `auth info` (1.7+)."""
    skips_sign_in: frozenset[str] = frozenset({"alive", "version", "authconfig"})
    """Questions to the agent that it asks without signing in (1.7+)."""


_NEWEST = Program("1.9.3")
_R180 = replace(_NEWEST, release="1.8.0", asks_license=True)
_R170 = replace(_R180, release="1.7.0", knows_versions=False)
_R165 = replace(
    _R170,
    release="1.6.5",
    sends_normalised=True,
    networks=("None", "Host", "HTTP", "Bridge"),
    wasm_module_is_path=False,
    asks_auth_config=False,
    skips_sign_in=frozenset(),
)
_R152 = replace(
    _R165,
    release="1.5.2",
    fills_everywhere_count=True,
    lists_missing_count=0,
    networks=("None", "Full", "HTTP"),
    knows_connection_state=False,
    asks_license=False,
)
PROGRAMS = {program.release: program for program in (_R152, _R165, _R170, _R180, _NEWEST)}


def only_programs(which: Callable[[Program], bool]) -> Any:
    """A test of what some releases do not have: only the programs that say yes to `which`."""
    return pytest.mark.parametrize("program", [name for name in PROGRAMS if which(PROGRAMS[name])], indirect=True)


with_versions = only_programs(lambda program: program.knows_versions)
with_partitions = only_programs(lambda program: program.knows_connection_state)
