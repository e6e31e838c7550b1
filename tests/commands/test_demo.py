"""`make demo` and `make up` as a person types them: what they show, how long they are silent, what they leave behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SILENCE = 7.0
"""Five seconds are promised; the rest is for a machine that does other things."""
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]


@dataclass
class Told:
    """What a command printed and when."""

    lines: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    code: int | None = None

    @property
    def text(self) -> str:
        """Everything."""
        return "\n".join(self.lines)

    @property
    def longest_silence(self) -> float:
        """Seconds without a line."""
        return max((later - earlier for earlier, later in zip(self.times, self.times[1:])), default=0.0)


def make(*words, stop_at=None, how=signal.SIGTERM, after=None):
    """Run make; at the first line that matches `stop_at` call `after` with the lines and send it a signal."""
    process = subprocess.Popen(
        ["make", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    told = Told(times=[time.monotonic()])
    for line in process.stdout:
        told.lines.append(line.rstrip("\n"))
        told.times.append(time.monotonic())
        if stop_at and re.search(stop_at, line):
            if after:
                after(told)
            stop_at = None
            os.killpg(process.pid, how)
    told.code = process.wait()
    process.stdout.close()
    return told


def left_running(home):
    """Command lines of processes that work for the Airflow in `home`."""
    mark = f"AIRFLOW_HOME={ROOT / home / 'airflow'}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # gone meanwhile
    return found


def test_the_demo_shows_jobs_results_and_leaves_nothing_running():
    """The first thing that a newcomer types would fail, look dead, show nothing, or leave servers behind."""
    told = make("demo")
    assert told.code == 0, told.text
    assert told.longest_silence < LONGEST_SILENCE
    assert re.search(r"^  j-\S+ +squares +Completed +engine wasm, runner wasm", told.text, re.MULTILINE)
    assert re.search(r"^  s3://demo-results/\S+", told.text, re.MULTILINE)
    assert "(nothing there)" not in told.text
    assert left_running(".demo") == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_running(how):
    """Ctrl-C or a kill in the middle would leave half an Airflow behind."""
    told = make("demo", stop_at=r"waiting for Airflow", how=how)
    assert told.code != 0
    assert left_running(".demo") == []


def test_up_serves_a_folder_of_dags_until_it_is_interrupted(tmp_path):
    """`make up` would not show the person's own DAGs, not say where it is, or not end with Ctrl-C."""
    (tmp_path / "mine.py").write_text(
        "from airflow.sdk import dag\n\n@dag(schedule=None)\ndef my_own_dag(): pass\n\nmy_own_dag()\n"
    )
    answered = []

    def look(told):
        for name in ("Airflow", "Bacalhau"):
            url = re.search(rf"^{name} +(http://127\.0\.0\.1:\d+)", told.text, re.MULTILINE)[1]
            with urlopen(url + ("/api/v2/version" if name == "Airflow" else "/api/v1/agent/alive")) as answer:
                answered.append(answer.status)

    told = make("up", f"DAGS={tmp_path}", "RUNNER=scripted", stop_at="Ctrl-C ends all", how=signal.SIGINT, after=look)
    assert answered == [200, 200], told.text
    assert left_running(".up") == []


def test_up_refuses_a_folder_that_is_not_there():
    """A typing mistake would start an Airflow without DAGs."""
    told = make("up", "DAGS=no-such-folder")
    assert told.code != 0
    assert "DAGS=no-such-folder is not a folder" in told.text
