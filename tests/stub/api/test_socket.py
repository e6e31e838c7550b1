"""What counts as the handshake of a log socket; how the socket then behaves: test_server."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orchestrator_stub.api.socket import opened

URL = b"/api/v1/orchestrator/jobs/j-1/logs"
GOOD = {
    b"host": b"127.0.0.1",
    b"connection": b"Upgrade",
    b"upgrade": b"websocket",
    b"sec-websocket-version": b"13",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
}


def test_a_proper_handshake_is_one():
    """Nobody could follow a log."""
    assert opened(URL, list(GOOD.items())) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {b"sec-websocket-key": b"short"},
        {b"sec-websocket-version": b"12"},
        {b"sec-websocket-key": None},
        {b"bad header\r\n": b"x"},
    ],
)
def test_anything_else_is_none_and_no_traceback(changes):
    """Garbage would end in an exception of the library."""
    headers = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    assert opened(URL, list(headers.items())) is None


def test_a_stub_that_sees_no_socket_never_imports_the_library():
    """Its start would take longer than it must."""
    script = "import orchestrator_stub.app, sys; sys.exit('websockets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
