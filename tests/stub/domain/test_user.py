"""API users and what they may do (fact sheet 9.4, FINDINGS 1 row 9.4)."""

from __future__ import annotations

import pytest

from orchestrator_stub.domain.user import User, needed_capability


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/api/v1/agent/alive", ""),
        ("POST", "/api/v1/agent/version", ""),
        ("GET", "/api/v1/agent/authconfig", ""),
        ("POST", "/api/v1/auth/clientkey", ""),
        ("GET", "/api/v1/authors", ""),
        ("GET", "/api/v1/version", ""),
        ("GET", "/api/v1/agent/node", "read:agent"),
        ("HEAD", "/api/v1/agent/node", "write:agent"),
        ("GET", "/api/v1/agents", "read:agent"),
        ("GET", "/api/v1/orchestrator/jobs/j-1/logs", "read:job"),
        ("DELETE", "/api/v1/orchestrator/jobs/j-1", "write:job"),
        ("GET", "/api/v1/orchestrator/nodes", "read:node"),
        ("PUT", "/api/v1/orchestrator/nodes/n-1", "write:node"),
        ("GET", "/api/v1/orchestrator/nope", "write:node"),
        ("GET", "/", "write:node"),
        ("GET", "/API/V1/agent/alive", "write:node"),
        ("GET", "", "write:node"),
    ],
)
def test_what_a_request_needs_comes_from_its_verb_and_path(method, path, needed):
    """A reader could write, or a health check would need a password."""
    assert needed_capability(method, path) == needed


@pytest.mark.parametrize(
    ("actions", "capability", "may"),
    [
        (["*"], "write:node", True),
        (["read:*"], "read:job", True),
        (["read:*"], "write:job", False),
        (["write:*"], "write:agent", True),
        (["write:*"], "read:agent", False),
        (["read:job"], "read:job", True),
        (["read:job"], "read:node", False),
        (["read:j*"], "read:job", False),
        ([], "read:job", False),
    ],
)
def test_an_action_covers_itself_and_stars_cover_what_they_say(actions, capability, may):
    """A user would be let in, or kept out, other than on a real server."""
    assert User(capabilities=(("read:nothing",), tuple(actions))).may(capability) is may


def test_a_user_is_named_by_what_there_is():
    """A refusal would not say whose rights were too few."""
    key = "a-key-of-20-characters"
    assert User(alias="Admin", username="admin").shown_name == "Admin"
    assert User(username="admin").shown_name == "admin"
    assert User(api_key=key).shown_name == "API key ending in ...cters"


def test_no_secret_stands_in_a_user_s_repr():
    """A traceback or a log line would give a password away."""
    shown = repr(User(alias="Admin", username="admin", password="secret-password", api_key="secret-key"))
    assert "secret" not in shown
    assert "admin" in shown
