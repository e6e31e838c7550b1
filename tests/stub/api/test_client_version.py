"""Versions that clients say they have (recorded: scenario 05)."""

from __future__ import annotations

import pytest

from orchestrator_stub.api.client_version import refusal, wants_states
from orchestrator_stub.domain.release import RELEASES

LATEST = RELEASES["1.9.3"]


@pytest.mark.parametrize(
    "version",
    ["", "v0.0.0", "v0.0.0-xxxxxxx", "v1.4.0", "1.4.0", "v1.5.2+meta", "v1.9", "v2.0.0", "v99.0.0", f"{2**63 - 1}"],
)
def test_these_are_welcome(version):
    """A client that real servers serve would be refused."""
    assert refusal(version.encode(), LATEST) is None


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("v1.3.0", "1.3.0"),
        ("v1", "1.0.0"),
        ("v1.4.0-rc1", "1.4.0-rc1"),
        ("1.3.9-rc1", "1.3.9-rc1"),
        ("01.02.03+b.c", "1.2.3+b.c"),
        ("0" * 5000 + "1", "1.0.0"),
    ],
)
def test_these_are_too_old(version, shown):
    """A client that real servers refuse would be served."""
    assert refusal(version.encode(), LATEST) == (
        403,
        {
            "Error": "Client version is outdated. Update your client",
            "MinVersion": "1.4.0",
            "ClientVersion": shown,
            "ServerVersion": "1.9.3",
        },
    )


@pytest.mark.parametrize(
    "version",
    ["garbage", "latest", "v1.x", "V1.4.0", "1.4.0.1", "v1.4.0-", "v1.4.0-a..b", f"{2**63}", "9" * 5000, "é", "²"],
)
def test_nonsense_is_a_400(version):
    """A mistake in a client's header would go unnoticed."""
    assert refusal(version.encode(), LATEST) == (400, {"Error": f"Invalid client version {version}"})


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("v1.4.0", True), ("v1.4.9", True), ("v1.5.0-rc1", True), ("v1.5.0", False), ("", False), ("v0.0.0", False)],
)
def test_clients_before_1_5_want_state_objects(version, wanted):
    """A 1.4 client would miss them, or a later one would get them."""
    assert wants_states(version.encode()) is wanted
