"""The shown configuration, against recorded answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator_stub.domain.release import RELEASES
from orchestrator_stub.settings.users import load_users
from orchestrator_stub.wire.config import config_fields

CONFORMANCE = Path(__file__).parents[2] / "conformance"
GOLDEN = Path(__file__).parents[2] / "golden"


def test_the_configuration_comes_back_as_recorded(release, steps):
    """GET /agent/config would have another release's keys or defaults."""
    recorded = json.loads(steps("01")["config"]["body"])
    assert json.dumps(config_fields(release, "127.0.0.1", 1234)) == json.dumps(recorded)


def test_a_server_that_computes_nothing_says_so(release):
    """GET /agent/config of a pure orchestrator would say that it is a compute node."""
    compute = config_fields(release, "127.0.0.1", 1234, computes=False)["config"]["Compute"]
    assert next(iter(compute)) == "Orchestrators"
    assert "Enabled" not in compute


@pytest.mark.parametrize("release", ["1.7.0", "1.8.0", "1.9.3"])
def test_users_are_shown_without_their_secrets(release):
    """Whoever may read the configuration could read every password."""
    recorded = {step["id"]: step for step in json.loads((GOLDEN / release / "41-users.json").read_text())["steps"]}
    shown = json.loads(recorded["reader-05"]["body"])["config"]["API"]["Auth"]
    users = load_users(CONFORMANCE / "profiles" / "users.yaml")
    auth = config_fields(RELEASES[release], "127.0.0.1", 1234, users)["config"]["API"]["Auth"]
    assert json.dumps(auth) == json.dumps(shown)
