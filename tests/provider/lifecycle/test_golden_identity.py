"""What this release writes on its jobs, kept as files: the next release has to find them by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_bacalhau.lifecycle import identity
from airflow_provider_bacalhau.lifecycle.identity import Epoch, TaskRef
from airflow_provider_bacalhau.lifecycle.spec import docker_spec, for_server, wasm_spec, with_timeouts
from airflow_provider_bacalhau.models.capabilities import Capabilities

FOLDER = Path(__file__).parents[2] / "golden/identity"
FILES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
CHANGED = (
    "jobs that a released provider has submitted would not be found again after an upgrade: every task that is under "
    "way would run twice. Never write the golden file anew; have the new release read the old identity, too"
)
BUILDERS = {"docker": docker_spec, "wasm": wasm_spec}


@pytest.fixture(params=FILES)
def golden(request):
    """One job of a released provider."""
    return FILES[request.param]


def test_there_are_golden_jobs():
    """Without files every other test here would pass."""
    assert {"docker", "wasm_mapped_3_1", "hook_call"} <= set(FILES)


def test_a_new_release_looks_for_the_same_key(golden):
    """The lock would be another: the old job lives on beside a new one."""
    assert identity.key(TaskRef(**golden["ref"])) == golden["key"], CHANGED


def test_a_new_release_takes_the_spec_for_the_same(golden):
    """The old job would be stopped, because its spec seems to have changed."""
    assert identity.fingerprint(golden["spec"]) == golden["fingerprint"], CHANGED


def test_a_new_release_builds_the_same_spec(golden):
    """The fingerprint would differ although nobody has changed the DAG."""
    if "built_from" in golden:
        made = golden["built_from"]
        built = with_timeouts(BUILDERS[made["engine"]](**made["arguments"]), **made["limits"])
        assert {**built, "Namespace": golden["spec"]["Namespace"]} == golden["spec"], CHANGED


def test_a_new_release_reads_the_epoch(golden):
    """No try would take over anything."""
    epoch = Epoch(**golden["epoch"])
    assert epoch.text == golden["epoch_text"], CHANGED
    assert Epoch.parse(golden["epoch_text"]) == epoch, CHANGED


def test_a_new_release_writes_the_same_labels_and_meta(golden):
    """People's filters and `reap` would no longer know whose job it is, and a repeated submit would be another job."""
    ref, epoch = TaskRef(**golden["ref"]), Epoch(**golden["epoch"])
    labels = identity.labels_for(ref, epoch, golden["slot"], golden["fingerprint"], golden["lifetime"])
    assert labels == golden["labels"], CHANGED
    assert identity.meta_for(ref) == golden["meta"], CHANGED
    assert identity.read_labels(golden["labels"]) == (epoch, golden["slot"], golden["fingerprint"]), CHANGED


@pytest.mark.parametrize("release", ["1.9.3", "1.5.2"])
def test_a_new_release_sends_the_same_name(golden, release):
    """A submit whose answer was lost before the upgrade would be repeated as a second job."""
    job = identity.stamp(
        for_server(golden["spec"], Capabilities.from_version(release)),
        ref=TaskRef(**golden["ref"]),
        epoch=Epoch(**golden["epoch"]),
        slot=golden["slot"],
        lifetime=golden["lifetime"],
        fp=golden["fingerprint"],
        prefix=golden["prefix"],
    )
    assert job["Name"] == golden["names"][release], CHANGED


@pytest.mark.parametrize("cause", ["superseded", "twin", "accept", "timeout", "on_kill"])
def test_a_new_release_knows_who_stopped_a_job(cause):
    """A stop by our own older try would be taken for a stranger's, and fail the task for good."""
    assert identity.stop_reason(1767268800123456, 2, cause) == f"airflow 1767268800123456.2 {cause}", CHANGED
    assert identity.parse_stop_reason(f"airflow 1767268800123456.2 {cause}") == (1767268800123456, 2, cause), CHANGED
