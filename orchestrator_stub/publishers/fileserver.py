"""The file server of published archives: what a node offers beside its API (FINDINGS-docker 4)."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import html
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator_stub.domain.hosts import is_loopback

PORT = 6001
"""Taken when it is free."""
_CHUNK = 256 * 1024
_HEAD_LIMIT = 16 * 1024
_IDLE = 60
_REASONS = {
    200: "OK",
    206: "Partial Content",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Requested Range Not Satisfiable",
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_TEXT, _PAGE, _ARCHIVE = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/gzip"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: a body, or a piece of a file."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    file: Path | None = None
    start: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A request without body."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


class FileServer:
    """Serves one folder; every archive to everybody who reaches it, as nodes do."""

    def __init__(
        self, folder: Path, *, host: str = "127.0.0.1", port: int = PORT, names: Sequence[str] = ()
    ) -> None:
        """Nothing is bound yet.

        :param host: address to bind
        :param port: 0 = any
        :param names: by which other machines reach it, where they do
        """
        self.url = ""
        """After `start`, without final slash."""
        self._folder, self._host, self._port = folder, host, port
        self._names = tuple(name.lower() for name in names)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bind the port, or any when it is taken. Raises OSError when none can be bound."""
        try:
            self._server = await asyncio.start_server(self._connected, self._host, self._port, limit=_HEAD_LIMIT)
        except OSError:
            if not self._port:
                raise
            self._server = await asyncio.start_server(self._connected, self._host, 0, limit=_HEAD_LIMIT)
        host, port = self._server.sockets[0].getsockname()[:2]
        if self._names and not is_loopback(host):
            host = self._names[0]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def close(self) -> None:
        """Give the port back."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            while request := await _read_request(reader):
                await _send(writer, await asyncio.to_thread(self._answer, request), request.method)
                if request.headers.get("connection", "").lower() == "close":
                    break
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()  # no answer fits what is not HTTP, and nobody reads one
        finally:
            self._connections.discard(connection)
            writer.close()

    def _answer(self, request: Request) -> Answer:
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        if host and not is_loopback(host) and host.lower() not in self._names:  # a web page that plays at being it
            return _text(403, "forbidden host\n")
        return answer_for(request, self._folder)


def answer_for(request: Request, folder: Path) -> Answer:
    """What the file server answers; blocking (looks at the folder)."""
    if request.method not in ("GET", "HEAD"):
        return _text(405, "method not allowed\n")
    name = urllib.parse.unquote(urllib.parse.urlsplit(request.path).path).removeprefix("/")
    if not name:
        return _listing(folder)
    path = folder / name
    if "/" in name or name.startswith(".") or path.is_symlink() or not path.is_file():
        return _text(404, "404 page not found\n")
    facts = path.stat()
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": _ARCHIVE,
        "Last-Modified": email.utils.formatdate(facts.st_mtime, usegmt=True),
    }
    wanted = request.headers.get("range", "")
    if not wanted or request.headers.get("if-range", headers["Last-Modified"]) != headers["Last-Modified"]:
        return Answer(200, headers, file=path, length=facts.st_size)
    piece = parse_range(wanted, facts.st_size)
    if piece is None:
        return _text(416, "invalid range: failed to overlap\n", {"Content-Range": f"bytes */{facts.st_size}"})
    start, length = piece
    headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{facts.st_size}"
    return Answer(206, headers, file=path, start=start, length=length)


def parse_range(text: str, size: int) -> tuple[int, int] | None:
    """Start and length of the one range that is asked for; None when it lies outside."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
    return (start, end - start + 1) if start < size and start <= end else None


def _listing(folder: Path) -> Answer:
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    links = "".join(f'<a href="{urllib.parse.quote(name)}">{html.escape(name)}</a>\n' for name in names)
    page = f'<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n{links}</pre>\n'
    return Answer(200, {"Content-Type": _PAGE}, page.encode())


def _text(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    always = {"Content-Type": _TEXT, "X-Content-Type-Options": "nosniff"}
    return Answer(status, {**always, **(headers or {})}, text.encode())


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the client is done."""
    async with asyncio.timeout(_IDLE):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    with contextlib.suppress(ValueError):  # a length that is no number is none
        await reader.readexactly(min(int(headers.get("content-length", "0")), _HEAD_LIMIT))
    return Request(method, path, headers)


async def _send(writer: asyncio.StreamWriter, answer: Answer, method: str) -> None:
    length = answer.length if answer.file else len(answer.body)
    headers = {**answer.headers, "Content-Length": str(length)}
    head = f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\n"
    writer.write((head + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode())
    if method != "HEAD":
        writer.write(answer.body)
        if answer.file is not None:
            await _send_file(writer, answer)
    await writer.drain()


async def _send_file(writer: asyncio.StreamWriter, answer: Answer) -> None:
    assert answer.file is not None
    left = answer.length
    with await asyncio.to_thread(answer.file.open, "rb") as file:
        file.seek(answer.start)
        while left and (data := await asyncio.to_thread(file.read, min(left, _CHUNK))):
            left -= len(data)
            writer.write(data)
            await writer.drain()
