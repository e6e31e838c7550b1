"""A connection that sends exact bytes and reads exact answers, each within a limit of time."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

LIMIT_S = 10.0
"""Seconds after which an answer counts as hanging."""
IDLE_S = 3.0
"""Seconds after which an unused connection is not used again, because servers close such."""


class Hang(Exception):
    """No answer in time."""


class Dropped(Exception):
    """The connection ended before the whole answer was there."""


class Malformed(Exception):
    """The answer is no HTTP."""


@dataclass(frozen=True)
class Answer:
    """An answer; header names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float
    closed: bool
    """The server said that it closes the connection."""

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for key, value in self.headers if key == name), None)


class Connection:
    """Keep-alive to one server; opened again whenever it was closed."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self._socket: socket.socket | None = None
        self._data = b""
        self._used = 0.0
        self.opened = 0

    @property
    def host(self) -> str:
        """What the Host header says."""
        return f"{self.address[0]}:{self.address[1]}"

    def exchange(self, message: bytes, *, head_only: bool = False, lenient: bool = False) -> Answer:
        """Send a request and read its answer. `head_only`: it was a HEAD. `lenient`: more may follow, or the end.

        Raises Hang, Dropped or Malformed.
        """
        began = time.monotonic()
        line = self._open()
        try:
            self._send(line, message, began)
            answer = self._read(line, began, head_only=head_only)
        except TimeoutError:
            self.close()
            raise Hang(f"no answer in {LIMIT_S:.0f} s") from None
        except (Dropped, Malformed):
            self.close()
            raise
        if answer.closed:
            self.close()
        elif not lenient:
            self._check_idle(line)
        self._used = time.monotonic()
        return answer

    def cut(self, part: bytes) -> None:
        """Send some bytes and hang up without waiting."""
        line = self._open()
        line.settimeout(LIMIT_S)
        try:
            line.sendall(part)
        except OSError:
            pass  # the server may have answered and gone already: that is the other end of the same cut
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._data = None, b""

    def _open(self) -> socket.socket:
        if time.monotonic() - self._used > IDLE_S:
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection(self.address, timeout=LIMIT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.opened += 1
        return self._socket

    @staticmethod
    def _send(line: socket.socket, message: bytes, began: float) -> None:
        line.settimeout(max(0.01, LIMIT_S - (time.monotonic() - began)))
        try:
            line.sendall(message)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was read: the answer may be there all the same

    def _read(self, line: socket.socket, began: float, *, head_only: bool) -> Answer:
        while (end := self._data.find(b"\r\n\r\n")) < 0 or self._data.startswith(b"HTTP/1.1 100"):
            if end >= 0:  # "go on" comes before the answer proper
                self._data = self._data[end + 4 :]
                continue
            self._more(line, began)
        lines = self._data[:end].split(b"\r\n")
        self._data = self._data[end + 4 :]
        words = lines[0].split(b" ", 2)
        if words[0] not in (b"HTTP/1.1", b"HTTP/1.0") or len(words) < 2 or not words[1].isdigit():
            raise Malformed(repr(lines[0][:80]))
        headers = tuple(_header(each) for each in lines[1:])
        found = dict(reversed(headers))
        closed = found.get("connection", "").lower() == "close" or words[0] == b"HTTP/1.0"
        status = int(words[1])
        if head_only or status in (101, 204, 304):
            body = b""
        elif "content-length" in found:
            body = self._exactly(line, began, int(found["content-length"]))
        elif found.get("transfer-encoding") == "chunked":
            body = self._chunks(line, began)
        elif closed:
            body = self._to_the_end(line, began)
        else:
            raise Malformed("an answer without length on a connection that stays open")
        return Answer(status, headers, body, time.monotonic() - began, closed)

    def _more(self, line: socket.socket, began: float) -> None:
        left = LIMIT_S - (time.monotonic() - began)
        if left <= 0:
            raise TimeoutError
        line.settimeout(left)
        try:
            data = line.recv(262_144)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Dropped(f"closed after {self._data[:60]!r}")
        self._data += data

    def _exactly(self, line: socket.socket, began: float, length: int) -> bytes:
        parts, self._data = [self._data], b""
        have = len(parts[0])
        while have < length:
            self._more(line, began)
            parts.append(self._data)
            have += len(self._data)
            self._data = b""
        whole = b"".join(parts)
        self._data = whole[length:]
        return whole[:length]

    def _chunks(self, line: socket.socket, began: float) -> bytes:
        parts = []
        while True:
            while b"\r\n" not in self._data:
                self._more(line, began)
            size, _, self._data = self._data.partition(b"\r\n")
            part = self._exactly(line, began, int(size, 16) + 2)
            if part == b"\r\n":
                return b"".join(parts)
            parts.append(part[:-2])

    def _to_the_end(self, line: socket.socket, began: float) -> bytes:
        try:
            while True:
                self._more(line, began)
        except Dropped:
            body, self._data = self._data, b""
            return body

    def _check_idle(self, line: socket.socket) -> None:
        """The server neither sends more than its answer nor hangs up (what is still on its way cannot be seen)."""
        line.settimeout(0)
        try:
            more = self._data or line.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        self.close()
        raise Malformed("bytes after the answer's end" if more else "closed, though the answer does not say so")


def _header(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip():
        raise Malformed(f"header {line[:80]!r}")
    return name.decode("latin-1").lower(), value.strip().decode("latin-1")
