"""The command line, as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request

STUB = [sys.executable, "-m", "orchestrator_stub"]
QUIET = ["--s3", "off", "--docker-runner", "off"]


def run(*words, **options):
    """A finished command."""
    return subprocess.run([*STUB, *words], capture_output=True, text=True, timeout=60, **options)


def test_serve_says_where_it_is_once_it_answers_and_ends_on_sigterm():
    """Programs wait for the first line; a service manager sends SIGTERM."""
    with subprocess.Popen([*STUB, "serve", "--port", "0", *QUIET], stdout=subprocess.PIPE, text=True) as stub:
        first = stub.stdout.readline().split()
        assert first[:5] == ["bacalhau", "stub", "1.9.3", "listening", "on"]
        assert urllib.request.urlopen(f"{first[5]}/api/v1/agent/alive").read() == b'{"Status":"OK"}\n'
        stub.send_signal(signal.SIGTERM)
        assert stub.wait(5) == 0


def test_run_gives_the_command_the_variables_and_hands_its_exit_status_on():
    """`bacalhau-stub run -- pytest` would pass although the tests fail."""
    script = "import os, sys; print(os.environ['AIRFLOW_CONN_BACALHAU_DEFAULT']); sys.exit(7)"
    done = run("run", *QUIET, "--", sys.executable, "-c", script)
    assert done.returncode == 7
    assert '"conn_type":"bacalhau"' in done.stdout


def test_run_names_a_command_that_cannot_be_run():
    """The user would see a traceback."""
    done = run("run", *QUIET, "--", "no-such-command")
    assert (done.returncode, done.stderr) == (127, "bacalhau-stub: cannot run no-such-command: No such file or directory\n")


def test_env_asks_a_running_stub():
    """`eval "$(bacalhau-stub env)"` would set nothing."""
    with subprocess.Popen([*STUB, "serve", "--port", "0", *QUIET], stdout=subprocess.PIPE, text=True) as stub:
        port = stub.stdout.readline().strip().rpartition(":")[2]
        done = run("env", "--port", port)
        stub.terminate()
    assert done.stdout.splitlines()[0] == f"export AIRFLOW_CONN_BACALHAU_DEFAULT='bacalhau://127.0.0.1:{port}'"


def test_wrong_usage_is_one_sentence_and_status_2():
    """The user would see a traceback."""
    for words in (["serve", "--clock", "virtual"], ["serve", "--nodes", "x"], ["run"], ["frobnicate"], []):
        done = run(*words)
        assert done.returncode == 2, words
        assert done.stderr.startswith("bacalhau-stub: "), words
        assert "Traceback" not in done.stderr


def test_nothing_to_ask_is_one_sentence_and_status_1():
    """The user would see a traceback."""
    done = run("env", "--port", "9")
    assert done.returncode == 1
    assert "bacalhau-stub serve" in done.stderr
