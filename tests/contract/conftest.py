"""Both shells behind one driver, and servers for them: played from recordings, or real ones on this machine."""

from __future__ import annotations

import asyncio
import datetime
import inspect
import ipaddress
import json
import ssl
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from airflow_provider_bacalhau.client import retry
from airflow_provider_bacalhau.client.aio import AsyncClient
from airflow_provider_bacalhau.client.sync import Client

GOLDEN = Path(__file__).parents[1] / "golden"


class Driver:
    """Calls a method of either client and gives its plain result; generators become lists."""

    def __init__(self, kind, config, transport):
        self.kind = kind
        self.client = (Client if kind == "sync" else AsyncClient)(config, transport=transport)
        self._runner = asyncio.Runner()

    def __call__(self, name, *args, **kwargs):
        value = getattr(self.client, name)(*args, **kwargs)
        if inspect.isasyncgen(value):
            return self.run(collect(value))
        if inspect.isgenerator(value):
            return list(value)
        return self.run(value) if inspect.iscoroutine(value) else value

    def run(self, coroutine):
        """Run on the loop that all calls of this driver share."""
        return self._runner.run(coroutine)

    def close(self):
        """Close the client, then the loop."""
        self("close")
        self._runner.close()


async def collect(generator):
    """All items of an async generator."""
    return [item async for item in generator]


@pytest.fixture(params=["sync", "async"])
def connect(request):
    """connect(config, transport=None) -> a Driver of each shell, closed at the end."""
    drivers = []

    def make(config, transport=None):
        drivers.append(Driver(request.param, config, transport))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Nobody waits between attempts."""
    monkeypatch.setattr(retry, "FIRST_DELAY", 0.0)
    monkeypatch.setattr(retry, "LONGEST_DELAY", 0.0)


@cache
def steps(release, scenario):
    """Step id -> recorded step."""
    (path,) = (GOLDEN / release).glob(f"{scenario}-*.json")
    return {step["id"]: step for step in json.loads(path.read_text())["steps"]}


@pytest.fixture(scope="session")
def body():
    """body(release, scenario, step) -> the recorded text of an answer."""
    return lambda release, scenario, step: steps(release, scenario)[step]["body"]


@pytest.fixture(scope="session")
def page():
    """Operation -> the answer that the user's document prints."""
    return json.loads((GOLDEN / "docs" / "page.json").read_text())


@pytest.fixture(scope="session")
def auth_steps():
    """auth_steps(release) -> step id -> what a server with API users answered."""
    return lambda release: json.loads((GOLDEN / "auth" / f"{release}.json").read_text())["steps"]


@pytest.fixture
def serve():
    """serve(answer, context=None) -> (base url, requests): a real server; `answer(handler)` writes the response."""
    running = []

    def start(answer, context=None):
        requests = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def _answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.body = self.rfile.read(length)
                requests.append(self)
                answer(self)

            do_GET = do_PUT = do_DELETE = _answer

            def log_message(self, *_):
                pass

        server = QuietServer(("127.0.0.1", 0), Handler)
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        running.append((server, thread))
        return f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}", requests

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


class QuietServer(ThreadingHTTPServer):
    """Keeps failed handshakes, which some tests want, out of the output."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        """Nothing to say."""


def reply(handler, status, text, **headers):
    """Write a JSON answer."""
    content = text if isinstance(text, bytes) else text.encode()
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture(scope="session", name="reply")
def _reply():
    return reply


class Certificates:
    """A small authority in a folder: paths and PEM text of what it issues."""

    def __init__(self, folder):
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        self._cert = self._sign(name, name, self._key, [(basic, True)], days=2)
        self.ca = self._write("ca.pem", pem(self._cert))

    def issue(self, name, *, hosts=("127.0.0.1", "localhost"), days=2, client=False, passphrase=None):
        """Paths of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        extensions = [
            (x509.SubjectAlternativeName([general_name(host) for host in hosts]), False),
            (x509.ExtendedKeyUsage([usage]), False),
        ]
        cert = self._sign(subject, self._cert.subject, key, extensions, days)
        locked = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        return self._write(f"{name}.pem", pem(cert)), self._write(f"{name}.key", text)

    def server_context(self, *, ask_client=False, **how):
        """A server's TLS context with a fresh certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue("server", **how))
        if ask_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context

    def _sign(self, subject, issuer, key, extensions, days):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=4))
            .not_valid_after(now + datetime.timedelta(days=days))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name, text):
        path = self.folder / name
        path.write_bytes(text)
        return str(path)


def pem(cert):
    """PEM text of a certificate."""
    return cert.public_bytes(serialization.Encoding.PEM)


def general_name(host):
    """A host for a certificate."""
    return x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority whose certificates nobody else trusts."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
