"""Job specs from operators' arguments, and overrides and limits laid over them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_bacalhau.errors import ConfigError
from airflow_provider_bacalhau.lifecycle.spec import (
    Timeouts,
    docker_spec,
    is_local_module,
    merge,
    timeouts_of,
    validate,
    wasm_spec,
    with_timeouts,
)


def test_the_example_of_the_contract():
    """What users type becomes what the server reads."""
    spec = docker_spec(
        image="acme/clean:1.4",
        command=["python", "clean.py"],
        env={"DAY": "2026-01-01", "N": 3, "ON": True},
        inputs={"/inputs": "s3://acme-raw/sales/2026-01-01/*?region=eu-west-1"},
        publisher="s3://acme-clean/2026-01-01/{jobID}/{executionID}?region=eu-west-1&encoding=plain",
        resources={"cpu": 2, "memory": "4GB", "gpu": 1, "disk": "20GB"},
        constraints=["region in (eu-west-1,eu-north-1)", "!spot"],
        labels={"team": "x"},
        meta={"ticket": 7},
        name="clean",
    )
    assert spec == {
        "Name": "clean",
        "Type": "batch",
        "Count": 1,
        "Constraints": [
            {"Key": "region", "Operator": "in", "Values": ["eu-west-1", "eu-north-1"]},
            {"Key": "spot", "Operator": "!"},
        ],
        "Labels": {"team": "x"},
        "Meta": {"ticket": "7"},
        "Tasks": [
            {
                "Name": "main",
                "Engine": {
                    "Type": "docker",
                    "Params": {"Image": "acme/clean:1.4", "Parameters": ["python", "clean.py"]},
                },
                "Env": {"DAY": "2026-01-01", "N": "3", "ON": "true"},
                "InputSources": [
                    {
                        "Source": {
                            "Type": "s3",
                            "Params": {"Bucket": "acme-raw", "Key": "sales/2026-01-01/*", "Region": "eu-west-1"},
                        },
                        "Target": "/inputs",
                    }
                ],
                "Publisher": {
                    "Type": "s3",
                    "Params": {
                        "Bucket": "acme-clean",
                        "Key": "2026-01-01/{jobID}/{executionID}",
                        "Region": "eu-west-1",
                        "Encoding": "plain",
                    },
                },
                "ResultPaths": [{"Name": "outputs", "Path": "/outputs"}],
                "Resources": {"CPU": "2", "Memory": "4GB", "GPU": "1", "Disk": "20GB"},
            }
        ],
    }
    assert validate(spec) == []


def test_text_commands_run_in_a_shell():
    """The server runs without a shell: `a && b` would be one program's arguments."""
    params = docker_spec(image="a", command="echo $HOME && ls", entrypoint="/run", working_dir="/w")["Tasks"][0][
        "Engine"
    ]["Params"]
    assert params["Parameters"] == ["sh", "-c", "echo $HOME && ls"]
    assert (params["Entrypoint"], params["WorkingDirectory"]) == (["/run"], "/w")


def test_only_what_is_given_is_written():
    """An empty part would differ from what the server stores, and change the fingerprint."""
    assert docker_spec(image="a") == {
        "Type": "batch",
        "Count": 1,
        "Tasks": [{"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "a"}}}],
    }


def test_outputs_need_a_publisher_and_can_be_named():
    """Nothing is published without a publisher, and without a result path nothing but stdout."""
    assert "ResultPaths" not in docker_spec(image="a")["Tasks"][0]
    assert docker_spec(image="a", publisher="local", outputs={"o": "/o"})["Tasks"][0]["ResultPaths"] == [
        {"Name": "o", "Path": "/o"}
    ]
    assert "ResultPaths" not in docker_spec(image="a", publisher="local", outputs={})["Tasks"][0]


def test_ops_and_daemon_have_no_count():
    """1.7 and later refuse a count for them."""
    assert "Count" not in docker_spec(image="a", job_type="ops")
    with pytest.raises(ConfigError, match="leave count out"):
        docker_spec(image="a", job_type="daemon", count=3)


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        ("full", {"Type": "Full"}),
        ("HTTP", {"Type": "HTTP"}),
        ({"Type": "http", "Domains": ["a.b"]}, {"Type": "HTTP", "Domains": ["a.b"]}),
    ],
)
def test_network_words(given, wire):
    """The server knows its words in one spelling only."""
    assert docker_spec(image="a", network=given)["Tasks"][0]["Network"] == wire


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ({"network": "lan"}, "network: 'lan' is unknown"),
        ({"resources": {"ram": 1}}, "resources: 'ram' is unknown"),
        ({"publisher": "ftp://x"}, "publisher 'ftp://x' is not known"),
        ({"inputs": {"/in": "ftp://x"}}, "'ftp://x' is no source"),
        ({"constraints": ["region =="]}, None),
        ({"constraints": ["a b c"]}, "constraint 'a b c' cannot be read"),
    ],
)
def test_a_wrong_argument_is_named(argument, words):
    """An error of the server tells a path in JSON that the user never wrote."""
    if words is None:
        docker_spec(image="a", **argument)
        return
    with pytest.raises(ConfigError, match=words):
        docker_spec(image="a", **argument)


def test_wasm_by_uri_and_by_bytes():
    """The module is an input of the job."""
    spec = wasm_spec(module="s3://b/m.wasm", parameters=["a", 1], inputs={"/in": "https://x/y"}, count=2)
    task = spec["Tasks"][0]
    assert task["Engine"] == {
        "Type": "wasm",
        "Params": {"EntryModule": "/wasm/entry.wasm", "Entrypoint": "_start", "Parameters": ["a", "1"]},
    }
    assert [one["Target"] for one in task["InputSources"]] == ["/wasm/entry.wasm", "/in"]
    assert task["InputSources"][0]["Source"] == {"Type": "s3", "Params": {"Bucket": "b", "Key": "m.wasm"}}
    inline = wasm_spec(module=b"\0asm")["Tasks"][0]["InputSources"][0]["Source"]
    assert inline == {"Type": "inline", "Params": {"URL": "data:application/wasm;base64,AGFzbQ=="}}


def test_wasm_by_input_object():
    """A module may come from any source."""
    source = {"Type": "s3", "Params": {"Bucket": "b", "Key": "k"}}
    for module in (source, {"Source": source, "Target": "/elsewhere.wasm"}):
        entry = wasm_spec(module=module)["Tasks"][0]["InputSources"][0]
        assert entry == {"Source": source, "Target": "/wasm/entry.wasm"}


def test_a_path_is_for_the_operator_to_read():
    """This room does no IO; a path sent as it is would be looked for on the node."""
    assert is_local_module("dags/m.wasm")
    assert not any(is_local_module(one) for one in ("s3://b/k", "https://x", "data:x", b"\0asm", {"Type": "s3"}))
    with pytest.raises(ConfigError, match="local path"):
        wasm_spec(module="dags/m.wasm")


def test_a_module_too_large_for_a_request_is_refused():
    """The server answers 413 without a word about S3."""
    with pytest.raises(ConfigError, match="put it on S3"):
        wasm_spec(module=b"\0" * 7_000_001)


def test_overrides_merge_deeply_and_replace_lists():
    """job_overrides is the last word on anything the arguments cannot say."""
    spec = {"Type": "batch", "Labels": {"a": "1"}, "Priority": 3, "Tasks": [{"Name": "main"}]}
    merged = merge(spec, {"labels": {"b": 2}, "Priority": None, "Tasks": [{"Name": "other"}]})
    assert merged == {"Type": "batch", "Labels": {"a": "1", "b": "2"}, "Tasks": [{"Name": "other"}]}
    assert spec["Labels"] == {"a": "1"}
    assert merge(spec, {}) == spec


def test_limits_go_to_the_server_in_whole_seconds():
    """What the server can enforce it shall enforce, even when all of Airflow is gone."""
    spec = {"Tasks": [{"Timeouts": {"QueueTimeout": 5, "ExecutionTimeout": 9}}]}
    changed = with_timeouts(spec, run=timedelta(minutes=1.0001), total=100)
    assert changed["Tasks"][0]["Timeouts"] == {"QueueTimeout": 5, "ExecutionTimeout": 61, "TotalTimeout": 100}
    assert spec["Tasks"][0]["Timeouts"] == {"QueueTimeout": 5, "ExecutionTimeout": 9}
    assert with_timeouts({"Tasks": [{"Name": "main"}]}) == {"Tasks": [{"Name": "main"}]}


@pytest.mark.parametrize(
    ("own", "total"),
    [({}, 4_200), ({"TotalTimeout": 60}, 60), ({"ExecutionTimeout": 9_000, "QueueTimeout": 5}, 9_005)],
)
def test_a_job_does_not_outlive_its_task_for_long(own, total):
    """The dead man's switch; below the sum of the others the server would refuse the job."""
    changed = with_timeouts({"Tasks": [{"Timeouts": own}]}, execution_timeout=timedelta(hours=1))
    assert changed["Tasks"][0]["Timeouts"]["TotalTimeout"] == total


def test_limits_of_a_spec_are_the_clients_too():
    """A spec with its own limits is waited for as long as the server allows."""
    assert timeouts_of({"Tasks": [{"Timeouts": {"QueueTimeout": 0, "ExecutionTimeout": 60}}]}) == Timeouts(run=60.0)
    assert timeouts_of({}) == timeouts_of({"Tasks": [None]}) == Timeouts()
