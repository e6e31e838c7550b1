"""A sandboxed job that is stopped at any moment of its start."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from orchestrator_stub.runners.sandbox import SandboxRunner

PARAMETERS = {"Image": "localhost/busybox:latest"}
MOMENTS = range(0, 100, 5)
"""Milliseconds after which it is stopped: before its walls stand, while they do, when it runs."""


async def test_a_job_stopped_while_its_walls_are_put_up_leaves_nothing(release, make_work):
    """`job run service.yaml` and `job stop` in one breath would leave the program running for ever."""
    runner = SandboxRunner(release, "/usr/bin/bwrap")
    marker = f"47{os.getpid()}"
    work = [make_work("docker", {**PARAMETERS, "Parameters": ["sleep", marker]}) for _ in MOMENTS]
    left = []
    for run, moment in zip(work, MOMENTS, strict=True):
        task = asyncio.create_task(runner.run(run))
        await asyncio.sleep(moment / 1000)
        task.cancel()
        await asyncio.wait({task}, timeout=1)
        left += [(moment, pid) for pid in left_over(marker)]
        for _, pid in left:
            end(pid)
        with pytest.raises(asyncio.CancelledError):
            await task
    assert left == []


def end(pid):
    """Kill what should not be there, so that the test can end."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def left_over(word):
    """Process ids of this machine with a word in their command line."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if word.encode() in content(path)]


def content(path):
    """What a command line says; nothing when the process is gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
