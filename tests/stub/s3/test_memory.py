"""Large objects pass in pieces: the stub's own memory does not grow with them.

Sizes come from variables: `S3_GATE_MB` through the gate (default 32), `S3_LARGE_MB` through inputs and publishers of a
stub with `--s3 URL` (default 24; 1024 takes a minute).
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import wasmtime

GATE_MB = int(os.environ.get("S3_GATE_MB", "32"))
LARGE_MB = int(os.environ.get("S3_LARGE_MB", "24"))
MEGABYTE = 2**20
PLACE = {"Bucket": "memory", "Key": "large"}
BLOCK = os.urandom(MEGABYTE)
SERVICE = """
import asyncio
from orchestrator_stub.s3.client import S3Settings
from orchestrator_stub.s3.proxy import S3Service
async def main():
    service = S3Service(S3Settings(), port=0)
    await service.start()
    print(service.endpoint, flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""
COPY = """
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "in/large")
  (data (i32.const 96) "outputs/copy")
  (func (export "_start")
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 8) (i32.const 0)
          (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 16)) (then (call $exit (i32.const 4))))
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 96) (i32.const 12) (i32.const 1)
          (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 20)) (then (call $exit (i32.const 5))))
    (loop $next
      (i32.store (i32.const 24) (i32.const 1024))
      (i32.store (i32.const 28) (i32.const 65536))
      (if (call $read (i32.load (i32.const 16)) (i32.const 24) (i32.const 1) (i32.const 32)) (then (call $exit (i32.const 6))))
      (if (i32.load (i32.const 32)) (then
        (i32.store (i32.const 28) (i32.load (i32.const 32)))
        (if (call $write (i32.load (i32.const 20)) (i32.const 24) (i32.const 1) (i32.const 36)) (then (call $exit (i32.const 7))))
        (br $next))))))
"""


@contextlib.contextmanager
def running(*command):
    """A Python process, and the last word of its first line."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=own) as process:
        try:
            yield process.pid, process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            process.stdout.close()


def peak(pid):
    """The most memory that a process had since `forget`, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def forget(pid):
    """Let the peak begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def put(url, megabytes):
    """Upload so much to a pre-signed URL; seconds."""
    begin = time.monotonic()
    host, _, target = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=300)
    size = {"Content-Length": str(megabytes * MEGABYTE)}
    connection.request("PUT", f"/{target}", (BLOCK for _ in range(megabytes)), size)
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - begin


def get(url):
    """Size in MB of what a pre-signed URL gives, and seconds."""
    begin, size = time.monotonic(), 0
    with urllib.request.urlopen(url) as answer:
        while part := answer.read(MEGABYTE):
            size += len(part)
    return size / MEGABYTE, time.monotonic() - begin


def test_the_gate_adds_constant_memory(door):
    """A download of some gigabytes would take the laptop's memory twice."""
    with running("-c", SERVICE) as (pid, endpoint):
        up, down = door.url("put_object", at=endpoint, **PLACE), door.url(at=endpoint, **PLACE)
        put(up, 1)
        get(down)
        forget(pid)
        before = peak(pid)
        sent = put(up, GATE_MB)
        size, taken = get(down)
        grown = peak(pid) - before
    print(f"{GATE_MB} MB: up {GATE_MB / sent:.0f} MB/s, down {size / taken:.0f} MB/s, {grown:.1f} MB")
    assert size == GATE_MB
    assert grown < 6


def ask(base, method, path, body=None):
    """Plain values of an answer."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def copied(base, bucket, encoding):
    """Run a job that copies s3://BUCKET/large to s3://BUCKET/ENCODING; its state."""
    program = base64.b64encode(wasmtime.wat2wasm(COPY)).decode()
    task = {
        "Name": "main",
        "Engine": {"Type": "wasm", "Params": {"EntryModule": "/app/copy.wasm", "Entrypoint": "_start"}},
        "InputSources": [
            {"Target": "/app/copy.wasm", "Source": {"Type": "inline", "Params": {"URL": f"data:application/wasm;base64,{program}"}}},
            {"Target": "/in", "Source": {"Type": "s3", "Params": {"Bucket": bucket, "Key": "large"}}},
        ],
        "ResultPaths": [{"Name": "outputs", "Path": "/outputs"}],
        "Publisher": {"Type": "s3", "Params": {"Bucket": bucket, "Key": encoding, "Encoding": encoding}},
        "Resources": {"Disk": "4GB"},
    }
    job = ask(base, "PUT", "/api/v1/orchestrator/jobs", {"Job": {"Type": "batch", "Count": 1, "Tasks": [task]}})["JobID"]
    while True:
        found = ask(base, "GET", f"/api/v1/orchestrator/jobs/{job}?include=executions")
        if found["Job"]["State"]["StateType"] in ("Completed", "Failed"):
            return found["Job"]["State"], found["Executions"]["Items"][0]["ComputeState"]
        time.sleep(0.05)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("encoding", ["plain", "gzip"])
def test_inputs_and_publishers_take_constant_memory(door, encoding):
    """`--s3 URL` is the way for large data; the stub would need as much memory as the data."""
    client, bucket = door.client(), f"memory-{encoding}"
    with running("-m", "orchestrator_stub", "serve", "--port", "0", "--nodes", "1", "--docker-runner", "off", "--s3", door.endpoint) as (pid, base):
        url = door.url("put_object", Bucket=bucket, Key="large")
        put(url, 8)
        assert copied(base, bucket, encoding)[0]["StateType"] == "Completed"
        put(url, LARGE_MB)
        forget(pid)
        before = peak(pid)
        state = copied(base, bucket, encoding)
        grown = peak(pid) - before
    assert state[0]["StateType"] == "Completed", state
    print(f"{encoding}, {LARGE_MB} MB: {before:.0f} MB before, {grown:.1f} MB more")
    if encoding == "plain":
        assert client.head_object(Bucket=bucket, Key="plain/outputs/copy")["ContentLength"] == LARGE_MB * MEGABYTE
    else:
        assert client.head_object(Bucket=bucket, Key="gzip.tar.gz")["ContentLength"] > LARGE_MB * MEGABYTE
    assert grown < 24
