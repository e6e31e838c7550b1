"""What is hardly HTTP: the server has to answer or to hang up, and to serve the next client."""

from __future__ import annotations

import random

ALIVE = b"/api/v1/agent/alive"
_HEAD = b"GET " + ALIVE + b" HTTP/1.1\r\nHost: {host}\r\n"
_PUT = b"PUT /api/v1/orchestrator/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
WHOLE = (
    b"\r\n\r\n\r\nx\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: {host}\r\n\r\n",
    b"get " + ALIVE + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"NOPE " + ALIVE + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET " + ALIVE + b" HTTP/1.0\r\n\r\n",
    b"GET " + ALIVE + b" HTTP/1.1\r\n\r\n",
    b"GET " + ALIVE + b" HTTP/1.1\r\nHost: example.com\r\n\r\n",
    b"GET " + ALIVE + b" HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n",
    b"GET http://{host}" + ALIVE + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET http://{host} HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET " + ALIVE[1:] + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET ? HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET /\xc3\xa9\xff HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET /a b HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    _HEAD + b"Bad Name: x\r\n\r\n",
    _HEAD + b": x\r\n\r\n",
    _HEAD + b"X: a\r\n b\r\n\r\n",
    _HEAD + b"X: a\x00b\r\n\r\n",
    _HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
    _HEAD + b"X-%d: y\r\n" * 300 % tuple(range(300)) + b"\r\n",
    _HEAD + b"Content-Length: 5\r\n\r\nhello",
    _HEAD + b"Content-Length: -1\r\n\r\n",
    _HEAD + b"Content-Length: x\r\n\r\n",
    _HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    _HEAD + b"Content-Length: 0\r\nContent-Length: 1\r\n\r\n",
    _HEAD + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    _PUT + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    _PUT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
    _PUT + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    _PUT + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n",
    _PUT + b"Transfer-Encoding: gzip\r\n\r\n",
    _PUT + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nTrailer: x\r\n\r\n",
    _PUT + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    _PUT + b"Content-Length: 2\r\n\r\n{}GET " + ALIVE + b" HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
    _HEAD + b"\r\n" + _HEAD + b"Connection: close\r\n\r\n",
)
"""Whole requests, or what is so wrong that nothing more has to be waited for."""
FLOODS = (b"X: " + b"y" * 3_000_000, b"".join(b"X-%d: y\r\n" % at for at in range(120_000)), b"GET /" + b"x" * 3_000_000)
"""Heads that never end: more than the megabyte that a server reads."""


def garbage(rng: random.Random) -> bytes:
    """Bytes for one connection; `{host}` stands for the server."""
    kind = rng.random()
    if kind < 0.03:
        flood = rng.choice(FLOODS)
        return flood if flood.startswith(b"GET") else _HEAD + flood + b"\r\n\r\n"
    whole = rng.choice(WHOLE)
    if kind < 0.75:
        return whole
    at = rng.randrange(len(whole))
    return whole[:at] + bytes(rng.randrange(256) for _ in range(rng.randint(1, 3))) + whole[at + 1 :] + b"\r\n\r\n"
