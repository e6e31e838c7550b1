"""`make test`: the whole suite on the main Airflow release, the Airflow-facing part on the older one as well.

Sections run one after the other, each with its own closing line; all run even when one fails. Words after the command
go to pytest in every section.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bootstrap import environment_folder
from processes import clean_environment

ROOT = Path(__file__).resolve().parents[2]
AIRFLOW_FACING = ("tests/airflow", "tests/dags", "tests/user_project", "tests/architecture/test_import_cost.py")
WORKERS = os.environ.get("TEST_WORKERS", "2")


@dataclass(frozen=True)
class Section:
    """One run of pytest."""

    title: str
    release: str
    arguments: tuple[str, ...]


SECTIONS = (
    Section("everything but end to end, Airflow 3.3.2", "3.3.2", ("-n", WORKERS, "-m", "not e2e")),
    Section("Airflow-facing, Airflow 3.1.8", "3.1.8", ("-n", WORKERS, "-m", "not e2e", *AIRFLOW_FACING)),
    Section("end to end on a real Airflow 3.3.2", "3.3.2", ("-m", "e2e")),
)


def main(extra: list[str]) -> int:
    """Run every section; returns 1 when one failed."""
    done = []
    for section in SECTIONS:
        print(f"\n=== {section.title} ".ljust(100, "="), flush=True)
        started = time.monotonic()
        code = run(section, extra)
        done.append((section.title, code, time.monotonic() - started))
    print("\n=== sections ".ljust(100, "="))
    for title, code, seconds in done:
        print(f"{'passed' if code == 0 else f'FAILED ({code})':<12} {seconds:6.1f} s  {title}")
    return int(any(code for _, code, _ in done))


def run(section: Section, extra: list[str]) -> int:
    """pytest's exit code; finding no test at all is a failure."""
    python = environment_folder(section.release) / "bin" / "python"
    kept = [each for each in section.arguments if not each.startswith("tests/") or (ROOT / each).exists()]
    command = [str(python), "-m", "pytest", "-q", "--listed-skips-only", *kept, *extra]
    return subprocess.run(command, cwd=ROOT, env=clean_environment(os.environ), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
