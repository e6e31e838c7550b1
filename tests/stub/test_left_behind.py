"""However a stub ends, the programs of its jobs end with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

STUB = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--s3", "off", "--nodes", "1"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("runner", ["sandbox", "process"])
def test_no_program_outlives_its_stub(runner, how, sleeping, until):
    """Programs of a stub that ended would use up the machine, unseen."""
    marker = f"67{os.getpid()}{how.value}"
    line = f"trap '' TERM INT HUP; setsid sleep {marker} & (setsid sh -c 'sleep {marker} & sleep {marker}' &); sleep {marker}"
    with subprocess.Popen([*STUB, "--docker-runner", runner], stdout=subprocess.PIPE, text=True) as stub:
        url = stub.stdout.readline().split()[-1]
        submit(url, line)
        until(lambda: sleeping(marker) == 4)
        began = time.monotonic()
        stub.send_signal(how)
        assert stub.wait(10) == (0 if how is signal.SIGTERM else -how)
        until(lambda: sleeping(marker) == 0)
    assert time.monotonic() - began < 5


def submit(url, line):
    """A job that runs a line of shell."""
    params = {"Image": "busybox", "Entrypoint": ["/bin/sh", "-c"], "Parameters": [line]}
    task = {"Name": "main", "Engine": {"Type": "docker", "Params": params}}
    body = json.dumps({"Job": {"Type": "batch", "Count": 1, "Tasks": [task]}}).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/orchestrator/jobs", body, headers, method="PUT")).close()
