"""The command line, as a process."""

from __future__ import annotations

import json
import os
import shlex
import signal
import ssl
import stat
import subprocess
import sys
import urllib.request

import pytest

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


def test_run_with_a_key_gives_it_to_the_command_and_shows_it_to_nobody():
    """The tests of a project would be refused, or the key would stand in a log."""
    script = (
        "import json, os, urllib.request as u; c = json.loads(os.environ['AIRFLOW_CONN_BACALHAU_DEFAULT']);"
        "base = f\"http://{c['host']}:{c['port']}\";"
        "ask = u.Request(base + '/api/v1/agent/node', headers={'Authorization': 'Bearer ' + c['password']});"
        "print(u.urlopen(ask).status, os.environ['BACALHAU_API_KEY'] == c['password'], c['password'] in u.urlopen(base + '/stub/info').read().decode())"
    )
    done = run("run", *QUIET, "--api-key", "a-key-of-20-characters", "--", sys.executable, "-c", script)
    assert (done.returncode, done.stdout) == (0, "200 True False\n")


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


def test_run_with_tls_gives_the_command_a_connection_that_works():
    """The tests of a project that speaks https would not find the stub, or not trust it."""
    script = """
import json, os, ssl, urllib.request
connection = json.loads(os.environ["AIRFLOW_CONN_BACALHAU_DEFAULT"])
assert connection["extra"]["ca_cert"] == os.environ["BACALHAU_API_TLS_CAFILE"]
assert os.environ["BACALHAU_API_TLS_USETLS"] == "true"
context = ssl.create_default_context(cafile=connection["extra"]["ca_cert"])
url = f"{connection['schema']}://{connection['host']}:{connection['port']}/api/v1/agent/alive"
print(urllib.request.urlopen(url, context=context).read().decode())
"""
    done = run("run", "--tls", "auto", *QUIET, "--", sys.executable, "-c", script)
    assert (done.returncode, done.stdout) == (0, '{"Status":"OK"}\n\n'), done.stderr


def test_env_finds_a_stub_whose_certificate_is_broken_on_purpose():
    """A rehearsal could not even begin."""
    with subprocess.Popen(
        [*STUB, "serve", "--port", "0", "--tls", "auto:expired", *QUIET], stdout=subprocess.PIPE, text=True
    ) as stub:
        port = stub.stdout.readline().strip().rpartition(":")[2]
        banner = [stub.stdout.readline().rstrip("\n") for _ in range(6)]
        done = run("env", "--port", port)
        stub.terminate()
    assert done.stdout.splitlines() == banner[-2:]
    values = dict(word.split("=", 1) for word in shlex.split(done.stdout) if "=" in word)
    assert json.loads(values["AIRFLOW_CONN_BACALHAU_DEFAULT"])["schema"] == "https"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_key_is_left_for_others_however_the_stub_ends(tmp_path, how):
    """Another user of the machine could read a private key, or a disk fill with them."""
    with subprocess.Popen(
        [*STUB, "serve", "--port", "0", "--tls", "auto", *QUIET],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: os.umask(0),
    ) as stub:
        url = stub.stdout.readline().split()[-1]
        ca_file = [stub.stdout.readline() for _ in range(2)][1].split()[1]
        context = ssl.create_default_context(cafile=ca_file)
        assert urllib.request.urlopen(f"{url}/api/v1/agent/alive", context=context).status == 200
        stub.send_signal(how)
        assert stub.wait(5) == (0 if how is signal.SIGTERM else -how)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    if how is signal.SIGTERM:
        assert list(tmp_path.iterdir()) == []
    for path in left:
        if "PRIVATE KEY" in path.read_text():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in tmp_path.iterdir())


def test_wrong_usage_is_one_sentence_and_status_2():
    """The user would see a traceback."""
    tls = ["serve", "--port", "0", *QUIET, "--tls-cert", "/no/such.pem", "--tls-key", "/no/such.key"]
    for words in (["serve", "--clock", "sideways"], ["serve", "--nodes", "x"], tls, ["run"], ["frobnicate"], []):
        done = run(*words)
        assert done.returncode == 2, words
        assert done.stderr.startswith("bacalhau-stub: "), words
        assert "Traceback" not in done.stderr


def test_nothing_to_ask_is_one_sentence_and_status_1():
    """The user would see a traceback."""
    done = run("env", "--port", "9")
    assert done.returncode == 1
    assert "bacalhau-stub serve" in done.stderr


def test_the_collector_does_not_look_again_at_what_has_lasted():
    """The more jobs there are, the longer everybody would wait for it."""
    code = (
        "import gc; from orchestrator_stub.cli import spare_what_lasts; spare_what_lasts(); before = gc.get_freeze_count();"
        "kept = [[] for _ in range(1000)]; gc.collect(1); middle = gc.get_freeze_count(); gc.collect();"
        "assert middle - before < 100 and gc.get_freeze_count() - middle > 1000"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
