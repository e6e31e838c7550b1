"""What a program finds in its environment (FINDINGS-docker 2; scenario 43)."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.execution import Execution
from orchestrator_stub.domain.job import Job, Network, Port, SpecConfig, Task
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.engine.environment import environment

SERVER = {
    "BACALHAU_EXECUTION_ID": "e-1",
    "BACALHAU_JOB_ID": "j-1",
    "BACALHAU_JOB_TYPE": "batch",
    "BACALHAU_PARTITION_COUNT": "3",
    "BACALHAU_PARTITION_INDEX": "2",
}


def seen(release: str, engine: SpecConfig, **task: object) -> dict[str, str]:
    """Environment of partition 2 of 3."""
    job = Job("j-1", "a", "default", "batch", 0, 3, tasks=(Task("main", engine, **task),))
    return environment(Execution("e-1", "default", "", "n", "j-1", job, 1, partition=2), RELEASES[release])


@pytest.mark.parametrize("release", ["1.6.5", "1.7.0", "1.9.3"])
def test_docker_sees_task_server_and_engine_variables(release: str) -> None:
    """Broken: a variable is missing, or the engine's list does not win."""
    engine = SpecConfig("docker", {"environmentVariables": ["T_A=engine", "T_C=first", "T_C=engine", "NONE", "EMPTY="]})
    env = seen(release, engine, env={"T_A": "task", "T_B": "task"})
    assert env == SERVER | {"T_A": "engine", "T_B": "task", "T_C": "engine", "EMPTY": ""}


def test_152_passes_the_engine_list_only() -> None:
    """Broken: 1.5.2 knows Task.Env or BACALHAU_*."""
    engine = SpecConfig("docker", {"EnvironmentVariables": ["A=1"]})
    assert seen("1.5.2", engine, env={"B": "2"}) == {"A": "1"}


def test_wasm_variables_changed_with_17() -> None:
    """Broken: wasm sees the task's variables up to 1.6, or its engine's afterwards."""
    engine = SpecConfig("wasm", {"EnvironmentVariables": {"A": "1"}})
    assert seen("1.6.5", engine, env={"B": "2"}) == {"A": "1"}
    assert seen("1.9.3", engine, env={"B": "2"}) == SERVER | {"B": "2"}


def test_ports_are_told() -> None:
    """Broken: a program cannot learn its ports."""
    network = Network("Bridge", ports=(Port("http", static=8080, target=80),))
    env = seen("1.9.3", SpecConfig("docker"), network=network)
    assert (env["BACALHAU_HOST_PORT_http"], env["BACALHAU_PORT_http"]) == ("8080", "80")
