"""One spec in the shapes of five releases."""

from __future__ import annotations

import copy

import pytest

from airflow_provider_bacalhau.errors import SpecError
from airflow_provider_bacalhau.lifecycle.spec import docker_spec, wasm_spec
from airflow_provider_bacalhau.lifecycle.wire import for_server
from airflow_provider_bacalhau.models.capabilities import Capabilities

RELEASES = ("1.1.0", "1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3")


def on(release, spec):
    return for_server(spec, Capabilities.from_version(f"v{release}"))


def task_on(release, spec):
    return on(release, spec)["Tasks"][0]


@pytest.mark.parametrize("release", RELEASES)
def test_count_is_always_sent(release):
    """Before 1.6 a missing Count is 0, and a batch of 0 is Completed at once."""
    spec = {"Type": "batch", "Tasks": []}
    assert on(release, spec)["Count"] == 1
    assert on(release, {**spec, "Count": 0})["Count"] == 0
    assert "Count" not in on(release, {**spec, "Type": "ops"})


@pytest.mark.parametrize("release", RELEASES)
def test_a_publisher_object_is_always_sent(release):
    """1.1.x refuses a missing one; all others store the empty object anyway."""
    assert task_on(release, docker_spec(image="a"))["Publisher"] == {"Type": ""}


def test_env_of_docker_goes_where_the_program_sees_it():
    """1.5.2 stores Task.Env and never gives it to the container; later ones refuse lower case and empty values in it."""
    spec = docker_spec(image="a", env={"A": "1", "low": "2", "EMPTY": ""})
    old, new = task_on("1.5.2", spec), task_on("1.9.3", spec)
    assert old["Engine"]["Params"]["EnvironmentVariables"] == ["A=1", "low=2", "EMPTY="]
    assert "Env" not in old
    assert new["Engine"]["Params"]["EnvironmentVariables"] == ["low=2", "EMPTY="]
    assert new["Env"] == {"A": "1"}


def test_the_engines_own_environment_wins():
    """As on the servers that merge the two."""
    spec = docker_spec(image="a", env={"A": "task"})
    spec["Tasks"][0]["Engine"]["Params"]["environmentVariables"] = ["A=engine"]
    assert task_on("1.5.2", spec)["Engine"]["Params"]["environmentVariables"] == ["A=engine"]


def test_env_of_wasm():
    """Before 1.6.4 only the engine's own map reaches the module, later only the task's."""
    spec = wasm_spec(module=b"\0asm", env={"A": "1"})
    assert task_on("1.5.2", spec)["Engine"]["Params"]["EnvironmentVariables"] == {"A": "1"}
    assert task_on("1.9.3", spec)["Env"] == {"A": "1"}
    with pytest.raises(SpecError, match=r"Tasks\[0\]\.Env\.low: wasm takes upper-case names"):
        on("1.9.3", wasm_spec(module=b"\0asm", env={"low": "1"}))


def test_wasm_module_is_a_path_from_1_7_and_an_object_before():
    """1.1.x dies of a path; from 1.8 an object is stored as a path, so a repeated submit restarts the job."""
    spec = wasm_spec(module="s3://b/m.wasm", inputs={"/in": "https://x/y"})
    source = {"Type": "s3", "Params": {"Bucket": "b", "Key": "m.wasm"}}
    for release in ("1.1.0", "1.5.2", "1.6.5"):
        task = task_on(release, spec)
        assert task["Engine"]["Params"]["EntryModule"] == {"Source": source, "Target": "/wasm/entry.wasm"}
        assert [one["Target"] for one in task["InputSources"]] == ["/in"]
    for release in ("1.7.0", "1.9.3"):
        task = task_on(release, spec)
        assert task["Engine"]["Params"]["EntryModule"] == "/wasm/entry.wasm"
        assert [one["Target"] for one in task["InputSources"]] == ["/wasm/entry.wasm", "/in"]


def test_a_legacy_wasm_spec_becomes_the_new_form():
    """The server converts it too, but drops its environment and then sees a changed spec."""
    source = {"Type": "inline", "Params": {"URL": "data:,x"}}
    params = {
        "entrymodule": {"Source": source},
        "ImportModules": [{"Source": source}],
        "EnvironmentVariables": {"A": "1"},
    }
    spec = {"Type": "batch", "Tasks": [{"Name": "main", "Engine": {"Type": "wasm", "Params": params}}]}
    task = task_on("1.9.3", spec)
    assert task["Engine"]["Params"] == {
        "entrymodule": "/wasm/entry.wasm",
        "ImportModules": ["/wasm/imports/module_0.wasm"],
    }
    assert [one["Target"] for one in task["InputSources"]] == ["/wasm/entry.wasm", "/wasm/imports/module_0.wasm"]
    assert task["Env"] == {"A": "1"}
    assert task_on("1.5.2", spec)["Engine"]["Params"] == params


@pytest.mark.parametrize("release", RELEASES)
def test_a_module_that_no_input_brings_is_refused(release):
    """On 1.1.x it kills the server, on others it fails on the node."""
    spec = {"Type": "batch", "Tasks": [{"Engine": {"Type": "wasm", "Params": {"EntryModule": "/m.wasm"}}}]}
    with pytest.raises(SpecError, match="no input has the target /m.wasm"):
        on(release, spec)


@pytest.mark.parametrize(
    ("release", "word", "sent"),
    [
        ("1.5.2", "Host", "Full"),
        ("1.6.5", "Full", "Host"),
        ("1.9.3", "Full", "Full"),
        ("1.5.2", "Default", None),
        ("1.9.3", "Default", "Default"),
        ("1.5.2", "HTTP", "HTTP"),
    ],
)
def test_network_words_of_each_release(release, word, sent):
    """An unknown word is a 400 with a Go type in it."""
    assert task_on(release, docker_spec(image="a", network=word)).get("Network", {}).get("Type") == sent


def test_a_network_that_the_release_lacks_is_refused():
    """Running with another network than asked for is no answer."""
    with pytest.raises(SpecError, match=r"does not know Bridge; it knows None, Full, HTTP"):
        on("1.5.2", docker_spec(image="a", network="bridge"))


def test_empty_values_are_never_sent():
    """From 1.8 on the stored copy lacks them, so the same bytes are an update."""
    spec = {"Type": "batch", "Constraints": [{"Key": "a", "Operator": "exists", "Values": []}], "Tasks": []}
    assert on("1.9.3", spec)["Constraints"] == [{"Key": "a", "Operator": "exists"}]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "spec",
    [
        docker_spec(image="a", env={"A": "1", "b": "2"}, constraints="!x", network="full", publisher="local"),
        wasm_spec(module=b"\0asm", env={"A": "1"}, inputs={"/in": "s3://b/k"}),
    ],
    ids=["docker", "wasm"],
)
def test_shaping_is_repeatable_and_leaves_the_spec_alone(release, spec):
    """A second try must send the same bytes."""
    before = copy.deepcopy(spec)
    first = on(release, spec)
    assert on(release, spec) == first == on(release, first)
    assert spec == before
