"""What the tests of the client share."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from airflow_provider_bacalhau.client.classify import Answer
from airflow_provider_bacalhau.client.config import ClientConfig

GOLDEN = Path(__file__).parents[2] / "golden"


@cache
def auth_steps(release):
    """Step id -> what a server with API users answered."""
    return json.loads((GOLDEN / "auth" / f"{release}.json").read_text())["steps"]


@cache
def steps(release, scenario):
    """Step id -> recorded step of a scenario such as "06"."""
    (path,) = (GOLDEN / release).glob(f"{scenario}-*.json")
    return {step["id"]: step for step in json.loads(path.read_text())["steps"]}


@pytest.fixture
def config():
    """A plain connection to this machine."""
    return ClientConfig("http://127.0.0.1:1234")


@pytest.fixture
def answer():
    """answer(status, body, **headers) -> an Answer; the body is text or JSON."""

    def make(status, body="", **headers):
        text = body if isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(status, named, text.encode(), "http://bac.example:1234", "req-1")

    return make


@pytest.fixture
def recorded(answer):
    """recorded(release, scenario, step) -> the Answer that the real server sent."""

    def make(release, scenario, step):
        one = steps(release, scenario)[step]
        return answer(one["status"], one["body"], x_bacalhau_git_version=f"v{release}")

    return make


@pytest.fixture
def recorded_auth(answer):
    """recorded_auth(release, step) -> what the real server with API users sent."""

    def make(release, step):
        one = auth_steps(release)[step]
        return answer(one["status"], one["body"])

    return make
