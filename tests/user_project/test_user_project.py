"""A small project of a user, whose tests use nothing but the two plugins, in processes of its own; and the README's
words about such tests."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
PROJECT = HERE / "acme_etl"
README = (HERE.parents[1] / "README.md").read_text(encoding="utf-8")
PRODUCTION = {
    "AIRFLOW_CONN_BACALHAU_DEFAULT": "bacalhau://production.invalid",
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
    "AWS_PROFILE": "production",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
}
"""What the shell of whoever runs the tests may hold."""


pytestmark = pytest.mark.timeout(600)  # what is guarded is processor time: others may use the machine, too


@pytest.fixture
def run(tmp_path):
    """Run tests of the project: `run(file, ...)` gives its last line and the seconds of processor time that it took."""

    (tmp_path / "tmp").mkdir()

    def run(*arguments):
        own = ("AIRFLOW", "AWS_", "PYTEST_", "BACALHAU_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        places = {"TMPDIR": str(tmp_path / "tmp"), "AIRFLOW_HOME": str(tmp_path / "real")}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--show-capture=stdout", *arguments]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(
            command, cwd=PROJECT, env=kept | PRODUCTION | places, capture_output=True, text=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{' '.join(arguments)}: {time.monotonic() - began:.1f} s, of the processor {spent:.1f} s")
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
        assert [each.name for each in (tmp_path / "tmp").iterdir() if not each.name.startswith("pytest-of-")] == []
        assert not (tmp_path / "real" / "airflow.db").exists()
        return done.stdout.splitlines()[-1], spent

    return run


def test_a_hundred_tests_with_a_stub_each_take_seconds(run):
    """A team would share one stub among its tests, which then depend on each other."""
    line, spent = run("tests/test_stub.py")
    assert line.startswith("100 passed")
    assert spent < 15


def test_ten_dags_run_to_their_end_within_a_minute(run):
    """A team would test its DAGs on the cluster; the test that the README shows is one of these."""
    line, spent = run("tests/etl_test.py", "tests/test_dags.py")
    assert line.startswith("10 passed")
    assert spent < 60


def test_the_readme_shows_the_test_that_is_run_here():
    """People would copy a test that never ran."""
    _, shown = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert shown == (PROJECT / "tests" / "etl_test.py").read_text(encoding="utf-8")


def test_the_readme_shows_a_workflow():
    """People would copy a workflow that is none."""
    (shown,) = re.findall(r"```yaml\n(name: .*?)```", README, re.DOTALL)
    assert len(shown.splitlines()) == 12
    workflow = yaml.safe_load(shown)
    steps = workflow["jobs"]["tests"]["steps"]
    assert steps[-1] == {"run": "pytest -n auto"}
    assert "airflow-provider-bacalhau[amazon,stub]" in steps[-2]["run"]
