"""Which containers a killed stub left behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from orchestrator_stub.runners.docker_owner import is_left_over, owner_label, started


@pytest.mark.parametrize(
    ("label", "gone"),
    [
        ("here/7/100", False),
        ("here/7/99", True),
        ("here/8/100", True),
        ("elsewhere/8/100", False),
        ("", False),
        ("here/x/1", False),
        ("here//", False),
    ],
)
def test_only_what_certainly_has_no_stub_is_left_over(label, gone):
    """Containers of a stub that runs would be killed, or those of a dead one stay for ever."""
    assert is_left_over(label, "here", lambda pid: {7: "100"}.get(pid, "")) is gone


def test_this_process_is_alive_and_one_that_was_killed_is_not():
    """The label would say nothing of the process that wrote it."""
    assert not is_left_over(owner_label(), socket.gethostname(), started)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"]) as process:
        label = f"{socket.gethostname()}/{process.pid}/{started(process.pid)}"
        assert not is_left_over(label, socket.gethostname(), started)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # nobody has taken notice yet
        assert is_left_over(label, socket.gethostname(), started)
    assert is_left_over(label, socket.gethostname(), started)
