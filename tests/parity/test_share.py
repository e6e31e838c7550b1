"""A share of the recordings, small enough for every run: all scenarios that wait for less than a few seconds."""

from __future__ import annotations

import os
import urllib.request

import parity
import pytest

WAITING_S = float(os.environ.get("PARITY_WAITING", "5"))
"""Seconds; scenarios that by their own script take longer are played by `make parity` alone."""
PLANS = parity.plans(waiting=WAITING_S)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.release}-{plan.profile}")
def test_the_stub_answers_like_the_released_server(plan):
    """A DAG would pass against the stub and break on the cluster."""
    sitting = parity.play(plan)
    assert sitting.played
    assert [one for one in sitting.played if one.differences] == []


def test_the_share_knows_every_release():
    """A release would only be compared when somebody thinks of `make parity`."""
    assert {plan.release for plan in PLANS} == set(parity.releases()) == {"1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3"}


@pytest.mark.parametrize("profile", parity.PROFILES)
def test_every_profile_starts(profile):
    """A profile without recordings here could not be compared by whoever has some."""
    for release in parity.releases() if profile in ("nocompute", "plain-last") else ["1.9.3"]:
        with parity.stub(parity.Plan(release, profile, ())) as base, urllib.request.urlopen(f"{base}/api/v1/agent/alive") as answer:
            assert answer.read() == b'{"Status":"OK"}\n' or profile == "users"
