"""Busybox of this machine in the place of a busybox image."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.runners.busybox import find_busybox
from orchestrator_stub.runners.image import Images
from orchestrator_stub.runners.sandbox import SandboxRunner


@pytest.fixture
def make_busybox(tmp_path):
    """Makes a program that lists commands and says how it was called."""

    def make(listed="echo busybox; echo sh; echo cat"):
        path = tmp_path / "busybox"
        path.write_text(f'#!/usr/bin/sh\ncase $1 in --list) {listed};; *) echo "$0: $*";; esac\n')
        path.chmod(0o755)
        return str(path)

    return make


def test_its_commands_become_links(make_busybox):
    """The image's shell would be missing, or busybox a link to itself."""
    found = find_busybox(make_busybox())
    assert found.commands == ("busybox", "sh", "cat")
    assert found.links == {"/bin/sh": "busybox", "/bin/cat": "busybox"}


@pytest.mark.parametrize("listed", ["exit 1", "true", "echo cat", "echo ../sh"])
def test_one_that_does_not_work_is_none(make_busybox, listed):
    """Jobs of a busybox image would fail instead of running with this machine's shell."""
    assert find_busybox(make_busybox(listed)) is None


def test_none_is_needed(monkeypatch, tmp_path):
    """The stub would not start on a machine without it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_busybox() is None
    assert find_busybox(str(tmp_path / "nope")) is None


@pytest.mark.parametrize("command", [["/bin/sh", "-c", "x"], ["sh", "-c", "x"], ["cat", "x"]])
async def test_a_busybox_image_has_its_commands(make_busybox, make_work, printed, command):
    """The shell's words and exit codes would be those of this machine's (golden 72, results-file-path)."""
    runner = SandboxRunner(
        RELEASES["1.9.3"], "/usr/bin/bwrap", images=Images(RELEASES["1.9.3"], busybox=find_busybox(make_busybox()))
    )
    work = make_work("docker", {"Image": "localhost/busybox:latest", "Entrypoint": command})
    assert (await runner.run(work)).exit_code == 0
    assert printed(work).decode() == f"/bin/{command[0].rpartition('/')[2]}: {' '.join(command[1:])}\n"
    other = make_work("docker", {"Image": "ubuntu", "Entrypoint": ["/bin/sh", "-c", "echo own"]})
    await runner.run(other)
    assert printed(other) == b"own\n"
