"""A stub that cannot start as asked says so in one sentence, with what to do, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SERVE = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--s3", "off"]
OPEN = ["--host", "0.0.0.0", "--allow-host", "stub"]


@pytest.mark.parametrize(
    ("flags", "environment", "words"),
    [
        (["--docker-runner", "podman"], {}, ["choose one of auto, off, sandbox, docker, process, scripted"]),
        (["--docker-runner", "sandbox"], {"PATH": "/nowhere"}, ["bubblewrap is not installed (package bubblewrap)", "or choose --docker-runner"]),
        (["--docker-runner", "docker"], {"DOCKER_HOST": "unix:///no/such.sock"}, ["no container engine answers at /no/such.sock", "start Docker or Podman"]),
        (["--docker-runner", "docker"], {"DOCKER_HOST": "tcp://10.0.0.1:2375"}, ["is no unix socket", "set it to unix:///PATH"]),
        ([*OPEN, "--docker-runner", "process"], {}, ["without walls", "--docker-runner off or scripted", "--trust-network"]),
        ([*OPEN, "--docker-runner", "docker"], {}, ["containers would run their programs", "--trust-network"]),
        (OPEN, {}, ["the sandbox would run their programs", "--docker-runner off or scripted"]),
        (["--host", "0.0.0.0", "--docker-runner", "off"], {}, ["--allow-host NAME"]),
        (["--control-token", ""], {}, ["visible ASCII characters"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_one_sentence_with_the_next_step(tmp_path, flags, environment, words):
    """The user would see a traceback, or a sentence that leaves him where he is."""
    done = subprocess.run(
        [*SERVE, *flags], capture_output=True, text=True, timeout=60, env={**os.environ, "TMPDIR": str(tmp_path), **environment}
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bacalhau-stub: ")
    assert done.stderr.count("\n") == 1
    for each in words:
        assert each in done.stderr
    assert list(tmp_path.iterdir()) == []
