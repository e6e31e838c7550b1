"""Requests per second of a server on this machine: processes with keep-alive sockets and no client library.

A client library would be what is measured: its threads stop at a fraction of what the server gives.

    python tests/bench/load.py http://127.0.0.1:1234/api/v1/agent/alive
    python tests/bench/load.py http://127.0.0.1:1234/api/v1/orchestrator/jobs --put body.json
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

PROCESSES = 8
SECONDS = 3.0


class Refused(Exception):
    """The server answered something else than 200; the text holds the answer."""


def requests_per_second(url: str, body: bytes | None = None, *, seconds: float = SECONDS) -> float:
    """Load `url` (PUT when there is a body, else GET) from 8 processes for some seconds.

    Raises Refused when an answer is not 200.
    """
    context = multiprocessing.get_context("fork")
    begin = context.Barrier(PROCESSES)
    pipes, workers = [], []
    for _ in range(PROCESSES):
        here, there = context.Pipe(duplex=False)
        worker = context.Process(target=work, args=(url, body, seconds, begin, there), daemon=True)
        worker.start()
        there.close()
        pipes.append(here)
        workers.append(worker)
    outcomes = [pipe.recv() for pipe in pipes]
    for worker in workers:
        worker.join()
    for outcome in outcomes:
        if isinstance(outcome, str):
            raise Refused(outcome)
    return float(sum(outcomes))


def work(url: str, body: bytes | None, seconds: float, begin: object, answer: Connection) -> None:
    """One process: its rate, or the text of an answer that was not 200."""
    parts = urlsplit(url)
    message = request(parts.netloc, parts.path + (f"?{parts.query}" if parts.query else ""), body)
    with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begin.wait()  # type: ignore[attr-defined]  # a barrier; its class is private
        count, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            connection.sendall(message)
            head, rest = receive(connection)
            if not head.startswith(b"HTTP/1.1 200"):
                answer.send((head + b"\n" + rest).decode(errors="replace")[:400])
                return
            count += 1
    answer.send(count / elapsed)


def exchanges(url: str, body: bytes | None, number: int) -> Iterator[float]:
    """Ask the same thing again and again on one connection; the seconds that each answer took.

    Raises Refused when an answer is not 200.
    """
    parts = urlsplit(url)
    message = request(parts.netloc, parts.path + (f"?{parts.query}" if parts.query else ""), body)
    with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(number):
            began = time.perf_counter()
            connection.sendall(message)
            head, rest = receive(connection)
            if not head.startswith(b"HTTP/1.1 200"):
                raise Refused((head + b"\n" + rest).decode(errors="replace")[:400])
            yield time.perf_counter() - began


def request(host: str, target: str, body: bytes | None) -> bytes:
    """The bytes of one request."""
    method = b"GET" if body is None else b"PUT"
    head = b"%s %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n" % (method, target.encode(), host.encode())
    if body is None:
        return head + b"\r\n"
    return head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def receive(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one answer, which names its length. Raises ConnectionError when the server hangs up."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += more(connection)
    head, body = data[:end], data[end + 4 :]
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    length = int(lowered[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    while len(body) < length:
        body += more(connection)
    return head, body


def more(connection: socket.socket) -> bytes:
    """Some bytes, at least one."""
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def main() -> None:
    """Measure one address and print the rate."""
    parser = argparse.ArgumentParser(description="Requests per second of one address.")
    parser.add_argument("url")
    parser.add_argument("--put", type=Path, help="file with the body to send")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    rate = requests_per_second(given.url, given.put.read_bytes() if given.put else None, seconds=given.seconds)
    print(f"{rate:,.0f} requests/s from {PROCESSES} processes")


if __name__ == "__main__":
    main()
