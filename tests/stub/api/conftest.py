"""The door in front of a real engine: virtual time, a program that is data, no network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator_stub.api.app import Api, build_routes
from orchestrator_stub.clock import VirtualClock
from orchestrator_stub.domain.job import SpecConfig
from orchestrator_stub.domain.node import Capacity, Node
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.orchestrator import Orchestrator, Workbench
from orchestrator_stub.runners.base import Finished

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
TERMINAL = ("Completed", "Failed", "Stopped")
S3_OBJECT = {
    "Bucket": "bucket",
    "Key": "prefix/result.tar.gz",
    "Filter": "",
    "Region": "eu-west-1",
    "Endpoint": "",
    "VersionID": "version",
    "ChecksumSHA256": "sum",
}


@dataclass
class Program:
    """Runs every task: prints, then ends, or goes on for as long as the test wants."""

    output: bytes = b"hello world\n"
    endless: bool = False
    logs: list = field(default_factory=list)
    name: str = "scripted"

    def check(self, task):
        """Everything can be run."""

    async def run(self, work):
        """Print and end."""
        self.logs.append(work.log)
        work.log.write(1, self.output)
        if self.endless:
            await work.clock.for_ever()
        return Finished(0)


@dataclass
class S3:
    """Says where the files would be, signed when asked for."""

    type: str = "s3"

    async def publish(self, output):
        """The object of a run."""
        return SpecConfig("s3", S3_OBJECT)

    def result(self, published, now):
        """The signed form of released servers."""
        return SpecConfig("s3PreSigned", {"SourceSpec": published.params, "PreSignedURL": "http://h/?a=1&b=2"})


@dataclass
class Noop:
    """Publishes nothing."""

    type: str = "noop"

    async def publish(self, output):
        """Nowhere."""
        return SpecConfig()

    def result(self, published, now):
        """Nothing to add."""
        return published


@dataclass
class Stub:
    """One stub and a client for it."""

    app: Api
    orchestrator: Orchestrator
    clock: VirtualClock
    program: Program
    http: httpx.AsyncClient

    async def submit(self, **job) -> str:
        """Submit a job with one docker task; returns its id."""
        task = {"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "ubuntu"}}, **job.pop("task", {})}
        body = {"Job": {"Name": "n", "Type": "batch", "Count": 1, "Tasks": [task], **job}}
        answer = await self.http.put("/api/v1/orchestrator/jobs", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["JobID"]

    async def get(self, path: str, **query):
        """The decoded body of a successful GET below the orchestrator."""
        answer = await self.http.get(f"/api/v1/orchestrator/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def finished(self, job_id: str):
        """The job once it is over; the loop is only yielded to, time stands still."""
        for _ in range(10_000):
            job = (await self.get(f"jobs/{job_id}"))["Job"]
            if job["State"]["StateType"] in TERMINAL:
                return job
            await asyncio.sleep(0)
        raise AssertionError(f"job never ended: {job}")


@pytest.fixture
async def make(tmp_path) -> AsyncIterator[Callable[..., Stub]]:
    """Stubs of any release; `nodes` of them have 16 CPUs and labels env=prod or env=dev in turn.

    `door`: what else `build_routes` takes (users, rate_limit, now).
    """
    made: list[Stub] = []

    def build(
        release_name: str = "1.9.3", *, nodes: int = 1, cors: bool = False, strict: bool = False, **door: Any
    ) -> Stub:
        release = RELEASES[release_name]
        clock, program = VirtualClock(), Program()
        ids = Ids(7, release.page_shapes)
        folder = tmp_path / str(len(made))
        folder.mkdir()
        bench = Workbench({"docker": program, "wasm": program}, {}, {"s3": S3(), "noop": Noop()}, folder)
        capacity = Capacity(16.0, 64 * 10**9, 500 * 10**9, 1)
        machines = [
            Node(
                ids.node(),
                labels={"Operating-System": "linux", "env": ("prod", "dev")[number % 2]},
                engines=("docker", "wasm"),
                publishers=("s3", "noop"),
                storage_sources=("inline",),
                capacity=capacity,
                available=capacity,
            )
            for number in range(nodes)
        ]
        orchestrator = Orchestrator(
            release=release, clock=clock, ids=ids, nodes=machines, workbench=bench, strict=strict
        )
        app = build_routes(orchestrator, cors=cors, **door)
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:1234")
        made.append(Stub(app, orchestrator, clock, program, http))
        return made[-1]

    yield build
    for stub in made:
        await stub.http.aclose()


@pytest.fixture
def page():
    """The bodies that the user's document prints."""
    return json.loads((GOLDEN / "docs" / "page.json").read_text())
