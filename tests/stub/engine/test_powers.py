"""All powers are as at the start after a reset."""

from __future__ import annotations

from orchestrator_stub.domain.fault import Fault, Hang
from orchestrator_stub.domain.scriptreading import parse_scripts
from orchestrator_stub.engine.faults import Faults
from orchestrator_stub.engine.powers import Powers


def test_clear_leaves_nothing_behind():
    """A test would meet faults, scripts or requests of the one before."""
    powers = Powers()
    powers.clear()
    powers.faults = Faults(lambda _: None, bytes)
    powers.faults.add(Fault(Hang()))
    powers.scripts.replace(parse_scripts([{"match": {}, "stages": []}]))
    powers.journal.append((1, "GET", "/", b"", 200, b"", b"", (), "", "", None))
    powers.clear()
    assert (powers.faults.listed(), powers.scripts.items, powers.journal.entries()) == ([], (), [])
