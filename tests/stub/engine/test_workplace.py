"""The folder that a stub works in."""

from __future__ import annotations

import subprocess
import sys

from orchestrator_stub.engine.workplace import Workplace, clear_abandoned

KILLED = """
import os, sys
from pathlib import Path
from orchestrator_stub.engine.workplace import Workplace
place = Workplace(Path(sys.argv[1]))
(place.folder / "runs").mkdir()
(place.folder / "runs" / "big").write_bytes(b"x" * 1000)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_stub_left_is_cleared_away(tmp_path):
    """Each kill would leave the outputs of its jobs on the disk for ever."""
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert clear_abandoned(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_living_stub_keeps_its_folder(tmp_path):
    """A second stub would delete what the jobs of the first are writing."""
    place = Workplace(tmp_path)
    assert clear_abandoned(tmp_path) == 0
    assert place.folder.is_dir()
    place.close()
    assert list(tmp_path.iterdir()) == []


def test_folders_that_are_no_stubs_are_left_alone(tmp_path):
    """Somebody's data would be deleted because of its name."""
    (tmp_path / "bacalhau-stub-notes").mkdir()
    (tmp_path / "other").mkdir()
    assert clear_abandoned(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 2
