"""Job specs as users write them in files."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bacalhau.errors import SpecError
from airflow_provider_bacalhau.lifecycle.loading import load_spec

YAML = """
name: train
type: batch
count: 1
tasks:
  - name: main
    engine: {type: docker, params: {Image: "a:1", Parameters: [sleep, 5], EnvironmentVariables: [A=1]}}
    env: {DAY: 2026-01-01, FLAG: yes, N: 5, NONE: null}
    resources: {cpu: 0.5, GPU: 1}
    timeouts: {executiontimeout: 60}
    inputsources: [{source: {type: s3, params: {bucket: b}}, target: /in}]
constraints: ["region=eu", "!spot"]
labels: {team: x, tier: 1}
"""


def test_yaml_in_any_case_becomes_api_spelling_with_text_where_text_is_due():
    """Go reads keys in any case; the server refuses numbers where it wants text."""
    assert load_spec(YAML) == {
        "Name": "train",
        "Type": "batch",
        "Count": 1,
        "Tasks": [
            {
                "Name": "main",
                "Engine": {
                    "Type": "docker",
                    "Params": {"Image": "a:1", "Parameters": ["sleep", "5"], "EnvironmentVariables": ["A=1"]},
                },
                "Env": {"DAY": "2026-01-01", "FLAG": "true", "N": "5"},
                "Resources": {"CPU": "0.5", "GPU": "1"},
                "Timeouts": {"ExecutionTimeout": 60},
                "InputSources": [{"Source": {"Type": "s3", "Params": {"bucket": "b"}}, "Target": "/in"}],
            }
        ],
        "Constraints": [{"Key": "region", "Operator": "=", "Values": ["eu"]}, {"Key": "spot", "Operator": "!"}],
        "Labels": {"team": "x", "tier": "1"},
    }


def test_json_bytes_and_dicts_are_the_same():
    """Three ways to write one job must have one fingerprint."""
    plain = load_spec(YAML)
    assert load_spec(json.dumps(plain)) == load_spec(json.dumps(plain).encode()) == load_spec(plain) == plain


def test_a_described_job_can_be_submitted_again():
    """People paste `bacalhau job describe`; its state and id would be warned about or collide."""
    described = {
        "Job": {
            "ID": "j-1",
            "Type": "batch",
            "State": {"StateType": "Completed"},
            "Version": 1,
            "Revision": 3,
            "CreateTime": 1,
            "ModifyTime": 2,
            "Meta": {"m": "1", "bacalhau.org/orchestrator.id": "n"},
            "Tasks": [{"Name": "main", "ResourcesConfig": {"CPU": "1"}}],
        }
    }
    assert load_spec(described) == {
        "Type": "batch",
        "Meta": {"m": "1"},
        "Tasks": [{"Name": "main", "Resources": {"CPU": "1"}}],
    }


def test_a_job_of_an_answer_with_more_in_it():
    """The answer of a describe has executions beside the job; a spec with an odd key is still the spec."""
    assert load_spec({"Job": {"Type": "ops"}, "Executions": {"Items": []}}) == {"Type": "ops"}
    assert load_spec({"Type": "ops", "Tasks": [], "job": {"Type": "batch"}})["Type"] == "ops"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the document is empty"),
        ("just text", "the document is a str"),
        ("[1]", "the document is a list"),
        ("a: [1", "neither YAML nor JSON in line"),
        ("a: 1\n---\nb: 2", "holds 2 documents"),
    ],
)
def test_what_is_no_spec_is_said_in_one_sentence(text, words):
    """A parser's stack is no help."""
    with pytest.raises(SpecError, match=words):
        load_spec(text)


def test_python_objects_in_yaml_are_refused():
    """A template must not run code on the worker."""
    with pytest.raises(SpecError):
        load_spec("a: !!python/object/apply:os.system ['true']")
