"""One seed, the same requests, two processes: every byte of every answer is the same, ports apart."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

JOBS = "/api/v1/orchestrator/jobs"
NODES = "/api/v1/orchestrator/nodes"
COMMAND = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", "0", "--s3", "off", "--docker-runner", "scripted"]
PORTS = re.compile(rb"127\.0\.0\.1:\d+")
SCRIPTS = [
    {"match": {"name": "files-*"}, "stages": [{"stdout": "x", "files": {"out/a.csv": "1\n"}, "after": "3s", "jitter": "1m"}]},
    {"match": {"name": "lost-*"}, "stages": [{"after": "2m", "node_lost": True}]},
    {"match": {"name": "bad-*"}, "stages": [{"after": "1s", "jitter": "1h", "stderr": "no", "exit": 3}]},
    {"match": {}, "stages": [{"after": "10m", "jitter": "10m"}]},
]


class Wire:
    """A connection that keeps every byte it got."""

    def __init__(self, url):
        host, _, port = url.removeprefix("http://").partition(":")
        self.file = socket.create_connection((host, int(port)), 30).makefile("rwb")
        self.heard = []

    def ask(self, method, path, body=None):
        """The decoded body of an answer, None where it is no JSON."""
        content = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
        kind = "Content-Type: application/json\r\n" if body is not None else ""
        self.file.write(f"{head}{kind}\r\n".encode() + content)
        self.file.flush()
        lines = []
        while (line := self.file.readline()) not in (b"\r\n", b""):
            lines.append(line)
        length = next((int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")), None)
        if method == "HEAD":
            length = 0
        answer = self.chunks() if length is None else self.file.read(length)
        self.heard.append((path, PORTS.sub(b"HERE", b"".join(lines)), PORTS.sub(b"HERE", answer)))
        with contextlib.suppress(ValueError):
            return json.loads(answer)

    def chunks(self):
        """A body that comes in chunks."""
        parts = []
        while size := int(self.file.readline(), 16):
            parts.append(self.file.read(size))
            self.file.readline()
        self.file.readline()
        return b"".join(parts)


def job(name, **more):
    """A job that publishes where files can be fetched."""
    task = {
        "Name": "main",
        "Engine": {"Type": "docker", "Params": {"Image": "acme/clean:1"}},
        "ResultPaths": [{"Name": "out", "Path": "/out"}],
        "Publisher": {"Type": "local"},
        "Timeouts": {"ExecutionTimeout": 1800},
    }
    return {"Job": {"Name": name, "Type": "batch", "Count": 1 + len(name) % 3, "Tasks": [task], **more}}


def live(wire):
    """A day of work; archives that were published, by name."""
    wire.ask("PUT", "/stub/scripts", SCRIPTS)
    ids, published = [], {}
    for number in range(40):
        kind = "lost" if number in (17, 33) else ("files", "bad", "plain")[number % 3]
        ids.append(wire.ask("PUT", JOBS, job(f"{kind}-{number}"))["JobID"])
        one = ids[number * 7 % len(ids)]
        for below in ("", "/executions", "/history"):
            wire.ask("GET", f"{JOBS}/{one}{below}")
        if number % 10 == 5:
            wire.ask("DELETE", f"{JOBS}/{one}", {"Reason": "enough"})
            wire.ask("PUT", f"{JOBS}/{one}/rerun", {})
            wire.ask("GET", NODES)
            wire.ask("POST", "/stub/clock", {"advance": 1000})
    wire.ask("POST", "/stub/clock", {"run_until_idle": True})
    for one in ids:
        found = wire.ask("GET", f"{JOBS}/{one}/results")
        for result in found["Items"] or ():
            url = result["Params"]["URL"]
            published[url.rpartition("/")[2]] = fetched(url)
    for path in (f"{JOBS}?limit=50&order_by=id", "/nothing", "/api/v1/agent/node", "/api/v1/auth/clientkey", "/stub/journal"):
        wire.ask("GET", path)
    wire.ask("HEAD", f"{JOBS}/{ids[0]}")
    wire.ask("PUT", JOBS, {"Job": None})
    return published


def fetched(url):
    """Bytes and age of a published archive."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
        return answer.read(), answer.headers["Last-Modified"]


def one_life(seed, hash_seed, clock):
    """All that is heard from a stub of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    flags = ["--clock", clock, "--seed", seed]
    with subprocess.Popen([*COMMAND, *flags], stdout=subprocess.PIPE, text=True, env=environment) as stub:
        try:
            wire = Wire(stub.stdout.readline().split()[-1])
            published = live(wire)
        finally:
            stub.send_signal(signal.SIGTERM)
            stub.communicate(timeout=10)
    return wire.heard, published


def test_two_runs_of_one_seed_are_equal_byte_for_byte():
    """A failure that was seen once could not be seen again."""
    first, again = one_life("5", "1", "virtual"), one_life("5", "2", "virtual")
    for ours, theirs in zip(first[0], again[0], strict=True):
        assert ours == theirs
    assert first[1] == again[1]
    assert len(first[0]) >= 200
    assert len(first[1]) >= 10
    other = one_life("6", "1", "virtual")
    assert other[0] != first[0]
    assert not {body for path, _, body in other[0] if path == JOBS} & {body for path, _, body in first[0] if path == JOBS[:-1]}


def test_looks_of_mode_auto_are_equal_too():
    """A DAG that is run twice on a laptop would take two courses."""
    first, again = one_life("5", "3", "auto"), one_life("5", "4", "auto")
    assert first == again
