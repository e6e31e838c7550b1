"""Which cells there are, and how a sample of them is chosen."""

from __future__ import annotations

import pytest
from cells import MODES, OTHER_AIRFLOW, SAMPLE, SAMPLED, WHO, WHOLE, Cell, cells, full_run, pairs, pairwise, requests, sample


@pytest.mark.parametrize("release", (*WHOLE, *SAMPLED))
def test_every_request_is_disturbed_by_everybody_who_is_there(release):
    """A moment of a task's life would be left out, and the promise be made without it."""
    found = cells(release)
    assert len({one.name for one in found}) == len(found)
    for mode in MODES:
        for request in requests(mode, release):
            who = {one.who for one in found if (one.mode, one.point) == (mode, request.name)}
            there = {"triggerer-kill", "triggerer-term"} if request.leg == "trigger" else {"worker-kill", "worker-term"}
            assert there | {"lost-request", "lost-reply", "late-request", "clear", "scheduler-kill"} <= who
    assert {one.who for one in found} == set(WHO)


def test_nobody_dies_who_is_not_there():
    """A worker would be killed while the triggerer waits, which is another cell under a wrong name."""
    found = cells("1.9.3")
    assert not [one.name for one in found if one.who.startswith("worker") and one.leg == "trigger"]
    assert not [one.name for one in found if one.who.startswith("triggerer") and one.leg != "trigger"]


def test_a_full_run_is_two_whole_releases_and_a_sample_of_the_rest():
    """A release would be promised that was never looked at."""
    found = full_run(1)
    for release in WHOLE:
        assert set(cells(release)) <= set(found)
    others = [one for one in found if one.release in SAMPLED or one.airflow == OTHER_AIRFLOW]
    assert len(others) >= SAMPLE
    assert {(one.release, one.airflow) for one in others} >= {(each, OTHER_AIRFLOW) for each in (*WHOLE, *SAMPLED)}
    assert len(found) == len(set(found))


@pytest.mark.parametrize("seed", range(3))
def test_a_pairwise_sample_holds_every_pair(seed):
    """Two things that only fail together would never meet in the sample."""
    every = [*cells("1.8.0"), *cells("1.7.0", OTHER_AIRFLOW)]
    chosen = pairwise(every, 10, seed)
    assert set().union(*map(pairs, chosen)) == set().union(*map(pairs, every))
    assert len(chosen) < len(every) / 4
    assert pairwise(every, 10, seed) == chosen


def test_a_sample_is_mixed_and_the_same_for_the_same_seed():
    """The sample of every test run would be ten cells of one kind, or a failure could not be repeated."""
    every = cells("1.9.3")
    chosen = sample(every, 10, 3)
    assert chosen == sample(every, 10, 3)
    assert chosen != sample(every, 10, 4)
    assert len({(one.who, one.mode) for one in chosen}) == 10


def test_a_name_tells_all_of_a_cell():
    """A cell of the report could not be played again."""
    cell = Cell("submit", "after", "worker-kill", "deferred", "1.9.3")
    assert cell.name == "deferred.submit:after.worker-kill.1.9.3.airflow-3.3.2"
    assert Cell("quiet", "", "clear", "inline", "1.5.2").name == "inline.quiet.clear.1.5.2.airflow-3.3.2"
