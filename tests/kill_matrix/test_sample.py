"""A few cells of the kill matrix, other ones for another SEED: real processes die in every run of the suite."""

from __future__ import annotations

import os

import pytest

from cells import WHOLE, cells, sample
from matrix import SEED, Wish, play

COUNT = 10

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_whatever_dies_there_is_one_job_and_its_result(tmp_path):
    """A kill at a bad moment would run the user's program twice, leave it behind, or lose what it made."""
    seed = int(os.environ.get("SEED") or SEED)
    quick = [one for release in WHOLE for one in cells(release) if one.who not in ("server-gone", "triggerer-split")]
    chosen = sample(quick, COUNT, seed)
    lines = play(chosen, Wish(seed=seed), tmp_path / "table.jsonl", tmp_path / "home")
    assert [line.cell for line in lines if line.word in ("failed", "missed")] == [], [line.text for line in lines]
    assert len(lines) == COUNT
