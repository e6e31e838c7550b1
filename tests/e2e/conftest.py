"""One stub and one Airflow for the whole suite; starting them takes longest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Both are running and all DAGs are known; whatever happens, no process is left."""
    from narrate import Narrator
    from processes import Processes
    from world import World

    home = tmp_path_factory.mktemp("airflow")
    processes = Processes(home / "output")
    try:
        one = World(home, processes, Narrator())
        one.start()
        yield one
    finally:
        processes.stop()
