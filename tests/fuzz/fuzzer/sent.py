"""One request as bytes, and as a line for a shell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SHOWN = 20_000
"""Bytes of a body beyond which a shell line names the body's size instead."""


@dataclass(frozen=True)
class Sent:
    """A request. `valid`: the server must take it. `cut`: only this share of its bytes is sent, then the line is cut.
    `raw`: these bytes are sent instead, whatever they are."""

    method: str
    target: bytes
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False
    cut: float | None = None
    raw: bytes = b""
    valid: bool = False
    job: dict[str, Any] | None = None
    """The job of a valid submission."""
    number: int = 0
    kind: str = ""

    @property
    def path(self) -> bytes:
        """The address without its query."""
        return self.target.partition(b"?")[0]

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def message(self, host: str) -> bytes:
        """The bytes on the line."""
        if self.raw:
            return self.raw.replace(b"{host}", host.encode())
        lines = [self.method.encode() + b" " + self.target + b" HTTP/1.1", b"Host: " + host.encode()]
        lines += [f"{name}: {value}".encode() for name, value in self.headers]
        if self.chunked:
            lines += [b"Transfer-Encoding: chunked", b""]
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.body), self.body)
        else:
            if self.body or self.method in ("PUT", "POST"):
                lines.append(b"Content-Length: %d" % len(self.body))
            lines.append(b"")
            body = self.body
        return b"\r\n".join(lines) + b"\r\n" + body

    def curl(self, url: str) -> str:
        """A line for bash that sends the same."""
        if self.raw:
            host = url.removeprefix("http://")
            shown = _octal(self.raw.replace(b"{host}", host.encode())[:_SHOWN])
            return f"printf {shown} | nc -q 10 {host.replace(':', ' ')}"
        words = ["curl", "-si", "--max-time", "10", "--path-as-is", "-g", "-X", self.method]
        for name, value in self.headers:
            words += ["-H", _quoted(f"{name}: {value}".encode() if value else f"{name};".encode())]
        if not any(name == "Content-Type" for name, _ in self.headers):
            words += ["-H", "Content-Type:"]
        if self.chunked:
            words += ["-H", "'Transfer-Encoding: chunked'"]
        pipe = ""
        if len(self.body) > _SHOWN:
            words.append(f"--data-binary @body-of-{len(self.body)}-bytes")
        elif self.body:
            pipe = f"printf {_octal(self.body)} | "
            words.append("--data-binary @-")
        return pipe + " ".join([*words, _quoted(url.encode() + self.target)])


def _quoted(text: bytes) -> str:
    """A word for bash."""
    if all(0x20 <= byte < 0x7F and byte != 0x27 for byte in text):
        return f"'{text.decode()}'"
    return "$'" + "".join(_escape(byte) for byte in text) + "'"


def _escape(byte: int) -> str:
    if byte in b"'\\":
        return "\\" + chr(byte)
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def _octal(text: bytes) -> str:
    """A format of printf that prints these bytes."""
    plain = {byte: chr(byte) for byte in range(0x20, 0x7F)} | {0x25: "%%", 0x5C: "\\\\", 0x27: "\\047"}
    return "'" + "".join(plain.get(byte) or f"\\{byte:03o}" for byte in text) + "'"
