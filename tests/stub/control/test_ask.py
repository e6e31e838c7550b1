"""Finding a running stub, whatever it speaks, and what else may answer at its port."""

from __future__ import annotations

import asyncio
import http.server
import socket
import threading

import pytest

from orchestrator_stub.control import ask as asking
from orchestrator_stub.control.ask import NoStubError, ask
from orchestrator_stub.settings.flags import TLS_FAULTS, Tls


@pytest.mark.parametrize("tls", [None, *(Tls(fault=fault) for fault in TLS_FAULTS)], ids=repr)
async def test_a_stub_is_found_whatever_it_speaks(start_stub, tls):
    """`env` would say that nothing runs, just when a connection is rehearsed that does not work."""
    stub, _ = await start_stub(tls=tls)
    info = await asyncio.to_thread(ask, "127.0.0.1", int(stub.url.rpartition(":")[2]))
    assert (info.url, info.ca_file, info.tls_note) == (stub.url, stub.info.ca_file, stub.info.tls_note)


async def test_an_ipv6_address_is_asked(start_stub):
    """`--host ::1` could be served on and not be asked."""
    stub, _ = await start_stub(host="::1")
    assert (await asyncio.to_thread(ask, "::1", int(stub.url.rpartition(":")[2]))).url == stub.url


async def test_elsewhere_a_certificate_is_checked(start_stub, monkeypatch):
    """Whoever sits in between could have a shell run what it likes."""
    stub, _ = await start_stub(tls=Tls())
    monkeypatch.setattr(asking, "is_loopback", lambda host: False)
    with pytest.raises(NoStubError, match="not trusted here; ask on the stub's own machine"):
        await asyncio.to_thread(ask, "127.0.0.1", int(stub.url.rpartition(":")[2]))


def test_nothing_there_says_how_to_start_one():
    """The user would see a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NoStubError, match=f"no stub answers at 127.0.0.1:{port}; start one with: bacalhau-stub serve"):
        ask("127.0.0.1", port)


@pytest.mark.parametrize("body", [b"hello", b"[]", b'{"release": "1.9.3"}', b'{"s3": 1, "flags": [], "tls": 3}'])
def test_another_web_server_is_told_apart(body):
    """The variables would lead to a service that is no stub, or a traceback be shown."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        with pytest.raises(NoStubError, match="is no stub that answers this machine; give its --host and --port"):
            ask("127.0.0.1", server.server_address[1])
        server.shutdown()


def test_another_protocol_is_told_apart():
    """The user would see a traceback of an HTTP library."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                    connection.recv(65536)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        with pytest.raises(NoStubError, match="is no stub"):
            ask("127.0.0.1", listener.getsockname()[1])
        thread.join(5)


def test_the_environments_proxy_is_not_asked(monkeypatch):
    """A company's proxy would be asked for this machine, and told of it."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = []

        def take():
            connection, _ = listener.accept()
            listener.close()
            with connection:
                seen.append(connection.recv(65536))

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        with pytest.raises(NoStubError):
            ask("127.0.0.1", listener.getsockname()[1])
        thread.join(5)
    assert seen[0].startswith(b"GET /stub/info HTTP/1.1\r\n")


def test_the_token_goes_to_other_machines_alone_and_over_tls_first(monkeypatch):
    """Whoever listens could read it, though nobody there needs it."""
    sent = []

    def read(url, *, checked, token):
        sent.append((url, checked, token))
        raise OSError("nothing there")

    monkeypatch.setattr(asking, "_read", read)
    for host in ("stub.internal", "127.0.0.1"):
        with pytest.raises(NoStubError):
            ask(host, 1234, "T0ken")
    assert [url.partition(":")[0] for url, _, _ in sent] == ["https", "http", "http", "https"]
    assert [checked for _, checked, _ in sent] == [True, True, False, False]


async def test_a_stub_that_refuses_says_why(start_stub, monkeypatch):
    """The user would be told that there is no stub."""
    stub, _ = await start_stub(control_token="T0ken")
    port = int(stub.url.rpartition(":")[2])
    monkeypatch.setattr("orchestrator_stub.api.guard.is_loopback", lambda name: name != "127.0.0.1")
    with pytest.raises(NoStubError) as refused:
        await asyncio.to_thread(ask, "127.0.0.1", port, "wrong")
    assert "refuses: Host" in str(refused.value)
