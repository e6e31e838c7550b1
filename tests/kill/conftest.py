"""Stubs that do not outlive their test, however it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stubs import Served


@pytest.fixture
def serve():
    """`serve(folder, ...)`: see `Served`; what still runs at the end is killed."""
    started = []

    def start(folder, *flags, **how):
        started.append(Served(folder, *flags, **how))
        return started[-1]

    yield start
    for stub in started:
        if stub.process.returncode is None:
            stub.kill()
