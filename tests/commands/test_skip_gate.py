"""A skip that nobody allowed turns the run red."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SKIPPED = "import pytest\n\ndef test_it(): pytest.skip('not here')\n"
EXPECTED_FAILURE = "import pytest\n\n@pytest.mark.xfail\ndef test_it(): assert False\n"
SKIPPED_FILE = "import pytest\npytest.importorskip('a_module_that_nobody_has')\n"


@pytest.fixture
def run(tmp_path):
    """Run pytest with the gate on one file, with these lines in skips-allowed.txt."""

    def go(content, *allowed):
        (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text())
        (tmp_path / "skips-allowed.txt").write_text("# reasons\n" + "\n".join(allowed))
        (tmp_path / "test_it.py").write_text(content)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--listed-skips-only", "test_it.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return go


@pytest.mark.parametrize("content", [SKIPPED, SKIPPED_FILE])
def test_an_unlisted_skip_fails_the_run_and_is_named(run, content):
    """Tests could stop running without anybody noticing."""
    done = run(content)
    assert done.returncode == 1
    assert "test_it.py" in done.stdout.split("does not list")[1]


def test_a_listed_skip_passes(run):
    """What a machine really cannot do would block every change."""
    assert run(SKIPPED, "test_it.py::test_it  # needs another machine").returncode == 0


def test_an_expected_failure_is_no_skip(run):
    """Known failures would have to be listed as skips."""
    assert run(EXPECTED_FAILURE).returncode == 0
