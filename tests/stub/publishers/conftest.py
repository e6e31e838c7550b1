"""A finished run to publish."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, SpecConfig, Task
from orchestrator_stub.publishers.base import Output

NOW = int(datetime(2026, 11, 23, 23, 25, 22, tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture
def make_output(tmp_path):
    """Builds a finished run: what it printed, files of its result paths (path -> bytes), its publisher."""

    def make(*, stdout=b"hello\n", stderr=b"err\n", exit_code=0, folders=None, publisher=None, root_mode=0o700, number=1):
        home = tmp_path / f"run{number}"
        home.mkdir()
        (home / "out").write_bytes(stdout)
        (home / "err").write_bytes(stderr)
        made = {}
        for index, (name, files) in enumerate((folders or {}).items()):
            made[name] = home / str(index)
            made[name].mkdir()
            for path, data in files.items():
                place = made[name] / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
        task = Task(name="main", engine=SpecConfig("wasm"), publisher=publisher or SpecConfig("local"))
        job = Job(id="j-1", name="n", namespace="default", type="batch", priority=0, count=1, tasks=(task,))
        execution = Execution(
            id=f"e-{number}", namespace="default", eval_id="", node_id="n-1", job_id="j-1", job=job, job_version=1
        )
        return Output(
            job=job,
            task=task,
            execution=execution,
            stdout=home / "out",
            stderr=home / "err",
            exit_code=exit_code,
            folders=made,
            now=NOW,
            root_mode=root_mode,
        )

    return make
