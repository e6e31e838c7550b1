"""The calls of the agent."""

from __future__ import annotations

import pytest

from airflow_provider_bacalhau.client.calls import agent
from airflow_provider_bacalhau.client.protocol import read_answer
from airflow_provider_bacalhau.models.capabilities import UNKNOWN

RELEASES = ("1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3")


@pytest.mark.parametrize("release", RELEASES)
def test_recorded_answers_are_read(recorded, release):
    """A release would not be recognised by its own words."""
    assert read_answer(agent.alive(), recorded(release, "01", "alive"), UNKNOWN) is True
    version = read_answer(agent.version(), recorded(release, "01", "version"), UNKNOWN)
    assert version.release == release
    assert read_answer(agent.node(), recorded(release, "01", "node"), UNKNOWN).engines == ["wasm"]


def test_a_server_that_does_not_say_ok_is_not_alive(answer):
    """Any JSON would pass for a living server."""
    assert read_answer(agent.alive(), answer(200, {"Status": "starting"}), UNKNOWN) is False
