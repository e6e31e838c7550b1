"""The head of a request as Go's net/http reads it: what it takes, and what it answers to the rest.

The released servers are Go programs; whatever arrives is judged there before any route sees it. Sources: recorded
answers of net/http (Go 1.26) with the servers' settings, fact sheet 2.1.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass

LARGEST_HEAD = (1 << 20) + 4096
"""Bytes of request line and headers; more is a 431 (net/http's default and its slack)."""
_TEXT = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"
_END = re.compile(rb"\n\r?\n")
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_METHOD = re.compile(_TOKEN)
_VERSION = re.compile(rb"HTTP/(\d)\.(\d)")
_VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
_FIELD = re.compile(rb"(" + _TOKEN + rb"):(" + _VALUE + rb")\r?\n")
_FIELDS = re.compile(rb"(?:" + _TOKEN + rb":" + _VALUE + rb"\r?\n)*")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z\x20-]+")
_VALUES = re.compile(_VALUE)
_HOST = re.compile(rb"[0-9A-Za-z!$%&()*+,\-.:;='\[\]_~]*")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_LARGEST_LENGTH, _MOST_DIGITS = 2**63, 20


class BadHeadError(Exception):
    """A head that is refused before any route sees it; `answer` is all that goes out, then the connection ends."""

    def __init__(self, status: str = "400 Bad Request", body: str | None = None) -> None:
        super().__init__(status)
        self.answer = b"HTTP/1.1 " + status.encode() + b"\r\n" + _TEXT + (status if body is None else body).encode()


TOO_LARGE = BadHeadError("431 Request Header Fields Too Large")
EXPECTATION = BadHeadError("417 Expectation Failed")
EXPECTATION.answer = b"HTTP/1.1 417 Expectation Failed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
"""The one refusal without a body and without a media type."""


@dataclass(slots=True)
class Head:
    """A request line and its headers, valid."""

    method: str
    raw_path: bytes
    path: str
    """Decoded."""
    query: bytes
    minor: int
    """1 for HTTP/1.1, 0 for HTTP/1.0."""
    headers: list[tuple[bytes, bytes]]
    """Names in lower case; `transfer-encoding` only where it is obeyed."""
    length: int | None
    """Bytes of the body; None for a chunked one."""
    keep_alive: bool
    expects_continue: bool


def end_of_head(buffer: bytearray, start: int) -> int:
    """Where the head ends, just behind its blank line; -1 while it is not complete. `start`: begin to look there."""
    found = _END.search(buffer, start)
    return found.end() if found else -1


def check_begun(buffer: bytes, *, whole: bool = False) -> None:
    """Judge the complete lines of a head that is not complete yet, as a server that reads line by line does.

    :param whole: nothing more will come, so that the last bytes count as a line too.
    :raises BadHeadError: a line is wrong already.
    """
    cut = len(buffer) if whole else buffer.rfind(b"\n") + 1
    line, newline, rest = buffer[:cut].partition(b"\n")
    if line or newline:
        _request_line(line.removesuffix(b"\r"))
    if rest:
        _fields(rest if rest.endswith(b"\n") else rest + b"\n")


def read_head(block: bytes) -> Head:
    """The head that `block` is, up to and with its blank line.

    :raises BadHeadError: with what net/http answers.
    """
    line, _, rest = block.partition(b"\n")
    method, version, (raw_path, query, host) = _request_line(line.removesuffix(b"\r"))
    fields = _fields(rest[: -2 if rest.endswith(b"\r\n") else -1])
    found = dict(fields)
    if len(found) != len(fields):
        found = _without_conflict(fields)
    length = _length(found, version)
    if version[0] != 1:
        raise BadHeadError("505 HTTP Version Not Supported: unsupported protocol version")
    minor = min(version[1], 1)
    _check_host(method, minor, found)
    if any(b" " in name for name in found):
        raise BadHeadError("400 Bad Request: invalid header name")
    expects = b"expect" in found and _expects(fields)
    if host is not None or b"transfer-encoding" in found:
        fields = _handed_on(fields, host, minor)
    path = raw_path.decode("utf-8", "replace")
    return Head(
        method=method.decode(),
        raw_path=raw_path,
        path=urllib.parse.unquote(path) if "%" in path else path,
        query=query,
        minor=minor,
        headers=fields,
        length=length,
        keep_alive=_keep_alive(fields, minor) if b"connection" in found else minor == 1,
        expects_continue=expects and minor == 1 and length != 0,
    )


def _request_line(line: bytes) -> tuple[bytes, tuple[int, int], tuple[bytes, bytes, bytes | None]]:
    """Method, version, and the parts of the target."""
    method, _, rest = line.partition(b" ")
    target, _, version = rest.partition(b" ")
    known = _VERSION.fullmatch(version)
    if known is None or _METHOD.fullmatch(method) is None:
        raise BadHeadError
    return method, (int(known[1]), int(known[2])), _target(method, target)


def _target(method: bytes, target: bytes) -> tuple[bytes, bytes, bytes | None]:
    """Path, query and the host that a whole address names."""
    if target.startswith(b"/") and b"%" not in target and _CONTROL.search(target) is None:
        path, _, query = target.partition(b"?")
        return path, query, None
    if method == b"CONNECT" and not target.startswith(b"/"):
        target = b"http://" + target
    if not target or _CONTROL.search(target):
        raise BadHeadError
    if target == b"*":
        return b"*", b"", None
    if target.startswith(b":"):
        raise BadHeadError
    scheme = _SCHEME.match(target)
    path, _, query = target[scheme.end() if scheme else 0 :].partition(b"?")
    host = None
    if not path.startswith(b"/"):
        if scheme is None:
            raise BadHeadError
        return b"", query, None
    if scheme is not None and path.startswith(b"//"):
        authority, slash, rest = path[2:].partition(b"/")
        host, path = authority.rpartition(b"@")[2], slash + rest
        if _HOST.fullmatch(host) is None:
            raise BadHeadError
    if _BAD_ESCAPE.search(path):
        raise BadHeadError
    return path, query, host


def _fields(block: bytes) -> list[tuple[bytes, bytes]]:
    """Names in lower case and trimmed values, in their order."""
    if _FIELDS.fullmatch(block) is not None:
        return [(name.lower(), value.strip(b" \t")) for name, value in _FIELD.findall(block)]
    folded: list[list[bytes]] = []
    for line in block.split(b"\n")[:-1]:
        text = line.removesuffix(b"\r")
        if text[:1] in (b" ", b"\t"):
            if not folded:
                raise BadHeadError
            folded[-1].append(text.strip(b" \t"))
        elif b":" in text:
            folded.append([text.strip(b" \t")])
        else:
            raise BadHeadError
    return [_field(b" ".join(lines)) for lines in folded]


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    if _NAME.fullmatch(name) is None or _VALUES.fullmatch(value) is None:
        raise BadHeadError
    return name.lower(), value.lstrip(b" \t")


def _without_conflict(fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Each header's first value, where some come more than once and may."""
    found: dict[bytes, bytes] = {}
    for name, value in fields:
        first = found.setdefault(name, value)
        if first is not value:
            if name == b"host" or (name == b"content-length" and first != value):
                raise BadHeadError
            if name == b"transfer-encoding":
                found[name] = b"twice"
    return found


def _length(found: dict[bytes, bytes], version: tuple[int, int]) -> int | None:
    """Bytes of the body; None for a chunked one, which is the only other kind there is."""
    is_chunked = b"transfer-encoding" in found and version >= (1, 1)
    if is_chunked and found[b"transfer-encoding"].lower() != b"chunked":
        raise BadHeadError("501 Not Implemented", "Unsupported transfer encoding")
    text = found.get(b"content-length")
    if text is None:
        return None if is_chunked else 0
    digits = text.lstrip(b"0")[:_MOST_DIGITS] or b"0"
    if not text.isdigit() or int(digits) >= _LARGEST_LENGTH:
        raise BadHeadError
    return None if is_chunked else int(digits)


def _check_host(method: bytes, minor: int, found: dict[bytes, bytes]) -> None:
    host = found.get(b"host")
    if host is None:
        if minor and method != b"CONNECT":
            raise BadHeadError("400 Bad Request: missing required Host header")
    elif _HOST.fullmatch(host) is None:
        raise BadHeadError("400 Bad Request: malformed Host header")


def _handed_on(fields: list[tuple[bytes, bytes]], host: bytes | None, minor: int) -> list[tuple[bytes, bytes]]:
    """The headers without those that do not count beside others, and with the host that the target names."""
    dropped = b"content-length" if minor else b"transfer-encoding"
    if any(name == b"transfer-encoding" for name, _ in fields):
        fields = [field for field in fields if field[0] != dropped]
    if host is None:
        return fields
    return [(b"host", host), *(field for field in fields if field[0] != b"host")]


def _expects(fields: list[tuple[bytes, bytes]]) -> bool:
    if b"100-continue" in _tokens(fields, b"expect"):
        return True
    if any(value for name, value in fields if name == b"expect"):
        raise EXPECTATION
    return False


def _keep_alive(fields: list[tuple[bytes, bytes]], minor: int) -> bool:
    tokens = _tokens(fields, b"connection")
    return b"close" not in tokens and (minor == 1 or b"keep-alive" in tokens)


def _tokens(fields: list[tuple[bytes, bytes]], wanted: bytes) -> set[bytes]:
    return {token.strip(b" \t").lower() for name, value in fields if name == wanted for token in value.split(b",")}
