"""A web server that misbehaves as told, a real S3 over HTTP, and archives packed as Bacalhau packs them."""

from __future__ import annotations

import gzip
import io
import re
import ssl
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_bacalhau.models.results import PublishedResult
from airflow_provider_bacalhau.results.fetch import Fetcher
from airflow_provider_bacalhau.results.hosts import allowed_hosts


def pack(files: dict[str, bytes], *, folders: tuple[str, ...] = ()) -> bytes:
    """A tar.gz as FINDINGS-docker 4 describes it: folder before content, byte order, no './' prefix."""
    names: dict[str, bytes | None] = {".": None, **dict.fromkeys(folders), **files}
    for name in files:
        for cut in [index for index, letter in enumerate(name) if letter == "/"]:
            names.setdefault(name[:cut], None)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in sorted(names):
            info = tarfile.TarInfo(name)
            content = names[name]
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                info.size, info.mode = len(content), 0o644
                tar.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


@pytest.fixture(name="pack")
def pack_fixture() -> Callable[..., bytes]:
    """Packs files as Bacalhau does."""
    return pack


@dataclass
class Reply:
    """One answer: `cut` ends the connection after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Web:
    """Serves `files` with ranges and ETags; `script[path]` holds answers (or None: the file) used up first."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    script: dict[str, list[Reply | None]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    etags: bool = True
    gate: Callable[[str], Reply | None] = lambda path: None

    def answer(self, target: str, headers: dict[str, str]) -> Reply:
        self.seen.append((target, headers))
        path = urlsplit(target).path
        refused = self.gate(target)
        if refused is not None:
            return refused
        reply = self.script[path].pop(0) if self.script.get(path) else None
        if reply is not None and reply.cut is None:
            return reply
        if path not in self.files:
            return Reply(404, b"404 page not found\n")
        served = self._file(path, headers)
        served.cut = reply.cut if reply else None
        return served

    def _file(self, path: str, headers: dict[str, str]) -> Reply:
        body = self.files[path]
        etag = f'"{hash(body) & 0xFFFFFFFF:x}"'
        tags = {"ETag": etag} if self.etags else {}
        if headers.get("if-match", etag) != etag:
            return Reply(412)
        match = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if match:
            start = int(match[1])
            tags["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            return Reply(206, body[start:], tags)
        return Reply(200, body, tags)


@pytest.fixture(name="Reply")
def reply_fixture() -> type[Reply]:
    """An answer to script."""
    return Reply


@pytest.fixture
def make_web() -> Iterator[Callable[..., Web]]:
    """Starts web servers on loopback; with a certificate, for https."""
    servers = []

    def start(certificate: Path | None = None) -> Web:
        web = Web()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                reply = web.answer(self.path, {key.lower(): value for key, value in self.headers.items()})
                self.send_response(reply.status)
                for key, value in reply.headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body[: reply.cut])
                if reply.cut is not None:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        web.url = f"http://127.0.0.1:{server.server_port}"
        return web

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def web(make_web: Callable[..., Web]) -> Web:
    """One web server."""
    return make_web()


@dataclass
class World:
    """What a fetcher needs from its surroundings, all under the test's control."""

    results: list[PublishedResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    renewals: int = 0

    def renew(self) -> list[PublishedResult]:
        self.renewals += 1
        return self.results

    def fetcher(self, orchestrator: str = "http://127.0.0.1:1234", **settings: Any) -> Fetcher:
        allowed = settings.pop("allowed", None) or allowed_hosts(orchestrator)
        return Fetcher(self.renew, allowed, note=self.notes.append, sleep=self.pauses.append, **settings)


@pytest.fixture
def world() -> World:
    """Records notes, pauses and renewals."""
    return World()


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """moto's S3 over HTTP."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_url: str) -> Iterator[Any]:
    """A boto3 client with an empty S3 that has the bucket "results"."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3_url, aws_access_key_id="test", aws_secret_access_key="secretkey", region_name="us-east-1"
    )
    client.create_bucket(Bucket="results")
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="results"):
        for entry in page.get("Contents", ()):
            client.delete_object(Bucket="results", Key=entry["Key"])
    client.delete_bucket(Bucket="results")
    client.close()
