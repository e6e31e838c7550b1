"""What is wrong with a spec is said before it is sent."""

from __future__ import annotations

import copy

import pytest

from airflow_provider_bacalhau.errors import SpecError
from airflow_provider_bacalhau.lifecycle.validation import advice, check, validate

GOOD = {
    "Type": "batch",
    "Count": 1,
    "Tasks": [{"Name": "main", "Engine": {"Type": "docker", "Params": {"Image": "a"}}}],
}
S3 = {"Type": "s3", "Params": {"Bucket": "b", "Key": "k/{jobID}"}}


def with_task(**parts):
    spec = copy.deepcopy(GOOD)
    spec["Tasks"][0].update(parts)
    return spec


def inputs(*targets):
    return [{"Source": {"Type": "s3", "Params": {}}, "Target": target} for target in targets]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({}, "Type: missing; one of batch, ops, service, daemon"),
        ({"Type": "batch"}, "Tasks: missing; a list with one task"),
        ({**GOOD, "Type": "cron"}, "Type: 'cron' is unknown; one of batch, ops, service, daemon"),
        ({**GOOD, "Tasks": [{}, {}]}, "Tasks: 2 tasks, but the server runs only the first; submit one job per task"),
        ({**GOOD, "Tasks": [None]}, "Tasks[0]: not a mapping"),
        (with_task(Name=""), "Tasks[0].Name: missing; for example main"),
        (with_task(Engine={}), "Tasks[0].Engine.Type: missing; for example docker or wasm"),
        (with_task(Engine={"Type": "docker"}), "Tasks[0].Engine.Params.Image: missing; for example busybox:1.36"),
        (
            with_task(Engine={"Type": "wasm", "Params": {}}),
            "Tasks[0].Engine.Params.EntryModule: missing; the target of an input, for example /wasm/entry.wasm",
        ),
        (
            with_task(Engine={"Type": "docker", "Params": {"Image": "a", "Entrypoint": "sh"}}),
            'Tasks[0].Engine.Params.Entrypoint: not a list; for example ["sh", "-c", "echo hi"]',
        ),
        (
            with_task(Engine={"Type": "docker", "Params": {"Image": "a", "WorkingDirectory": "x"}}),
            "Tasks[0].Engine.Params.WorkingDirectory: 'x' is relative; write an absolute path",
        ),
        ({**GOOD, "Count": 10_001}, "Count: 10,001 is above 10,000; use .expand(), one job per item"),
        ({**GOOD, "Count": -1}, "Count: -1 is no number of executions; for example 1"),
        ({**GOOD, "Count": "2"}, "Count: '2' is no number of executions; for example 1"),
        ({**GOOD, "Type": "ops", "Count": 2}, "Count: a ops job runs once on every matching node; leave Count out"),
        (with_task(Env={"A-B": "1"}), "Tasks[0].Env.A-B: not a name; letters, digits and _, not a digit first"),
        (
            with_task(Env={"Bacalhau_X": "1"}),
            "Tasks[0].Env.Bacalhau_X: names that start with BACALHAU_ are the server's own; choose another",
        ),
        (with_task(Env=["A=1"]), "Tasks[0].Env: not a mapping of text to text"),
        ({**GOOD, "Labels": {"a": ["x"]}}, "Labels.a: list is no text"),
        ({**GOOD, "Labels": {"": "x"}}, "Labels: has an empty name"),
        (
            with_task(InputSources=[{"Target": "/in"}]),
            "Tasks[0].InputSources[0].Source.Type: missing; for example s3 or urlDownload",
        ),
        (with_task(InputSources=inputs("")), "Tasks[0].InputSources[0].Target: missing; for example /inputs"),
        (
            with_task(InputSources=inputs("in")),
            "Tasks[0].InputSources[0].Target: 'in' is relative; write an absolute path",
        ),
        (
            with_task(InputSources=inputs("/a", "/a")),
            "Tasks[0].InputSources[1].Target: /a is already another input's target",
        ),
        (
            with_task(ResultPaths=[{"Name": "o", "Path": "/o"}]),
            "Tasks[0].Publisher: missing; ResultPaths need one, for example local or s3",
        ),
        (
            with_task(Publisher=S3, ResultPaths=[{"Name": "o", "Path": "o"}]),
            "Tasks[0].ResultPaths[0].Path: 'o' is relative; write an absolute path",
        ),
        (
            with_task(Publisher=S3, ResultPaths=[{"Name": "o", "Path": "/o"}, {"Name": "o", "Path": "/p"}]),
            "Tasks[0].ResultPaths[1].Name: o is used twice",
        ),
        (
            with_task(Publisher=S3, ResultPaths=[{"Name": "stdout", "Path": "/o"}]),
            "Tasks[0].ResultPaths[0].Name: 'stdout' cannot be used; stdout, stderr, exitCode and '/' are taken",
        ),
        (
            with_task(Resources={"CPU": "lots"}),
            "Tasks[0].Resources.CPU: 'lots' cannot be read; for example 2, 0.5 or 500m",
        ),
        (
            with_task(Resources={"Memory": "big"}),
            "Tasks[0].Resources.Memory: 'big' cannot be read; for example 512MB or 4GB",
        ),
        (with_task(Resources={"GPU": "0.5"}), "Tasks[0].Resources.GPU: '0.5' cannot be read; a whole number"),
        (with_task(Timeouts={"TotalTimeout": -5}), "Tasks[0].Timeouts.TotalTimeout: -5 is no whole number of seconds"),
        (
            with_task(Timeouts={"ExecutionTimeout": 100, "QueueTimeout": 100, "TotalTimeout": 120}),
            "Tasks[0].Timeouts.TotalTimeout: 120 s is less than ExecutionTimeout and QueueTimeout together (200 s)",
        ),
        (with_task(Network={"Type": "Full", "Domains": ["a.b"]}), "Tasks[0].Network.Domains: only with Type HTTP"),
        ({**GOOD, "Constraints": [{"Key": "a", "Operator": "~", "Values": ["x"]}]}, None),
        ({**GOOD, "Constraints": [{"Operator": "in"}]}, "Constraints[0].Key: missing; for example region"),
        (
            {**GOOD, "Constraints": [{"Key": "a", "Operator": "in"}]},
            "Constraints[0].Values: in needs Values, for example [eu]",
        ),
        (
            {**GOOD, "Constraints": [{"Key": "a", "Operator": "!", "Values": ["x"]}]},
            "Constraints[0].Values: ! takes no Values",
        ),
        (
            {**GOOD, "Constraints": [{"Key": "cores", "Operator": "gt", "Values": ["many"]}]},
            "Constraints[0].Values: gt needs one whole number, for example [4]",
        ),
        (
            with_task(Publisher={"Type": "s3", "Params": {"Key": "k/{jobID}"}}),
            "Tasks[0].Publisher.Params.Bucket: missing; for example my-bucket",
        ),
        (
            with_task(Publisher={"Type": "s3"}),
            "Tasks[0].Publisher.Params.Key: missing; for example {jobID}/{executionID}",
        ),
    ],
)
def test_problems_name_the_path_and_what_would_be_right(spec, problem):
    """The server names half of these in its own words, some only on the node, some not at all."""
    problems = validate(spec)
    if problem is None:
        assert problems[0].startswith("Constraints[0].Operator: '~' is unknown; one of")
    else:
        assert problem in problems


def test_a_good_spec_has_no_problems():
    """A refused good spec cannot be submitted at all."""
    good = with_task(
        Publisher=S3,
        Env={"A": "1", "low": "2"},
        InputSources=inputs("/a", "/b"),
        ResultPaths=[{"Name": "o", "Path": "/o"}],
        Resources={"CPU": "500m", "Memory": "1.5 GiB", "Disk": "10gb", "GPU": "1"},
        Timeouts={"ExecutionTimeout": 60, "QueueTimeout": 0, "TotalTimeout": 60},
    )
    assert validate(good) == []
    check(good)


def test_all_problems_come_together():
    """One problem per DAG run is no way to find five."""
    with pytest.raises(SpecError) as caught:
        check({"Type": "cron", "Tasks": [{}]})
    assert len(caught.value.problems) == 3
    assert "Tasks[0].Engine.Type: missing" in str(caught.value)


@pytest.mark.parametrize("several", [{"Count": 2}, {"Type": "ops", "Count": None}])
def test_several_executions_must_not_write_one_object(several):
    """The last one would silently overwrite the others."""
    (problem,) = validate({**with_task(Publisher=S3), **several})
    assert problem == (
        "Tasks[0].Publisher.Params.Key: several executions would write the same object 'k/{jobID}'; "
        "add {executionID}: k/{jobID}/{executionID}"
    )
    for word in ("{executionID}", "{nodeID}"):
        fine = {"Type": "s3", "Params": {"bucket": "b", "key": f"k/{word}.tar.gz"}}
        assert validate({**with_task(Publisher=fine), **several}) == []


def test_a_key_that_the_next_run_overwrites_is_warned_about():
    """It is allowed: some want exactly that."""
    fixed = {"Type": "s3", "Params": {"Bucket": "b", "Key": "latest"}}
    assert validate(with_task(Publisher=fixed)) == []
    assert "the next run overwrites" in advice(with_task(Publisher=fixed))[0]
    assert advice(with_task(Publisher=S3)) == []


def test_an_archive_as_input_is_warned_about_once():
    """It arrives as a file, not as the files in it."""
    archive = {"Source": {"Type": "s3", "Params": {"Key": "k/e.tar.gz"}}, "Target": "/in"}
    lines = advice(with_task(InputSources=[archive, {**archive, "Target": "/b"}]))
    assert len(lines) == 1
    assert "tar.gz arrives as that file" in lines[0]


def test_a_misspelled_key_is_warned_about():
    """The server ignores it in silence, and the job runs without its limits."""
    assert advice(with_task(Resource={"CPU": "1"})) == [
        "Tasks[0].Resource: unknown, the server ignores it; do you mean Resources?"
    ]
    assert advice({**GOOD, "Labels": {"anything": "x"}}) == []
