"""Recorded answers of released servers and the examples of the user's document."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "golden"
RELEASES = ("1.5.2", "1.6.5", "1.7.0", "1.8.0", "1.9.3")


@cache
def steps(release, scenario):
    """Step id -> recorded step of a scenario such as "06"."""
    (path,) = (GOLDEN / release).glob(f"{scenario}-*.json")
    return {step["id"]: step for step in json.loads(path.read_text())["steps"]}


@pytest.fixture
def recorded():
    """recorded(release, scenario, step) -> the JSON body that the real server sent."""
    return lambda release, scenario, step: json.loads(steps(release, scenario)[step]["body"])


@pytest.fixture(params=RELEASES)
def release(request):
    """Each recorded release."""
    return request.param


@pytest.fixture(scope="session")
def page():
    """Operation -> the answer that the user's document prints."""
    return json.loads((GOLDEN / "docs" / "page.json").read_text())
