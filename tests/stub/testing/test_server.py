"""Stubs in this process: quick to start, gone without a trace."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import pytest

from orchestrator_stub.domain.errors import SettingsError
from orchestrator_stub.testing.server import MissingExtraError, background, stub_server


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where folders are made, for this test only."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def alive(url):
    """Whether a stub answers there."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/agent/alive", timeout=5):
            return True
    except urllib.error.URLError:
        return False


ALONE = """
import os, signal, threading
from pathlib import Path
from orchestrator_stub.testing import stub_server

def s3_processes():
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                yield int(stat.parent.name)
        except OSError:
            pass  # it ended meanwhile

with stub_server() as stub:
    stub.s3.put("s3://acme/b", b"")
    (process,) = s3_processes()
    os.kill(process, signal.SIGKILL)
with stub_server() as stub:
    stub.s3.put("s3://acme/c", b"")
    print(stub.s3.list(), stub.url, stub.info["s3"]["endpoint"])
print([thread.name for thread in threading.enumerate()], list(s3_processes()))
"""


def test_nothing_is_left_of_a_stub_nor_of_one_whose_s3_was_killed(tmp_path):
    """A suite would fill the disk, the process table and the ports; or one test would take S3 from all others."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    first, second = done.stdout.splitlines()
    objects, url, endpoint = first.rsplit(" ", 2)
    assert (objects, second) == ("['s3://acme/c']", "['MainThread'] []")
    assert list(tmp_path.iterdir()) == []
    for each in (url, endpoint):
        with socket.create_server(("127.0.0.1", int(each.rpartition(":")[2]))):
            pass


def test_a_block_that_fails_ends_its_stub(place):
    """A test that fails would leave its stub behind."""
    with pytest.raises(ZeroDivisionError), stub_server("--s3", "off") as stub:
        _ = 1 / 0
    assert not alive(stub.url)
    assert list(place.iterdir()) == []


def test_requests_that_hang_do_not_hold_the_end_up(place):
    """A test of a hanging server would hang itself."""
    answers = []

    def ask(url):
        try:
            answers.append(urllib.request.urlopen(url, timeout=30).status)
        except OSError as error:
            answers.append(error)

    with stub_server("--s3", "off") as stub:
        fault = stub.fault("GET", "*/alive", "hang")
        asking = threading.Thread(target=ask, args=(f"{stub.url}/api/v1/agent/alive",))
        asking.start()
        while not fault.hits:
            time.sleep(0.01)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    asking.join(5)
    assert len(answers) == 1
    assert isinstance(answers[0], OSError)


def test_a_stub_takes_few_milliseconds():
    """A stub for every test would be too dear, and tests would share one."""
    with background():
        with stub_server():
            pass
        gc.collect()
        spent = []
        for _ in range(20):
            began = time.perf_counter()
            with stub_server():
                pass
            spent.append(time.perf_counter() - began)
    assert sorted(spent)[10] < 0.05


def test_objects_of_one_stub_are_not_there_for_the_next_nor_for_another():
    """Tests would see each other's objects."""
    with background():
        for _ in range(2):
            with stub_server() as one, stub_server() as two:
                assert one.s3.list() == two.s3.list() == []
                one.s3.put("s3://acme/one", b"1")
                two.s3.put("s3://acme/two", b"2")
                assert (one.s3.list(), two.s3.list()) == (["s3://acme/one"], ["s3://acme/two"])


def test_flags_are_those_of_the_command_line():
    """A stub in a test could not be what the one in CI is."""
    with stub_server("--emulate", "1.7.0", "--clock", "virtual", "--s3", "off") as stub:
        assert (stub.info["release"], stub.clock.mode, stub.info["s3"]["endpoint"]) == ("1.7.0", "virtual", None)
    with pytest.raises(SettingsError, match="--clock soon: choose one of"), stub_server("--clock", "soon"):
        pass


def test_without_the_extra_one_sentence_names_it(monkeypatch):
    """Whoever installed without the extra would read about a module of somebody else."""
    monkeypatch.setitem(sys.modules, "orchestrator_stub.app", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'airflow-provider-bacalhau\[stub\]' \(.* is missing\)"):
        with stub_server():
            pass


def test_loading_the_plugin_imports_nothing_third_party():
    """Every pytest of an environment with this package would pay for it, or fail without the extra."""
    code = (
        "import sys, pytest\nbefore = set(sys.modules)\n"
        "import orchestrator_stub.testing, orchestrator_stub.testing.plugin\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['orchestrator_stub']\n"


def test_the_handle_needs_no_pytest():
    """A demonstration or a notebook could not start a stub."""
    code = "import sys\nsys.modules['pytest'] = None\nimport orchestrator_stub.testing as t\nprint(t.StubHandle('http://h').url)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "http://h\n"


FORKS = """
import os, sys
from orchestrator_stub.testing import stub_server
with stub_server("--s3", "off") as outer:
    child = os.fork()
    if not child:
        with stub_server("--s3", "off") as inner:
            print(inner.clock.mode, inner.url != outer.url, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print(outer.clock.mode)
"""


def test_a_forked_process_has_stubs_of_its_own():
    """A test that forks would wait for ever for a thread that stayed behind."""
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "auto True\nauto\n"
