"""Secrets in a job spec."""

from __future__ import annotations

import re

import pytest

from airflow_provider_bacalhau.errors import ConfigError, SpecError
from airflow_provider_bacalhau.lifecycle.secrets import check_secrets, differing, secret_paths

PARAMS = {
    "Image": "acme/clean:1",
    "Parameters": ["sh", "-c", "psql postgres://u:hunter2@db"],
    "EnvironmentVariables": ["DAY=1", "API_TOKEN=abc", "lonely", "DB=hunter2"],
}
SPEC = {
    "Type": "batch",
    "Count": 1,
    "Tasks": [
        {
            "Name": "main",
            "Engine": {"Type": "docker", "Params": PARAMS},
            "Env": {"DB_PASSWORD": "s", "FROM_NODE_PASSWORD": "env:DB_PASSWORD", "NO_PASSWORD": ""},
        }
    ],
}
FOUND = (
    "Tasks[0].Engine.Params.Parameters[2]",
    "Tasks[0].Engine.Params.EnvironmentVariables.API_TOKEN",
    "Tasks[0].Engine.Params.EnvironmentVariables.DB",
    "Tasks[0].Env.DB_PASSWORD",
)


def redact(value, name=""):
    """As Airflow does: by a key's name, and by what was registered."""
    if isinstance(value, dict):
        return {key: redact(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [redact(one) for one in value]
    if isinstance(value, str):
        return "***" if re.search("password|token", name.lower()) else value.replace("hunter2", "***")
    return value


def test_paths_are_told_and_values_are_not():
    """The warning itself would publish the secret, or nobody would find the place."""
    assert secret_paths(SPEC, redact) == FOUND
    (line,) = check_secrets(SPEC, rule="warn", redact=redact)
    assert all(path in line for path in FOUND)
    assert "hunter2" not in line
    assert "env:NAME" in line


def test_a_variable_of_the_node_is_no_secret():
    """The way out that the warning names would be warned of, too."""
    spec = {"Tasks": [{"Env": {"A_TOKEN": "env:A_TOKEN", "B_TOKEN": "env:not a name"}}]}
    assert secret_paths(spec, redact) == ("Tasks[0].Env.B_TOKEN",)


def test_what_cannot_be_compared_is_told_as_a_whole():
    """Airflow gives one text for what it fails to read: nothing would be told, as if there were no secret."""
    assert differing({"a": [1, 2]}, "<redaction-failed>") == ("the whole spec",)
    assert differing({"a": [1, 2]}, {"a": [1]}) == ("a",)
    assert differing({"a": [1, 2]}, {"a": (1, 3)}) == ("a[1]",)
    assert differing({"a": 1}, {"a": 1}) == ()


def test_refusing_names_the_paths():
    """The user would have to search for what was refused."""
    with pytest.raises(SpecError, match=r"Tasks\[0\]\.Env\.DB_PASSWORD.*secrets_in_spec = refuse") as caught:
        check_secrets(SPEC, rule=" Refuse", redact=redact)
    assert "hunter2" not in str(caught.value)


def test_allowed_is_allowed():
    """Who has decided would be told in every task."""
    assert check_secrets(SPEC, rule="allow", redact=redact) == ()
    assert check_secrets({"Tasks": []}, rule="refuse", redact=redact) == ()


def test_an_unknown_rule_is_told():
    """A misspelt "refuse" would publish every secret."""
    with pytest.raises(ConfigError, match=r"secrets_in_spec is 'deny': it is one of warn, refuse, allow\.$"):
        check_secrets({}, rule="deny", redact=redact)
