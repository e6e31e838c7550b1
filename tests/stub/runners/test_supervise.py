"""A supervised program ends whole: at its own end, at its stop, and when the stub is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from orchestrator_stub.runners import supervise

HIDDEN = "setsid sh -c 'sleep {0} & sleep {0}' >/dev/null 2>&1 &"
"""Two programs in a session of their own, whose parent ends at once."""


@pytest.fixture
def marker():
    """A length of sleep that no other test has."""
    return f"53{os.getpid()}"


@pytest.fixture
def supervised(tmp_path):
    """Starts a line of shell below a supervisor."""
    started = []

    def start(line="", *, argv=None, **more):
        order = tmp_path / f"order{len(started)}.json"
        duty = {
            "argv": argv or ["sh", "-c", line],
            "env": {"PATH": os.environ["PATH"], "A": "b  c"},
            "folder": str(tmp_path),
            "processes": 4096,
            "memory": -1,
            "file_size": 10**6,
            **more,
        }
        order.write_text(json.dumps(duty))
        command = [sys.executable, "-I", "-S", supervise.__file__, str(order)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env={}))
        return started[-1]

    yield start
    for process in started:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize(
    ("line", "code", "printed"),
    [
        ('echo "$A"; pwd; read x; echo $?', 0, b"b  c\nFOLDER\n1\n"),
        ("exit 3", 3, b""),
        ("kill -9 $$", 137, b""),
        ("head -c 2000000 /dev/zero > big; test $? -ne 0 && echo limited", 0, b"limited\n"),
    ],
)
def test_the_program_is_as_it_was_ordered(supervised, tmp_path, line, code, printed):
    """Exit code, output, folder, variables or limits would be those of something else."""
    process = supervised(line)
    assert process.stdout.read() == printed.replace(b"FOLDER", str(tmp_path).encode())
    assert process.wait(10) == code


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ({"argv": ["nosuchcommand"]}, b"sandbox: execvp nosuchcommand: No such file or directory\n"),
        ({"argv": ["/"]}, b"sandbox: execvp /: Permission denied\n"),
        ({"argv": ["true"], "folder": "/no/such"}, b"sandbox: Can't chdir to /no/such: No such file or directory\n"),
    ],
)
def test_what_cannot_start_is_told_from_what_ran(supervised, order, complaint):
    """A program that is missing would look like one that failed."""
    process = supervised(**order)
    assert (process.stderr.read(), process.wait(10)) == (complaint, 125)


def test_nothing_outlives_the_program(supervised, tmp_path, marker, sleeping, until):
    """What a job started in the background would run on after it."""
    process = supervised(f"{HIDDEN.format(marker)} while ! test -e go; do sleep 0.01; done; exit 4")
    until(lambda: sleeping(marker) == 2)
    (tmp_path / "go").touch()
    assert process.wait(10) == 4
    assert sleeping(marker) == 0


def test_nothing_outlives_its_stop(supervised, marker, sleeping, until):
    """A stopped job, or the jobs of a stub that was killed, would run on for ever: in both cases the pipe closes."""
    process = supervised(f"trap '' TERM INT HUP; {HIDDEN.format(marker)} sleep {marker} & echo on; sleep {marker}")
    assert process.stdout.readline() == b"on\n"
    until(lambda: sleeping(marker) >= 4)
    process.stdin.close()
    assert process.wait(10) == 137
    assert sleeping(marker) == 0
