"""Where two jobs differ, told by path and never by value."""

from __future__ import annotations

from copy import deepcopy

import pytest

from airflow_provider_bacalhau.lifecycle.difference import differing_paths, named

WANTED = {
    "Name": "etl-clean-abc",
    "Type": "batch",
    "Count": 1,
    "Labels": {"team": "data", "airflow-fp": "1"},
    "Meta": {"airflow-run-id": "r"},
    "Tasks": [
        {
            "Name": "main",
            "Engine": {"Type": "docker", "Params": {"Image": "acme/clean:1", "Parameters": ["sh", "-c", "date"]}},
            "Env": {"DAY": "2026-01-01"},
        }
    ],
}


def stored(**task):
    """The job as a server would describe it, with another fingerprint and what it filled in."""
    job = deepcopy(WANTED) | {"ID": "j-1", "Namespace": "default", "Priority": 0, "Version": 1, "State": {"StateType": 1}}
    job["Labels"]["airflow-fp"] = "0"
    job["Tasks"][0] |= {"Resources": {"CPU": "500m"}, "Network": {"Type": "None"}, "Timeouts": {}, **task}
    job["Tasks"][0]["Engine"]["Params"]["Entrypoint"] = None
    return job


def test_what_the_server_fills_in_is_no_difference():
    """Every retry would be told about defaults that nobody changed."""
    assert differing_paths(stored(), WANTED) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"Env": {"DAY": "2026-01-02"}}, "Tasks[0].Env.DAY"),
        ({"Env": {"DAY": "2026-01-01", "OLD": "1"}}, "Tasks[0].Env.OLD"),
        ({"Env": {}}, "Tasks[0].Env.DAY"),
        ({"Name": "other"}, "Tasks[0].Name"),
    ],
)
def test_a_change_is_named_by_its_path(change, path):
    """The user would have to guess which template renders anew in every try."""
    assert differing_paths(stored(**change), WANTED) == [path]


def test_lists_are_compared_place_by_place():
    """A command with a time in it is the usual reason."""
    job = stored()
    job["Tasks"][0]["Engine"]["Params"]["Parameters"] = ["sh", "-c", "date --utc", "x"]
    assert differing_paths(job, WANTED) == [
        "Tasks[0].Engine.Params.Parameters[2]",
        "Tasks[0].Engine.Params.Parameters[3]",
    ]


def test_no_value_is_shown():
    """A changed password would stand in the log."""
    assert "2026" not in named(differing_paths(stored(Env={"DAY": "2026-01-02"}), WANTED))


def test_many_are_counted():
    """A warning of a thousand paths is read by nobody."""
    assert named([f"Env.{letter}" for letter in "abcdefg"]) == "Env.a, Env.b, Env.c, Env.d, Env.e and 2 more"
