"""What the clients' tests share: a real stub process for each release, and the released programs' stand-in for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cli import Cli
from programs import PROGRAMS

READY = "listening on "
STUB = ("-m", "orchestrator_stub", "serve", "--port", "0")


class StubProcess:
    """A stub that was started like a user starts it."""

    def __init__(self, release, *flags):
        self.release = release
        command = [sys.executable, *STUB, "--emulate", release, *flags]
        env = {key: value for key, value in os.environ.items() if not key.upper().endswith("_PROXY")}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        first = self._process.stdout.readline()
        assert READY in first, first
        self.url = first.split(READY)[1].strip()

    def stop(self):
        """End it; how it ended tells whether it was well."""
        self._process.send_signal(signal.SIGTERM)
        self._process.stdout.read()
        assert self._process.wait(10) == 0


@pytest.fixture(scope="session")
def stub_of():
    """stub_of(release) -> the running StubProcess that all tests of this release share."""
    running = {}

    def start(release):
        if release not in running:
            running[release] = StubProcess(release, "--docker-runner", "sandbox")
        return running[release]

    yield start
    for stub in running.values():
        stub.stop()


@pytest.fixture
def own_stub(program):
    """own_stub(*flags) -> a stub of the program's release for this test alone; it runs nothing and has no S3."""
    running = []

    def start(*flags):
        running.append(StubProcess(program.release, "--docker-runner", "scripted", "--s3", "off", *flags))
        return running[-1]

    yield start
    for stub in running:
        stub.stop()


@pytest.fixture(scope="session", params=PROGRAMS)
def program(request):
    """Each release's command-line program; `only_programs` narrows them down."""
    return PROGRAMS[request.param]


@pytest.fixture
def stub(stub_of, program):
    """A stub of the program's own release."""
    return stub_of(program.release)


@pytest.fixture
def cli(stub, program):
    """The program, newly installed: it has no token yet."""
    return Cli(stub.url, program)
