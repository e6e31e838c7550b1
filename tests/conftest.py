"""For all tests: the command scripts are importable, and a skip that is not listed fails the run when asked to.

`--listed-skips-only` compares every skipped test with tests/skips-allowed.txt.
"""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ALLOWED = TESTS / "skips-allowed.txt"
sys.path.insert(0, str(TESTS / "commands"))
# Before anything imports Airflow: it would write its configuration into the home folder of whoever runs the tests.
PLACE = f"{Path(sys.prefix).name}-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
os.environ["AIRFLOW_HOME"] = str(TESTS.parent / ".cache" / "airflow-home" / PLACE)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


def pytest_addoption(parser: pytest.Parser) -> None:
    """One switch for CI."""
    parser.addoption("--listed-skips-only", action="store_true", help="fail on skips not in tests/skips-allowed.txt")


def pytest_configure(config: pytest.Config) -> None:
    """The gate lives where the results come together, not in the workers."""
    if config.getoption("--listed-skips-only") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipGate(allowed_patterns()), "skip-gate")


def allowed_patterns() -> list[str]:
    """Node id patterns of tests/skips-allowed.txt, without their reasons."""
    lines = ALLOWED.read_text(encoding="utf-8").splitlines()
    return [line.split("  #", 1)[0].strip() for line in lines if line.strip() and not line.startswith("#")]


class SkipGate:
    """Collects skips and turns the run red when one is not listed."""

    def __init__(self, allowed: list[str]) -> None:
        """`allowed` are node id patterns."""
        self._allowed = allowed
        self.unlisted: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A skipped test; an expected failure reports itself as skipped too and is none."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A skipped file."""
        if report.skipped:
            self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not any(fnmatchcase(report.nodeid, pattern) for pattern in self._allowed):
            self.unlisted.append(f"{report.nodeid}: {report.longrepr[2] if report.longrepr else ''}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """An unlisted skip is a failure of the run."""
        if self.unlisted and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which ones."""
        if self.unlisted:
            terminalreporter.section("skips that tests/skips-allowed.txt does not list", red=True)
            for each in self.unlisted:
                terminalreporter.line(each)
