"""The server process by itself."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("127.0.0.1")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def test_it_says_when_it_is_ready_and_ends_with_its_stdin(tmp_path):
    """The proxy would connect too early, or the process would outlive it."""
    path = tmp_path / "socket"
    command = [sys.executable, "-m", "orchestrator_stub.s3.moto", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)) as server:
        assert server.stdout.readline() == b"ready\n"
        connection = UnixConnection(path)
        for method, expected in (("PUT", 200), ("GET", 200)):  # on one connection
            connection.request(method, "/bucket")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == expected
        server.stdin.close()
        assert server.wait(5) == 0
