"""The shown configuration, against recorded answers."""

from __future__ import annotations

import json

from orchestrator_stub.wire.config import config_fields


def test_the_configuration_comes_back_as_recorded(release, steps):
    """GET /agent/config would have another release's keys or defaults."""
    recorded = json.loads(steps("01")["config"]["body"])
    assert json.dumps(config_fields(release, "127.0.0.1", 1234)) == json.dumps(recorded)
