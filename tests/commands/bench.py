"""`make bench`: what importing, starting and asking cost, each beside its yardstick in the same run."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from airflow_api import fetch
from narrate import Failed
from processes import Interrupted, Processes, clean_environment, free_ports, interruptible

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "bench"))
from load import Refused, exchanges, requests_per_second  # noqa: E402 - its folder is no package
from scale import Reader, schedule  # noqa: E402 - as above

IMPORT_ROUNDS = 9
LOAD_ROUNDS, ROUND_SECONDS = 3, 1.5
STORED_JOBS = 1000
LISTED_JOBS, MANY_JOBS = 5_000, 50_000
KEPT_JOBS = 10_000
SCHEDULED_JOBS, MANY_NODES = 10_000, 1_000
SAMPLE = 300
"""Requests on one connection, one after the other, whose median is taken."""
IMPORTS = """
import time
began = time.process_time()
import airflow.sdk, airflow.sdk.bases.decorator, airflow.sdk.bases.hook, airflow.sdk.bases.operator
import airflow.sdk.bases.operatorlink, airflow.sdk.bases.sensor, airflow.triggers.base
base = time.process_time() - began
import importlib, json, pkgutil, sys
import airflow_provider_bacalhau as package
rooms = ("operators", "sensors", "triggers", "hooks", "links", "decorators")
names = [
    found.name for room in rooms
    for found in pkgutil.walk_packages([f"{package.__path__[0]}/{room}"], f"{package.__name__}.{room}.")
]
known = set(sys.modules)
began = time.process_time()
for name in names:
    importlib.import_module(name)
print(json.dumps([(time.process_time() - began) * 1000, len(set(sys.modules) - known), base * 1000]))
"""
MOTO = """
import sys, time
from moto.server import ThreadedMotoServer
ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]), verbose=False).start()
time.sleep(3600)
"""
JOB = {
    "Job": {
        "Type": "batch",
        "Count": 1,
        "Tasks": [
            {
                "Name": "main",
                "Engine": {"Type": "docker", "Params": {"Image": "busybox:1.36", "Parameters": ["true"]}},
                "Publisher": {"Type": ""},
            }
        ],
    }
}


def main() -> int:
    """Print one line for each thing measured; returns the exit code."""
    environment = clean_environment(os.environ)
    try:
        with interruptible():
            print(import_cost(environment), flush=True)
            processes = Processes(ROOT / ".cache" / "bench")
            try:
                print(start_and_memory(processes, environment), flush=True)
                print(rates(processes, environment), flush=True)
                print(growth(processes, environment), flush=True)
                print(many_nodes(processes, environment), flush=True)
                print(durable(processes, environment), flush=True)
            finally:
                processes.stop()
    except Interrupted as asked:
        return asked.exit_code
    except (Failed, Refused, OSError) as problem:
        print(f"make bench failed: {problem}", file=sys.stderr)
        return 1
    return 0


def import_cost(environment: dict[str, str]) -> str:
    """Importing every module a DAG file can need, over what Airflow has imported anyway (best of some rounds)."""
    command = [sys.executable, "-c", IMPORTS]
    runs = []
    for _ in range(IMPORT_ROUNDS + 1):  # the first one compiles
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, check=False)
        if done.returncode:
            raise Failed(done.stderr[-2000:])
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    cost, modules, base = min(runs[1:])
    return f"import   provider {cost:.1f} ms of CPU, {modules} modules | airflow {base:.0f} ms | ratio {cost / base:.4f}"


def start_and_memory(processes: Processes, environment: dict[str, str]) -> str:
    """Time to the first answer and memory when idle: the stub (with its S3) beside moto's server."""
    stub_port, moto_port = free_ports(2)
    stub = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", str(stub_port)]
    moto = [sys.executable, "-c", MOTO, str(moto_port)]
    stub_seconds, stub_mb = started(processes, "stub", [*stub, "--docker-runner", "scripted"], environment, "/api/v1/agent/alive")
    moto_seconds, moto_mb = started(processes, "moto", moto, environment, "/moto-api/data.json")
    return (
        f"start    stub {stub_seconds:.2f} s, {stub_mb:.0f} MB | moto server {moto_seconds:.2f} s, {moto_mb:.0f} MB"
        f" | ratios {stub_seconds / moto_seconds:.2f}, {stub_mb / moto_mb:.2f}"
    )


def started(
    processes: Processes, name: str, command: list[str], environment: dict[str, str], path: str
) -> tuple[float, float]:
    """Start a server whose port is the first number in its command; seconds to its first answer, MB when idle."""
    port = next(word for word in command if word.isdigit())
    began = time.perf_counter()
    process = processes.start(name, command, environment, ROOT)
    while True:
        try:
            fetch(f"http://127.0.0.1:{port}{path}")
            break
        except OSError:
            if process.poll() is not None or time.perf_counter() - began > 30:
                raise Failed(f"{name} did not answer:\n{processes.tail(name)}") from None
            time.sleep(0.005)
    seconds = time.perf_counter() - began
    time.sleep(1.0)
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(process.pid)], capture_output=True, text=True, check=True)
    return seconds, int(shown.stdout) / 1024


def rates(processes: Processes, environment: dict[str, str]) -> str:
    """Submits and reads per second beside an empty route on the same server set-up (best of some rounds, in turn)."""
    stub_port, empty_port = free_ports(2)
    stub = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", str(stub_port), "--docker-runner", "scripted"]
    empty = [sys.executable, str(ROOT / "tests" / "bench" / "empty_route.py"), str(empty_port)]
    started(processes, "stub under load", stub, environment, "/api/v1/agent/alive")
    started(processes, "empty route", empty, environment, "/")
    jobs = f"http://127.0.0.1:{stub_port}/api/v1/orchestrator/jobs"
    body = json.dumps(JOB).encode()
    for _ in range(STORED_JOBS):
        last = fetch(jobs, "PUT", JOB)
    measured = [
        (
            requests_per_second(f"http://127.0.0.1:{empty_port}/", seconds=ROUND_SECONDS),
            requests_per_second(f"{jobs}/{last['JobID']}", seconds=ROUND_SECONDS),
            requests_per_second(jobs, body, seconds=ROUND_SECONDS),
        )
        for _ in range(LOAD_ROUNDS)
    ]
    nothing, reads, submits = (max(column) for column in zip(*measured, strict=True))
    return (
        f"rates    {submits:,.0f} submits/s, {reads:,.0f} reads/s ({STORED_JOBS:,} jobs stored) | empty route"
        f" {nothing:,.0f}/s | ratios {submits / nothing:.2f}, {reads / nothing:.2f}"
    )


def growth(processes: Processes, environment: dict[str, str]) -> str:
    """What stored jobs cost: a short list, a submit, memory (each job has run to its end, by a script)."""
    (port,) = free_ports(1)
    stub = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", str(port), "--docker-runner", "scripted"]
    started(processes, "stub that fills up", stub, environment, "/api/v1/agent/alive")
    url, body = f"http://127.0.0.1:{port}/api/v1/orchestrator/jobs", json.dumps(JOB).encode()
    fill(url, body, 100)
    few, first_mb = median_seconds(url, body), rss_mb(port)
    stored = 100 + SAMPLE
    fill(url, body, LISTED_JOBS - stored)
    listing = median_seconds(f"{url}?limit=10&reverse=true")
    fill(url, body, MANY_JOBS - LISTED_JOBS)
    many, last_mb = median_seconds(url, body), rss_mb(port)
    per_job = (last_mb - first_mb) * 1024 / (MANY_JOBS + SAMPLE - stored)
    return (
        f"growth   list of 10 of {LISTED_JOBS:,} jobs {listing * 1000:.2f} ms | {per_job:.1f} kB a finished job"
        f" | submit {many * 1000:.2f} ms at {MANY_JOBS:,} jobs, {few * 1000:.2f} ms at 100 | ratio {many / few:.2f}"
    )


def durable(processes: Processes, environment: dict[str, str]) -> str:
    """Submits whose answers wait for the disk, beside the same in memory; then kill -9, and what a start costs."""
    folder = ROOT / ".cache" / "bench" / "data"
    shutil.rmtree(folder, ignore_errors=True)
    ports, body = free_ports(3), json.dumps(JOB).encode()
    flags = ["--docker-runner", "scripted", "--s3", "off"]
    stubs = [[sys.executable, "-m", "orchestrator_stub", "serve", "--port", str(port), *flags] for port in ports]
    kept = ["--data-dir", str(folder)]
    urls = [f"http://127.0.0.1:{port}/api/v1/orchestrator/jobs" for port in ports]
    empty_seconds, empty_mb = started(processes, "stub that forgets", stubs[0], environment, "/api/v1/agent/alive")
    started(processes, "stub that keeps", [*stubs[1], *kept], environment, "/api/v1/agent/alive")
    fill(urls[0], body, 100)
    fill(urls[1], body, 100)
    one = [1 / median_seconds(url, body) for url in urls[:2]]
    measured = [[requests_per_second(url, body, seconds=ROUND_SECONDS) for url in urls[:2]] for _ in range(LOAD_ROUNDS)]
    memory, disk = (max(column) for column in zip(*measured, strict=True))
    stored = fetch(urls[1] + "?limit=1000000")["Items"]
    fill(urls[1], body, max(0, KEPT_JOBS - len(stored)))
    processes.kill("stub that keeps")
    seconds, mb = started(processes, "stub that comes back", [*stubs[2], *kept], environment, "/api/v1/agent/alive")
    found = len(fetch(urls[2] + "?limit=1000000")["Items"])
    return (
        f"durable  {disk:,.0f} submits/s from 8 clients, {one[1]:,.0f}/s from one | in memory {memory:,.0f}/s,"
        f" {one[0]:,.0f}/s | after kill -9 with {found:,} jobs: start {seconds:.2f} s, {mb:.0f} MB (without a"
        f" directory {empty_seconds:.2f} s, {empty_mb:.0f} MB)"
    )


def many_nodes(processes: Processes, environment: dict[str, str]) -> str:
    """Many jobs on many nodes, beside the same jobs on three, and one job on all of them; with a reader meanwhile."""
    body, everywhere = json.dumps(JOB).encode(), {"Job": JOB["Job"] | {"Type": "ops", "Count": 0}}
    found = []
    for nodes in (3, MANY_NODES):
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "orchestrator_stub", "serve", "--port", str(port), "--nodes", str(nodes)]
        flags = ["--docker-runner", "scripted", "--s3", "off"]
        started(processes, f"stub with {nodes} nodes", [*command, *flags], environment, "/api/v1/agent/alive")
        url = f"http://127.0.0.1:{port}/api/v1/orchestrator/jobs"
        first = fetch(url, "PUT", JOB)["JobID"]
        with Reader(f"{url}/{first}") as reader:
            found.append((schedule(url, body, SCHEDULED_JOBS), rss_mb(port)))
    with Reader(f"{url}/{first}") as other:
        all_seconds = schedule(url, json.dumps(everywhere).encode(), 1)
    (few_seconds, few_mb), (seconds, mb) = found
    return (
        f"scale    schedule {SCHEDULED_JOBS:,} jobs on {MANY_NODES:,} nodes {seconds:.1f} s, {mb:.0f} MB | on 3 nodes"
        f" {few_seconds:.1f} s, {few_mb:.0f} MB | ratio {seconds / few_seconds:.2f} | a read meanwhile"
        f" {statistics.median(reader.waits) * 1000:.1f} ms, at most {max(reader.waits) * 1000:.0f} ms | one job on all"
        f" nodes {all_seconds:.1f} s, a read at most {max(other.waits) * 1000:.0f} ms"
    )


def fill(url: str, body: bytes, jobs: int) -> None:
    """Submit jobs, one after the other on one connection."""
    for _ in exchanges(url, body, jobs):
        pass


def median_seconds(url: str, body: bytes | None = None) -> float:
    """Median time of one answer."""
    return statistics.median(exchanges(url, body, SAMPLE))


def rss_mb(port: int) -> float:
    """Memory of the process that serves a port of this machine, which is in its command line."""
    done = subprocess.run(["ps", "-eo", "rss=,args="], capture_output=True, text=True, check=True)
    sizes = [int(line.split()[0]) for line in done.stdout.splitlines() if f"serve --port {port} " in line]
    if len(sizes) != 1:
        raise Failed(f"no single process serves port {port}")
    return sizes[0] / 1024


if __name__ == "__main__":
    sys.exit(main())
