"""From a parsed job to one that may be stored (fact sheet 4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator_stub.domain.errors import OrchestratorError
from orchestrator_stub.domain.job import Job, Resources, SpecConfig, Task
from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.domain.states import JobState
from orchestrator_stub.engine.ids import Ids
from orchestrator_stub.engine.submission import Reception, is_repetition, same_spec

SPEC = Job(
    "", "", "", "batch", 0, 1, tasks=(Task("main", SpecConfig("docker", {"Image": "x"})),), state=JobState.UNDEFINED
)


def hint(task: Task) -> str:
    """Said of docker tasks."""
    return "images are ignored" if task.engine.type == "docker" else ""


def prepare(job: Job, release: str = "1.9.3", **more: Any) -> Job:
    """The job as it would be stored by the orchestrator `n-me`."""
    return Reception(RELEASES[release], Ids(1), "n-me", hint).prepare(
        job, frozenset(), more
    ).job


def test_a_job_without_name_is_called_by_its_id() -> None:
    """Broken: id or name is missing, or they differ."""
    job = prepare(SPEC)
    assert job.id.startswith("j-")
    assert job.name == job.id


def test_the_server_signs_the_meta() -> None:
    """Broken: a user's meta beats the server's, or the server's is missing (fact sheet 4.5)."""
    job = prepare(
        replace(SPEC, meta={"m": "1", "bacalhau.org/requester.id": "fake"}), **{"bacalhau.org/client.instance.id": "c"}
    )
    assert len(job.meta.pop("bacalhau.org/server.instance.id")) == 64
    assert job.meta == {
        "m": "1",
        "bacalhau.org/client.instance.id": "c",
        "bacalhau.org/orchestrator.id": "n-me",
        "bacalhau.org/requester.id": "n-me",
    }


def test_a_hint_comes_after_the_servers_warnings() -> None:
    """Broken: whoever submits a docker job is not told how it will be run."""
    reception = Reception(RELEASES["1.9.3"], Ids(1), "n-me", hint)
    assert reception.prepare(replace(SPEC, revision=3), frozenset(), {}).warnings == (
        "job revision is ignored when submitting a job",
        "images are ignored",
    )
    wasm = replace(SPEC, tasks=(replace(SPEC.task, engine=SpecConfig("wasm")),))
    assert reception.prepare(wasm, frozenset(), {}).warnings == ()


def test_all_problems_are_told_at_once() -> None:
    """Broken: a user repairs a job one error at a time."""
    with pytest.raises(OrchestratorError, match="invalid job type") as refused:
        prepare(replace(SPEC, type="bach", count=-1))
    assert refused.value.status == 400
    assert refused.value.message.splitlines() == ['invalid job type: "bach"', "job count must be >= 0"]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"id": "j-other", "version": 5, "revision": 7, "create_time": 1, "state": JobState.FAILED}, True),
        ({"meta": {"bacalhau.org/requester.id": "n-else"}}, True),
        ({"meta": {"a": "b"}}, False),
        ({"labels": {"a": "b"}}, False),
        ({"count": 2}, False),
        ({"type": "ops"}, False),
        ({"priority": 1}, False),
        ({"tasks": (replace(SPEC.task, resources=Resources(memory="1GB")),)}, False),
        ({"tasks": (replace(SPEC.task, env={"A": "1"}),)}, False),
        ({"tasks": (replace(SPEC.task, meta={"bacalhau.org/a": "1"}),)}, True),
        ({"tasks": (replace(SPEC.task, meta={"a": "1"}),)}, False),
        ({"tasks": (replace(SPEC.task, publisher=SpecConfig("", {})),)}, True),
    ],
)
def test_what_counts_as_a_change(change: dict[str, Any], same: bool) -> None:
    """Broken: a repeated submission is an update, or a real change is taken for a repetition."""
    assert same_spec(SPEC, replace(SPEC, **change)) is same


@pytest.mark.parametrize(("one", "other", "same"), [(1, 1.0, True), (1, True, False), ([0], [False], False), ({}, [], False)])
def test_truth_values_are_no_numbers(one: Any, other: Any, same: bool) -> None:
    """Broken: a parameter that turns from 1 to true is taken for a repetition, as Python has it."""
    jobs = (replace(SPEC, tasks=(Task("main", SpecConfig("docker", {"p": {"q": [value]}})),)) for value in (one, other))
    assert same_spec(*jobs) is same


def test_a_converted_wasm_module_is_never_a_repetition() -> None:
    """Broken: a client of old releases that submits its job again is refused where real servers update the job."""
    module = {"Source": {"Type": "inline", "Params": {"URL": "data:,"}}, "Target": "/m.wasm"}
    old = replace(SPEC, tasks=(Task("main", SpecConfig("wasm", {"EntryModule": module})),))
    reception = Reception(RELEASES["1.9.3"], Ids(1), "n-me", hint)
    prepared = reception.prepare(old, frozenset(), {})
    assert prepared.converted_inputs == 1
    assert not is_repetition(prepared.job, prepared)
    new = reception.prepare(prepared.job, frozenset(), {})
    assert new.converted_inputs is None
    assert is_repetition(prepared.job, new)
    assert Reception(RELEASES["1.6.5"], Ids(1), "n-me", hint).prepare(old, frozenset(), {}).converted_inputs is None
