"""A run to give to a runner, with its log on disk."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, Network, ResultPath, SpecConfig, Task
from orchestrator_stub.domain.node import Capacity
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.logs.buffer import LogBuffer
from orchestrator_stub.runners.base import Mount, Work

MODULES = Path(__file__).resolve().parents[2] / "conformance" / "wasm" / "modules.json"
MIB = 2**20


@pytest.fixture(scope="session")
def modules():
    """The bytes of a recorded scenario's wasm module, by name."""
    urls = json.loads(MODULES.read_text())
    return {name: base64.b64decode(url.partition(",")[2]) for name, url in urls.items()}


@pytest.fixture(params=["1.9.3"])
def release(request):
    """The newest release, unless a test asks for others."""
    return RELEASES[request.param]


@pytest.fixture
async def make_work(tmp_path):
    """Builds a run: engine parameters, inputs (target -> bytes), result paths (name -> path)."""
    made = []

    def make(engine, params, *, inputs=None, results=None, env=None, memory=256 * MIB, disk=64 * MIB, mounts=(), network=Network()):
        folder = tmp_path / f"run{len(made)}"
        (folder / "fetched").mkdir(parents=True)
        (folder / "scratch").mkdir()
        all_mounts = list(mounts)
        for number, (target, data) in enumerate((inputs or {}).items()):
            source = folder / "fetched" / str(number)
            source.write_bytes(data)
            all_mounts.append(Mount(source, target, writable=True))
        for name, path in (results or {}).items():
            (folder / "results" / name).mkdir(parents=True)
            all_mounts.append(Mount(folder / "results" / name, path, writable=True))
        task = Task(
            name="main",
            engine=SpecConfig(engine, params),
            network=network,
            result_paths=tuple(ResultPath(name, path) for name, path in (results or {}).items()),
        )
        job = Job(id="j-1", name="n", namespace="default", type="batch", priority=0, count=1, tasks=(task,))
        execution = Execution(id="e-1", namespace="default", eval_id="", node_id="n-1", job_id="j-1", job=job, job_version=1)
        log = LogBuffer(folder, asyncio.get_running_loop())
        work = Work(
            job=job,
            task=task,
            execution=execution,
            env=env or {},
            mounts=tuple(all_mounts),
            folder=folder / "scratch",
            limits=Capacity(cpu=0.5, memory=memory, disk=disk),
            log=log,
        )
        made.append(work)
        return work

    yield make
    for work in made:
        work.log.close()


def printed(work, stream=1):
    """Everything a run wrote to a stream."""
    return (work.log.stdout_path if stream == 1 else work.log.stderr_path).read_bytes()


@pytest.fixture(name="printed")
def printed_fixture():
    """The function above, for tests."""
    return printed
