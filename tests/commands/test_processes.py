"""Programs are ended together, whatever happens to the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import processes
import pytest

SLEEP = [sys.executable, "-c", "import time; time.sleep(300)"]
STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'], start_new_session=True)\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(300)\n"
)


@pytest.fixture
def started(tmp_path, monkeypatch):
    """An empty set of programs that waits only a moment for those that do not listen."""
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    programs = processes.Processes(tmp_path)
    yield programs
    programs.stop()


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")


def until(condition, limit=10.0):
    """Whether something becomes true in time."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def number_in(path):
    """The number a program wrote, once it has."""
    assert until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def test_stopping_ends_every_program(started, tmp_path):
    """A command would leave programs running."""
    programs = [started.start(name, SLEEP, os.environ, tmp_path) for name in ("one", "two")]
    started.stop()
    assert [alive(program.pid) for program in programs] == [False, False]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="strays are found through /proc")
def test_stopping_ends_what_ignores_sigterm_and_what_left_its_group(started, tmp_path):
    """Airflow's grandchildren could survive the command that started them."""
    program = started.start("stubborn", [sys.executable, "-c", STUBBORN], os.environ, tmp_path)
    grandchild = number_in(started.log("stubborn"))
    started.stop()
    assert not alive(program.pid)
    assert not alive(grandchild)


def test_a_killed_command_leaves_nothing_running(tmp_path):
    """SIGKILL gives a command no chance to clean up; somebody else has to."""
    code = (
        "import os, pathlib, sys, time\n"
        f"sys.path.insert(0, {str(Path(processes.__file__).parent)!r})\n"
        "import processes\n"
        "processes.GRACE_SECONDS = 0.2\n"
        f"programs = processes.Processes(pathlib.Path({str(tmp_path)!r}))\n"
        f"print(programs.start('sleep', {SLEEP!r}, os.environ, '.').pid, flush=True)\n"
        "time.sleep(300)\n"
    )
    command = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(command.stdout.readline())
    assert alive(pid)
    command.kill()
    command.wait()
    command.stdout.close()
    assert until(lambda: not alive(pid))


def test_a_program_that_ends_by_itself_is_named(started, tmp_path):
    """A command would wait for a server that is long gone."""
    started.start("short", [sys.executable, "-c", "print('last words')"], os.environ, tmp_path)
    assert until(lambda: started.ended() == "short")
    assert started.tail("short") == "last words"


def test_the_first_signal_interrupts_and_the_next_do_not_disturb_the_clean_up():
    """A second Ctrl-C would stop the clean-up halfway."""
    cleaned = []
    with pytest.raises(processes.Interrupted) as caught, processes.interruptible():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append(True)
    assert cleaned == [True]
    assert caught.value.exit_code == 143


def test_nothing_of_the_persons_own_airflow_cloud_or_proxies_is_inherited():
    """A demonstration could write into a real Airflow database, use real credentials or go through a proxy."""
    inherited = {
        "PATH": "/bin", "AIRFLOW_HOME": "/x", "AIRFLOW__CORE__EXECUTOR": "x", "AIRFLOW_CONN_AWS_DEFAULT": "x",
        "AWS_PROFILE": "x", "AWS_ACCESS_KEY_ID": "x", "BACALHAU_API_HOST": "x", "http_proxy": "x", "HTTPS_PROXY": "x",
        "PYTHONPATH": "x", "PYTHONDONTWRITEBYTECODE": "1",
    }
    clean = processes.clean_environment(inherited)
    assert set(clean) & set(inherited) == {"PATH"}
    assert clean["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_free_ports_are_different():
    """Two servers could be given the same port."""
    assert len(set(processes.free_ports(20))) == 20
